//! A ledger that someone has been at: what was changed is found, and where.

use std::fs;
use std::path::Path;

use parcel_risk::ledger::{VerifyError, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use rusqlite::Connection;

use super::{Place, outcome, parcels, requests, stop, times};
use crate::harness::{start, within};

const N_DECISIONS: i64 = 48;
const N_RECORDS: i64 = N_DECISIONS + 9;

async fn written() -> Place {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = v1::risk_scoring_service_client::RiskScoringServiceClient::new(channel.clone());
    let mut outcomes = OutcomeServiceClient::new(channel);
    let sent = parcels(usize::try_from(N_DECISIONS).unwrap());
    let mut batch = requests(&sent);
    batch.requests.iter_mut().enumerate().for_each(|(idx, request)| request.request_id = format!("r{idx}"));
    within(scoring.score_parcels(batch)).await.unwrap();
    let found = |parcel: &v1::Parcel| outcome(&parcel.item_id, 1_700_000_000, v1::Finding::Clean);
    let request = v1::RecordOutcomesRequest { outcomes: sent[..8].iter().map(found).collect() };
    within(outcomes.record_outcomes(request)).await.unwrap();
    drop(scoring);
    stop(outcomes, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().head.seq, N_RECORDS);
    place
}

/// Changes a ledger, and tells what was done and at which record that must be found.
fn mutate(path: &Path, random: &mut ChaCha8Rng) -> (String, i64) {
    let below = |random: &mut ChaCha8Rng, n: u64| (random.next_u64() % n).cast_signed();
    let ledger = Connection::open(path).unwrap();
    let seq = 1 + below(random, N_RECORDS.cast_unsigned());
    match below(random, 10) {
        0 => {
            ledger.execute("DELETE FROM records WHERE seq = ?1", [seq]).unwrap();
            (format!("record {seq} removed"), seq)
        }
        1 => {
            ledger.execute("DELETE FROM records WHERE seq >= ?1", [seq]).unwrap();
            (format!("cut before record {seq}"), seq)
        }
        2 => {
            let other = 1 + (seq + below(random, (N_RECORDS - 1).cast_unsigned())) % N_RECORDS;
            let swap = format!(
                "UPDATE records SET seq = -1 WHERE seq = {seq}; UPDATE records SET seq = {seq} WHERE seq = {other}; \
                 UPDATE records SET seq = {other} WHERE seq = -1;"
            );
            ledger.execute_batch(&swap).unwrap();
            (format!("records {seq} and {other} swapped"), seq.min(other))
        }
        3 => {
            // All after it one place up, as if it had never been.
            ledger.execute("DELETE FROM records WHERE seq = ?1", [seq]).unwrap();
            for later in seq + 1..=N_RECORDS {
                ledger.execute("UPDATE records SET seq = ?1 - 1 WHERE seq = ?1", [later]).unwrap();
            }
            (format!("record {seq} removed and those after it moved up"), seq)
        }
        _ => flip(&ledger, seq, random),
    }
}

/// One bit of one value.
fn flip(ledger: &Connection, seq: i64, random: &mut ChaCha8Rng) -> (String, i64) {
    const WHOLE: [&str; 6] = ["kind", "bucket", "recorded_at_micros", "item", "route", "risk_score"];
    const BYTES: [&str; 6] = ["decision_id", "request_digest", "body", "parcel", "parcel_digest", "digest"];
    let drawn = usize::try_from(random.next_u64() % 12).unwrap();
    if let Some(column) = WHOLE.get(drawn) {
        let change = match *column {
            "kind" => "(kind + 1) % 4".to_owned(),
            "risk_score" => "risk_score * 1.0000001".to_owned(),
            column => format!("{column} + {}", 1_i64 << (random.next_u64() % 20)),
        };
        let sql = format!("UPDATE records SET {column} = {change} WHERE seq = ?1 AND {column} IS NOT NULL");
        if ledger.execute(&sql, [seq]).unwrap() == 1 {
            return (format!("{column} of record {seq}"), seq);
        }
        return flip(ledger, seq, random);
    }
    let column = BYTES[drawn - WHOLE.len()];
    let select = format!("SELECT {column} FROM records WHERE seq = ?1");
    let bytes: Option<Vec<u8>> = ledger.query_row(&select, [seq], |row| row.get(0)).unwrap();
    let Some(mut bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return flip(ledger, seq, random) };
    let at = usize::try_from(random.next_u64()).unwrap() % bytes.len();
    bytes[at] ^= 1 << (random.next_u64() % 8);
    let update = format!("UPDATE records SET {column} = ?2 WHERE seq = ?1");
    ledger.execute(&update, rusqlite::params![seq, bytes]).unwrap();
    (format!("a bit of {column} of record {seq}"), seq)
}

#[tokio::test]
async fn every_change_of_a_ledger_is_found_where_it_was_made() {
    let place = written().await;
    let copy = place.dir.path().join("copy.db");
    fs::copy(place.dir.path().join("ledger.db.head"), place.dir.path().join("copy.db.head")).unwrap();
    let n = times("LEDGER_TEST_MUTATIONS", 300);
    for seed in 0..n as u64 {
        fs::copy(place.path(), &copy).unwrap();
        let (what, at) = mutate(&copy, &mut ChaCha8Rng::seed_from_u64(seed));
        match verify(&copy, None) {
            Err(VerifyError::Fault(fault)) => assert_eq!(fault.seq, at, "{what}: {fault}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    eprintln!("{n} changes, all found where they were made");
}

#[tokio::test]
async fn an_end_that_is_known_from_elsewhere_shows_what_was_cut_off_and_forged() {
    let place = written().await;
    let head = verify(&place.path(), None).unwrap().head;
    let digest: String = head.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    verify(&place.path(), Some(&(head.seq, digest.clone()))).unwrap();
    fs::remove_file(place.dir.path().join("ledger.db.head")).unwrap();
    Connection::open(place.path()).unwrap().execute("DELETE FROM records WHERE seq > 50", []).unwrap();
    verify(&place.path(), None).unwrap();
    let fault = verify(&place.path(), Some(&(head.seq, digest))).unwrap_err().to_string();
    assert_eq!(fault, format!("record 51: it is missing, with all after it: there were {N_RECORDS} records"));
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_not_taken_for_a_whole() {
    let place = written().await;
    let bytes = fs::read(place.path()).unwrap();
    let copy = place.dir.path().join("copy.db");
    for parts in 1..16 {
        fs::write(&copy, &bytes[..bytes.len() * parts / 16]).unwrap();
        assert!(verify(&copy, None).is_err(), "{parts} of 16 parts");
    }
}
