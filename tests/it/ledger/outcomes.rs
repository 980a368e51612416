//! What inspections found: durable, once, and into history when it arrives.

use std::sync::Arc;

use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{Reader, export, rescore, verify};
use parcel_risk::serve::Recorder;
use parcel_risk::table::TableReader;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::audit_service_client::AuditServiceClient;
use parcel_risk::wire::v1::get_decision_request::Key;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient as Scoring;
use tonic::transport::Channel;

use super::{Place, decisions, outcome, parcels, requests, stop};
use crate::harness::{Server, artifact, start, within};

async fn record(client: &mut OutcomeServiceClient<Channel>, outcomes: Vec<v1::Outcome>) -> Vec<Option<v1::ItemError>> {
    let request = v1::RecordOutcomesRequest { outcomes };
    let results = within(client.record_outcomes(request)).await.unwrap().into_inner().results;
    results.into_iter().map(|result| result.error).collect()
}

async fn serve(place: &Place) -> (Channel, Server, Arc<Recorder>) {
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    (endpoint.connect().await.unwrap(), server, recorder)
}

#[tokio::test]
async fn a_result_is_kept_once_a_correction_beside_it_and_both_survive_a_restart() {
    let place = Place::new();
    let (channel, server, recorder) = serve(&place).await;
    let mut scoring = Scoring::new(channel.clone());
    let (mut outcomes, mut audit) = (OutcomeServiceClient::new(channel.clone()), AuditServiceClient::new(channel));
    let sent = parcels(40);
    let decided = decisions(within(scoring.score_parcels(requests(&sent))).await.unwrap().into_inner());
    let at = sent[39].advised_at.as_ref().unwrap().seconds + 86_400;
    let history = || Snapshot::of(&recorder.history(), Vec::new());

    let found = outcome(&decided[0].item_id, at, v1::Finding::Infringement);
    let found = v1::Outcome {
        infringement: v1::InfringementKind::Counterfeit.into(),
        recorded_by: "officer 7".to_owned(),
        route_taken: v1::Route::Open.into(),
        override_reason: "smell".to_owned(),
        ..found
    };
    let before = history();
    assert_eq!(record(&mut outcomes, vec![found.clone()]).await, [None]);
    let after = history();
    assert!(after != before, "a label is known when it arrives");
    // Again, alone and twice in one call.
    assert_eq!(record(&mut outcomes, vec![found.clone()]).await, [None]);
    assert_eq!(record(&mut outcomes, vec![found.clone(), found.clone()]).await, [None, None]);
    let unclear = outcome(&decided[1].item_id, at, v1::Finding::Inconclusive);
    let unknown = outcome("NEVER-SEEN", at, v1::Finding::Clean);
    let corrected = outcome(&decided[0].item_id, at, v1::Finding::Clean);
    let bad = outcome("", at, v1::Finding::Unspecified);
    let errors = record(&mut outcomes, vec![unclear.clone(), unknown, corrected.clone(), bad]).await;
    assert_eq!(errors.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, false, true]);
    let fields = &errors[3].as_ref().unwrap().field_violations;
    assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["item_id", "finding"]);
    assert!(history() == after, "neither the unclear, the unknown nor the correction is counted");

    let key = Some(Key::ItemId(decided[0].item_id.clone()));
    let got = within(audit.get_decision(v1::GetDecisionRequest { key })).await.unwrap().into_inner().record.unwrap();
    assert_eq!(got.outcomes, [found.clone(), corrected]);
    let live = history();
    drop((scoring, outcomes));
    stop(audit, server, recorder).await;

    let verified = verify(&place.path(), None).unwrap();
    assert_eq!((verified.decisions, verified.outcomes), (40, 4));
    let (_, recorder) = place.parts();
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == live, "to the bit");
    drop(recorder);

    let table = place.dir.path().join("labeled.csv");
    let reader = Reader::open(&place.path()).unwrap();
    let exported = export(&reader, &table).unwrap();
    assert_eq!((exported.rows, exported.labeled), (40, 1));
    let rows: Vec<_> = TableReader::open(&table, None).unwrap().map(|row| row.unwrap().unwrap()).collect();
    let labeled: Vec<_> = rows.iter().filter(|row| row.outcome.is_some()).collect();
    let label = labeled[0].outcome.as_ref().unwrap();
    assert_eq!(
        (labeled.len(), label.infringement, labeled[0].draft.item_id.as_str()),
        (1, false, &*decided[0].item_id)
    );
}

/// Six parcels of one kind, each found to be an infringement, with `named` as the decision that led to it: scores of the first
/// and the last.
async fn scores_of_found(named: impl Fn(&v1::Decision) -> String) -> [f64; 2] {
    let place = Place::new();
    let (channel, server, recorder) = serve(&place).await;
    let (mut scoring, mut outcomes) = (Scoring::new(channel.clone()), OutcomeServiceClient::new(channel));
    let first = parcels(1).remove(0);
    let start_seconds = first.advised_at.as_ref().unwrap().seconds;
    let again = |n: i64| {
        let mut parcel = first.clone();
        parcel.item_id = format!("AGAIN-{n}");
        parcel.advised_at.as_mut().unwrap().seconds = start_seconds + 500 * 86_400 + n * 86_400;
        parcel
    };
    let mut scores = Vec::new();
    for n in 0..6 {
        let batch = requests(&[again(n)]);
        let decided = decisions(within(scoring.score_parcels(batch)).await.unwrap().into_inner()).remove(0);
        scores.push(decided.risk_score);
        let at = start_seconds + 500 * 86_400 + n * 86_400 + 3600;
        let found = outcome(&decided.item_id, at, v1::Finding::Infringement);
        let errors = record(&mut outcomes, vec![v1::Outcome { decision_id: named(&decided), ..found }]).await;
        assert_eq!(errors, [None]);
    }
    drop(scoring);
    stop(outcomes, server, recorder).await;
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (6, None));
    [scores[0], scores[5]]
}

#[tokio::test]
async fn what_was_found_raises_the_next_score_of_its_kind_and_can_be_made_again() {
    let [first, last] = scores_of_found(|decided| decided.decision_id.clone()).await;
    assert!(last > first, "{first} {last}");
    // Where no decision is named, and where none on record for the item has the name.
    assert_eq!(scores_of_found(|_| String::new()).await, [first, last]);
    assert_eq!(scores_of_found(|_| "00000000-0000-4000-8000-000000000000".to_owned()).await, [first, last]);
}

/// As a laboratory says later what an officer could not tell.
#[tokio::test]
async fn what_is_told_after_nothing_could_be_said_counts_as_if_it_were_told_at_once() {
    use v1::Finding::{Clean, Inconclusive, Infringement};
    let mut after = Vec::new();
    for findings in [&[Infringement][..], &[Inconclusive, Infringement], &[Inconclusive, Infringement, Clean]] {
        let place = Place::new();
        let (channel, server, recorder) = serve(&place).await;
        let (mut scoring, mut outcomes) = (Scoring::new(channel.clone()), OutcomeServiceClient::new(channel));
        let sent = parcels(5);
        within(scoring.score_parcels(requests(&sent))).await.unwrap();
        let at = sent[4].advised_at.as_ref().unwrap().seconds + 86_400;
        for finding in findings {
            assert_eq!(record(&mut outcomes, vec![outcome(&sent[0].item_id, at, *finding)]).await, [None]);
        }
        after.push(Snapshot::of(&recorder.history(), Vec::new()));
        drop(scoring);
        stop(outcomes, server, recorder).await;
        assert_eq!(verify(&place.path(), None).unwrap().outcomes, findings.len() as u64);
    }
    assert!(after.iter().all(|of| *of == after[0]));
}
