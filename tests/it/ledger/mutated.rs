//! A ledger that someone has been at: what was changed is found, and where.

use std::fs;
use std::ops::Range;
use std::path::Path;

use parcel_risk::ledger::{VerifyError, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Place, outcome, parcels, records_of, requests, stop, times};
use crate::harness::{start, within};

const N_DECISIONS: usize = 48;
const N_RECORDS: usize = N_DECISIONS + 9;

async fn written() -> Place {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = v1::risk_scoring_service_client::RiskScoringServiceClient::new(channel.clone());
    let mut outcomes = OutcomeServiceClient::new(channel);
    let sent = parcels(N_DECISIONS);
    let mut batch = requests(&sent);
    batch.requests.iter_mut().enumerate().for_each(|(idx, request)| request.request_id = format!("r{idx}"));
    within(scoring.score_parcels(batch)).await.unwrap();
    let found = |parcel: &v1::Parcel| outcome(&parcel.item_id, 1_700_000_000, v1::Finding::Clean);
    let request = v1::RecordOutcomesRequest { outcomes: sent[..8].iter().map(found).collect() };
    within(outcomes.record_outcomes(request)).await.unwrap();
    drop(scoring);
    stop(outcomes, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().head.seq, N_RECORDS as i64);
    place
}

/// Changes a ledger, and tells what was done and at which record that must be found.
fn mutate(bytes: &mut Vec<u8>, records: &[Range<usize>], random: &mut ChaCha8Rng) -> (String, usize) {
    let mut below = |n: usize| usize::try_from(random.next_u64()).unwrap() % n;
    let idx = below(N_RECORDS);
    let (seq, record) = (idx + 1, records[idx].clone());
    match below(10) {
        0 => {
            bytes.drain(record);
            (format!("record {seq} removed"), seq)
        }
        1 => {
            bytes.truncate(record.start);
            (format!("cut before record {seq}"), seq)
        }
        2 => {
            bytes.truncate(record.start + 1 + below(record.len() - 1));
            (format!("cut within record {seq}"), seq)
        }
        3 => {
            let other = (idx + 1 + below(N_RECORDS - 1)) % N_RECORDS;
            let (first, second) = (idx.min(other), idx.max(other));
            let (one, two) = (records[first].clone(), records[second].clone());
            let between = bytes[one.end..two.start].to_vec();
            let swapped = [bytes[two.clone()].to_vec(), between, bytes[one.clone()].to_vec()].concat();
            bytes.splice(one.start..two.end, swapped);
            (format!("records {} and {} swapped", first + 1, second + 1), first + 1)
        }
        4 => {
            // All after it one place up, as if it had never been: their numbers follow 14 bytes after they begin.
            for (idx, later) in records.iter().enumerate().skip(seq) {
                let number = later.start + 14..later.start + 22;
                assert_eq!(bytes[number.clone()], (idx as i64 + 1).to_le_bytes());
                bytes[number].copy_from_slice(&(idx as i64).to_le_bytes());
            }
            bytes.drain(record);
            (format!("record {seq} removed and those after it moved up"), seq)
        }
        5 => {
            bytes.splice(record.end..record.end, bytes[record].to_vec());
            (format!("record {seq} there twice"), seq + 1)
        }
        _ => {
            let at = record.start + below(record.len());
            let bit = below(8);
            bytes[at] ^= 1 << bit;
            (format!("bit {bit} of byte {} of record {seq}", at - record.start), seq)
        }
    }
}

#[tokio::test]
async fn every_change_of_a_ledger_is_found_where_it_was_made() {
    let place = written().await;
    let copy = place.dir.path().join("copy.db");
    fs::copy(place.dir.path().join("ledger.db.head"), place.dir.path().join("copy.db.head")).unwrap();
    let (bytes, records) = records_of(&place.path());
    assert_eq!(records.len(), N_RECORDS);
    let n = times("LEDGER_TEST_MUTATIONS", 300);
    for seed in 0..n as u64 {
        let mut changed = bytes.clone();
        let (what, at) = mutate(&mut changed, &records, &mut ChaCha8Rng::seed_from_u64(seed));
        fs::write(&copy, &changed).unwrap();
        match verify(&copy, None) {
            Err(VerifyError::Fault(fault)) => assert_eq!(fault.seq, at as i64, "{what}: {fault}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    eprintln!("{n} changes, all found where they were made");
}

fn cut_after(path: &Path, n: usize) {
    let (bytes, records) = records_of(path);
    fs::write(path, &bytes[..records[n - 1].end]).unwrap();
}

#[tokio::test]
async fn an_end_that_is_known_from_elsewhere_shows_what_was_cut_off_and_forged() {
    let place = written().await;
    let head = verify(&place.path(), None).unwrap().head;
    let digest: String = head.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    verify(&place.path(), Some(&(head.seq, digest.clone()))).unwrap();
    fs::remove_file(place.dir.path().join("ledger.db.head")).unwrap();
    cut_after(&place.path(), 50);
    verify(&place.path(), None).unwrap();
    let fault = verify(&place.path(), Some(&(head.seq, digest))).unwrap_err().to_string();
    assert_eq!(fault, format!("record 51: it is missing, with all after it: there were {N_RECORDS} records"));
}

#[tokio::test]
async fn a_server_goes_on_after_a_record_that_was_not_written_whole_and_on_nothing_that_was_changed() {
    let place = written().await;
    let (bytes, records) = records_of(&place.path());
    let head_path = place.dir.path().join("ledger.db.head");
    // The note is of a moment before the last record.
    let noted = fs::read_to_string(&head_path).unwrap();
    fs::remove_file(&head_path).unwrap();
    let last = records.last().unwrap();
    for n_bytes in [1, 7, 8, 30, last.len() - 1] {
        fs::write(place.path(), &bytes[..last.start + n_bytes]).unwrap();
        let torn = verify(&place.path(), None).unwrap();
        assert_eq!((torn.head.seq, torn.n_torn), (N_RECORDS as i64 - 1, n_bytes as u64));
        drop(place.parts());
        let whole = verify(&place.path(), None).unwrap();
        assert_eq!((whole.head.seq, whole.n_torn), (N_RECORDS as i64 - 1, 0));
        fs::remove_file(&head_path).unwrap();
    }
    // One that the disk was known to have.
    let mut changed = bytes.clone();
    changed[last.start + 40] ^= 1;
    fs::write(place.path(), &changed).unwrap();
    fs::write(&head_path, noted).unwrap();
    let refused = parcel_risk::ledger::Ledger::open(&place.path(), &place.config, place.clock.clone());
    let refused = refused.unwrap_err().to_string();
    assert_eq!(refused, "record 57 of the ledger can't be read: it was changed, or does not belong here");
}
