//! A restart that goes on from a saved history, and a history that forgets.

use std::fs;
use std::sync::Arc;

use parcel_risk::history::{HistoryConfig, Snapshot};
use parcel_risk::ledger::{LedgerConfig, Reader, rescore, verify};
use parcel_risk::serve::Recorder;

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;

use super::{Place, decisions, outcome, parcels, requests, stop};
use crate::harness::{artifact, engine, parts_of, recording_parts, start, within};

/// Scores parcels on a server of its own, with a result for every fourth; the server's recorder is closed after, having
/// saved its history where it was to.
async fn serve_some(place: &Place, some: &[v1::Parcel], saves: bool) -> Snapshot {
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let mut outcomes = OutcomeServiceClient::new(channel);
    for batch in some.chunks(20) {
        let decided = decisions(within(scoring.score_parcels(requests(batch))).await.unwrap().into_inner());
        let at = batch[0].advised_at.as_ref().unwrap().seconds;
        let found = decided.iter().step_by(4).map(|one| outcome(&one.item_id, at, v1::Finding::Infringement)).collect();
        within(outcomes.record_outcomes(v1::RecordOutcomesRequest { outcomes: found })).await.unwrap();
    }
    if saves {
        assert!(recorder.save_history().unwrap());
        assert_eq!(recorder.n_saved(), recorder.ledger().head().seq, "it is not saved again while nothing comes");
    }
    let history = recorder.history();
    drop(scoring);
    stop(outcomes, server, recorder).await;
    Snapshot::of(&history, Vec::new())
}

fn opened(place: &Place) -> Arc<Recorder> {
    recording_parts(&place.path(), &place.config, place.clock.clone()).1
}

#[tokio::test]
async fn what_is_saved_while_calls_go_on_is_where_a_start_after_a_kill_begins() {
    let place = Place::new();
    let sent = parcels(300);
    serve_some(&place, &sent[..100], true).await;
    let saved = place.dir.path().join("ledger.db.history");
    let bytes = fs::read(&saved).unwrap();

    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let mut scoring = RiskScoringServiceClient::connect(endpoint.uri().to_string()).await.unwrap();
    let mut score = async |some: &[v1::Parcel]| {
        within(scoring.score_parcels(requests(some))).await.unwrap();
    };
    score(&sent[100..200]).await;
    let on_disk = || recorder.ledger().head_on_disk().seq == recorder.ledger().head().seq;
    within(async {
        while !on_disk() {
            tokio::task::yield_now().await
        }
    })
    .await;
    let unsaved = || recorder.unsaved().unwrap();
    let (is_told_to_end, until) = (false, unsaved().until.seq);
    assert!(!unsaved().save(|| is_told_to_end).unwrap() && fs::read(&saved).unwrap() == bytes);
    let calls_go_on = unsaved();
    score(&sent[200..]).await;
    assert!(calls_go_on.save(|| true).unwrap());
    let history = recorder.history();
    stop(scoring, server, recorder).await;
    let live = Snapshot::of(&history, Vec::new());

    let after_a_kill = opened(&place);
    assert_eq!(after_a_kill.n_saved(), until);
    assert!(Snapshot::of(&after_a_kill.history(), Vec::new()) == live);
}

#[tokio::test]
async fn a_start_reads_what_was_saved_and_the_records_after_it_and_comes_to_the_same() {
    let place = Place::new();
    let sent = parcels(300);
    serve_some(&place, &sent[..200], true).await;
    let saved = place.dir.path().join("ledger.db.history");
    let bytes = fs::read(&saved).unwrap();
    let live = serve_some(&place, &sent[200..], false).await;

    let same = |recorder: &Recorder| Snapshot::of(&recorder.history(), Vec::new()) == live;
    let from_saved = opened(&place);
    assert!(from_saved.n_saved() > 200 && same(&from_saved), "{}", from_saved.n_saved());
    drop(from_saved);
    // Damaged, of another ledger, or not there: folded from the beginning.
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    let other = Place::new();
    serve_some(&other, &sent[..20], true).await;
    let of_other = fs::read(other.dir.path().join("ledger.db.history")).unwrap();
    for bytes in [Some(damaged), Some(of_other), Some(bytes[..100].to_vec()), None] {
        match bytes {
            Some(bytes) => fs::write(&saved, bytes).unwrap(),
            None => fs::remove_file(&saved).unwrap(),
        }
        let folded = opened(&place);
        assert!(folded.n_saved() == 0 && same(&folded));
    }
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (300, None));
}

/// Which model decides after the next one follows from the ledger, and this one decided about nothing.
#[test]
fn a_start_that_fails_before_it_serves_records_nothing() {
    let place = Place::new();
    drop(place.parts());
    let before = verify(&place.path(), None).unwrap().head;
    let otherwise = LedgerConfig { descriptions: false, ..place.config.clone() };
    let open = || {
        let history = HistoryConfig::default();
        Recorder::open(&place.path(), (&otherwise, &history), place.clock.clone(), artifact(), &engine()).unwrap()
    };
    drop(open());
    assert_eq!(verify(&place.path(), None).unwrap().head, before);
    open().begin().unwrap();
    assert_eq!(verify(&place.path(), None).unwrap().head.seq, before.seq + 1);
}

#[tokio::test]
async fn a_history_that_is_full_forgets_the_stalest_and_every_decision_can_be_made_again() {
    let place = Place::new();
    let most = artifact().settled_history().n_entities() + 100;
    let history = HistoryConfig { max_entities: u32::try_from(most).unwrap() };
    let open = || {
        let (config, clock) = (&place.config, place.clock.clone());
        Recorder::open(&place.path(), (config, &history), clock, artifact(), &engine()).unwrap()
    };
    let recorder = Arc::new(open());
    let (endpoint, server) = start(parts_of(&recorder)).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    for (day, batch) in parcels(400).chunks_mut(20).enumerate() {
        for (idx, parcel) in batch.iter_mut().enumerate() {
            parcel.advised_at.as_mut().unwrap().seconds += 400 * 86_400 + day as i64 * 86_400;
            let sender = parcel.sender.get_or_insert_default();
            (sender.party_id, sender.name) = (format!("S{day}-{idx}"), format!("Sender {day} {idx}"));
        }
        within(client.score_parcels(requests(batch))).await.unwrap();
    }
    let (n_evicted, n_entities) = (recorder.n_evicted(), recorder.history().n_entities());
    assert!(n_evicted > 0, "{n_entities} of {most}");
    let live = Snapshot::of(&recorder.history(), Vec::new());
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().decisions, 400);
    assert!(Snapshot::of(&open().history(), Vec::new()) == live, "to the bit");
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (400, None));
}
