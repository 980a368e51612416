//! Parcels erased by their age: gone, and the ledger can be verified as before.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Clock, Content, KeptErasure, Kind, Ledger, Parties, Reader, Submission, rescore, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::audit_service_client::AuditServiceClient;
use parcel_risk::wire::v1::get_decision_request::Key;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;

use super::{Place, outcome, parcels, records_of, requests, stop};
use crate::harness::{artifact, start, within};

const NAME: &str = "Zebulon Quackenbush";
const DAY_MICROS: i64 = 86_400_000_000;

/// A ledger of three days, each with ten decisions on parcels of one sender.
async fn three_days() -> (Place, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let mut place = Place::new().with(|config| config.parties = Parties::Plain);
    place.clock = Clock::at_micros(Arc::clone(&now));
    let (mut client, server, recorder) = place.serve().await;
    let mut sent = parcels(30);
    sent.iter_mut().for_each(|parcel| parcel.sender.get_or_insert_default().name = NAME.to_owned());
    for day in sent.chunks(10) {
        within(client.score_parcels(requests(day))).await.unwrap();
        now.fetch_add(DAY_MICROS, Ordering::SeqCst);
    }
    stop(client, server, recorder).await;
    (place, now)
}

fn holds(place: &Place, text: &str) -> bool {
    fs::read(place.path()).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

fn n_names(place: &Place) -> usize {
    let bytes = fs::read(place.path()).unwrap();
    bytes.windows(NAME.len()).filter(|window| *window == NAME.as_bytes()).count()
}

#[tokio::test]
async fn old_parcels_are_gone_and_their_decisions_stand() {
    let (place, now) = three_days().await;
    assert_eq!(n_names(&place), 30);
    let ledger = Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    let before = now.load(Ordering::SeqCst) - DAY_MICROS * 3 / 2;
    assert_eq!(ledger.erase_before(before).unwrap(), 20);
    assert_eq!(ledger.erase_before(before).unwrap(), 0);
    drop(ledger);
    assert_eq!(n_names(&place), 10);
    let verified = verify(&place.path(), None).unwrap();
    assert_eq!((verified.decisions, verified.erased, verified.head.seq), (30, 20, 32));
    let reader = Reader::open(&place.path()).unwrap();
    let rescored = rescore(&reader, &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (30, None));
    assert!(reader.record(2).unwrap().unwrap().content.parcel.is_none());

    // What no erasure tells of is a change: here of the newest decision's parcel.
    let (mut bytes, records) = records_of(&place.path());
    let newest = records[30].clone();
    let at = bytes[newest.clone()].windows(NAME.len()).position(|window| window == NAME.as_bytes()).unwrap();
    let kept = newest.start + at..newest.end;
    bytes[kept].fill(0);
    fs::write(place.path(), &bytes).unwrap();
    let fault = verify(&place.path(), None).unwrap_err().to_string();
    assert_eq!(fault, "record 31: its parcel was changed");
}

#[tokio::test]
async fn the_texts_of_an_outcome_go_with_the_parcels_and_it_is_known_again_without() {
    const WHY: &str = "Quackenbush said so";
    let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let mut place = Place::new();
    place.clock = Clock::at_micros(Arc::clone(&now));
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let (mut outcomes, mut audit) = (OutcomeServiceClient::new(channel.clone()), AuditServiceClient::new(channel));
    let sent = parcels(1);
    within(scoring.score_parcels(requests(&sent))).await.unwrap();
    let found = outcome(&sent[0].item_id, 1_790_000_000, v1::Finding::Clean);
    let stated = v1::Outcome { override_reason: WHY.to_owned(), recorded_by: "officer 7".to_owned(), ..found.clone() };
    let record = v1::RecordOutcomesRequest { outcomes: vec![stated.clone()] };
    within(outcomes.record_outcomes(record.clone())).await.unwrap();
    let key = Some(Key::ItemId(sent[0].item_id.clone()));
    let mut got = async || {
        let request = v1::GetDecisionRequest { key: key.clone() };
        within(audit.get_decision(request)).await.unwrap().into_inner().record.unwrap().outcomes
    };
    assert_eq!(got().await, [stated]);
    assert!(holds(&place, WHY) && holds(&place, "officer 7"));

    let later = now.fetch_add(DAY_MICROS, Ordering::SeqCst) + DAY_MICROS;
    assert_eq!(recorder.ledger().erase_before(later).unwrap(), 2);
    assert!(!holds(&place, WHY) && !holds(&place, "officer 7"));
    assert_eq!(got().await, [found], "what was found stands");
    // The same again changes nothing: it is known by the digest of its texts.
    within(outcomes.record_outcomes(record)).await.unwrap();
    assert_eq!(got().await.len(), 1);
    drop((scoring, outcomes));
    stop(audit, server, recorder).await;
    let verified = verify(&place.path(), None).unwrap();
    assert_eq!((verified.outcomes, verified.erased), (1, 2));
}

#[tokio::test]
async fn an_erasure_that_was_broken_off_is_completed() {
    let (place, now) = three_days().await;
    let whole = fs::read(place.path()).unwrap();
    let before = now.load(Ordering::SeqCst) - DAY_MICROS * 3 / 2;
    let open = || Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    assert_eq!(open().erase_before(before).unwrap(), 20);
    let (erased, records) = records_of(&place.path());
    // As if it had stopped after the fifth.
    let until = records[5].end;
    let broken_off = [&erased[..until], &whole[until..], &erased[whole.len()..]].concat();
    fs::write(place.path(), broken_off).unwrap();
    assert_eq!(verify(&place.path(), None).unwrap().erased, 5);
    assert_eq!(open().erase_before(before).unwrap(), 15);
    assert_eq!(fs::read(place.path()).unwrap(), erased);
}

#[tokio::test]
async fn two_erasures_that_were_broken_off_one_after_the_other_are_completed() {
    let (place, now) = three_days().await;
    let whole = fs::read(place.path()).unwrap();
    let open = || Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    // Each as if it had stopped before the first parcel: its record is all that is left of it.
    let broken_off = |before: i64, n_erased: u64| {
        assert_eq!(open().erase_before(before).unwrap(), n_erased);
        let erased = fs::read(place.path()).unwrap();
        fs::write(place.path(), [&whole[..], &erased[whole.len()..]].concat()).unwrap();
        assert_eq!((n_names(&place), verify(&place.path(), None).unwrap().erased), (30, 0));
    };
    let at = |days: f64| now.load(Ordering::SeqCst) - (days * DAY_MICROS as f64) as i64;
    broken_off(at(2.5), 10);
    broken_off(at(1.5), 20);
    assert_eq!(open().erase_before(at(2.5)).unwrap(), 20);
    assert_eq!((n_names(&place), verify(&place.path(), None).unwrap().erased), (10, 20));
    // In one process too, and what was completed is not gone through again.
    let ledger = open();
    assert_eq!((ledger.erase_before(at(1.5)).unwrap(), ledger.erase_before(at(0.5)).unwrap()), (0, 10));
    let last = ledger.reader().unwrap().record(ledger.head().seq).unwrap().unwrap();
    assert_eq!(KeptErasure::from_body(&last.content.body).unwrap().from, 22);
    assert_eq!(n_names(&place), 0);
}

/// It is handed over in the bucket of the last record that is written, while others wait.
#[tokio::test]
async fn an_erasure_behind_records_of_a_later_bucket_that_wait_is_no_older_than_they() {
    let (place, _) = three_days().await;
    let ledger = Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    let (bucket, seq) = (ledger.head().bucket, ledger.head().seq);
    let (end, ends) = mpsc::channel();
    let hanging = ledger.hangs_until(ends);
    let erasure = serde_json::to_vec(&KeptErasure { from: 1, through: 1, recorded_before_micros: 1 }).unwrap();
    for (kind, at, body) in [(Kind::Model, Bucket(bucket.0 + 9), Vec::new()), (Kind::Erasure, bucket, erasure)] {
        let (content, slot) = (Content::new(kind, at, body), ledger.reserve().unwrap());
        ledger.submit(Submission { content, slot, done: Box::new(|_| ()), held: None, is_first: false });
    }
    drop(end);
    hanging.join().unwrap();
    assert_eq!((ledger.head().seq, ledger.head().bucket), (seq + 2, Bucket(bucket.0 + 9)));
    drop(ledger);
    verify(&place.path(), None).unwrap();
    Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
}

#[tokio::test]
async fn a_server_erases_what_is_older_than_it_may_keep() {
    let (place, _) = three_days().await;
    let place = place.with(|config| config.retention_days = 1);
    let (client, server, recorder) = place.serve().await;
    let since = Instant::now();
    while n_names(&place) > 10 {
        assert!(since.elapsed() < Duration::from_secs(30), "{} are left", n_names(&place));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().erased, 20);
    let said = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["ledger", "erase", "--before", "2100-01-01", "--ledger", place.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "10 parcels and texts of outcomes were erased\n");
    assert_eq!(n_names(&place), 0);
}
