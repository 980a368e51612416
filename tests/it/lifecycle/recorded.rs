//! A change of model in the ledger: every decision can be made again, and what becomes of models is on record.

use std::sync::Arc;

use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{Reader, Rescored, rescore, verify};
use parcel_risk::registry::{Happened, ModelEvent};
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{from_draft, v1};

use super::{Place, first, promote, roll_back, second, stage, variant};
use crate::fixture::{curve, drafts};
use crate::harness::{request, start, within};

/// The parcels from this place on.
pub(super) fn parcels(from: usize, n: usize) -> Vec<v1::Parcel> {
    drafts().iter().skip(from).take(n).map(|draft| from_draft(draft).unwrap()).collect()
}

async fn score(
    client: &mut RiskScoringServiceClient<tonic::transport::Channel>,
    parcels: &[v1::Parcel],
) -> Vec<String> {
    let requests = v1::ScoreParcelsRequest { requests: parcels.iter().cloned().map(request).collect() };
    let results = within(client.score_parcels(requests)).await.unwrap().into_inner().results;
    let version = |result: v1::ScoreResult| match result.result.unwrap() {
        v1::score_result::Result::Decision(decision) => decision.model.unwrap().version,
        v1::score_result::Result::Error(error) => panic!("{error:?}"),
    };
    results.into_iter().map(version).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn decisions_before_and_after_a_swap_come_out_again_and_each_model_has_its_own_history() {
    let place = Place::new();
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut client = RiskScoringServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut models = ModelServiceClient::new(channel.clone());
    score(&mut client, &parcels(0, 150)).await;
    // While the challenger's history is made, parcels go on coming.
    let (sent, mut another) = (parcels(150, 150), client.clone());
    let (staged, _) = tokio::join!(stage(&mut models, second()), async {
        for parcel in &sent {
            score(&mut another, std::slice::from_ref(parcel)).await;
        }
    });
    staged.unwrap();
    drop(another);
    score(&mut client, &parcels(300, 100)).await;
    promote(&mut models, second()).await.unwrap();
    assert!(score(&mut client, &parcels(400, 100)).await.iter().all(|version| version == "2"));
    roll_back(&mut models).await.unwrap();
    assert!(score(&mut client, &parcels(500, 100)).await.iter().all(|version| version == "1"));
    let live = Snapshot::of(&recorder.history(), Vec::new());
    drop((client, models, channel));
    server.stopped().await;
    drop(recorder);

    verify(&place.ledger(), None).unwrap();
    let reader = Reader::open(&place.ledger()).unwrap();
    let rescored = rescore(&reader, &[first().clone(), second().clone()]).unwrap();
    assert_eq!(rescored, Rescored { equal: 600, ..Rescored::default() }, "to the bit");
    let happened: Vec<_> = reader.model_events().unwrap();
    let happened = happened.iter().map(|record| ModelEvent::from_body(&record.content.body).unwrap());
    let happened: Vec<_> = happened.map(|event| (event.what, event.model_version, event.signer)).collect();
    let event = |what, version: &str, signer: &str| (what, version.to_owned(), signer.to_owned());
    assert_eq!(
        happened,
        [
            event(Happened::Passed, "2", "release"),
            event(Happened::Staged, "2", "release"),
            event(Happened::Promoted, "2", "release"),
            event(Happened::RolledBack, "1", ""),
        ]
    );
    // What a restart folds is what the lane held.
    let (_, recorder) = place.recording_parts(first());
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == live, "to the bit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejection_is_on_record_with_its_check_and_its_figures() {
    let place = Place::new();
    let shifted = variant("3", |body| curve(body).c += 4.0);
    place.put(&shifted);
    let (parts, recorder) = place.recording_parts(first());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let mut client = RiskScoringServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    score(&mut client, &parcels(0, 300)).await;
    let refused = stage(&mut models, &shifted).await.unwrap_err();
    assert_eq!(super::rejected_by(&refused), "score_shift");
    // Again it is no news.
    stage(&mut models, &shifted).await.unwrap_err();
    let model = models.get_model(v1::GetModelRequest { name: "line".to_owned(), version: "3".to_owned() }).await;
    let model = model.unwrap().into_inner().model.unwrap();
    assert_eq!(model.state(), v1::ModelState::Rejected);
    drop((client, models, channel));
    server.stopped().await;
    drop(recorder);
    let events = Reader::open(&place.ledger()).unwrap().model_events().unwrap();
    assert_eq!(events.len(), 1);
    let event = ModelEvent::from_body(&events[0].content.body).unwrap();
    let rejection = event.rejection.unwrap();
    assert_eq!((event.what, rejection.check.as_str()), (Happened::Rejected, "score_shift"));
    let figure = |name: &str| rejection.figures.iter().find(|figure| figure.name == name).unwrap().value;
    assert!(figure("population_stability_index") > 0.25 && figure("parcels") == 300.0, "{rejection:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_challenger_scores_in_the_shadow_what_the_champion_decides() {
    let place = Place::new();
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let standing = Arc::clone(&parts.standing);
    let (endpoint, _server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let mut client = RiskScoringServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let refused = models.compare_models(v1::CompareModelsRequest::default()).await.unwrap_err();
    assert_eq!(refused.message(), "there is no challenger: StageModel makes one");
    stage(&mut models, second()).await.unwrap();
    let sent = parcels(0, 300);
    let versions = score(&mut client, &sent).await;
    assert!(versions.iter().all(|version| version == "1"), "it decides nothing");
    let outcomes = sent.iter().take(200).enumerate().map(|(idx, parcel)| v1::Outcome {
        item_id: parcel.item_id.clone(),
        inspected_at: parcel.advised_at,
        finding: if idx % 10 == 0 { v1::Finding::Infringement.into() } else { v1::Finding::Clean.into() },
        ..v1::Outcome::default()
    });
    let compared = within(async {
        loop {
            let compared = models.compare_models(v1::CompareModelsRequest::default()).await.unwrap().into_inner();
            if compared.parcels + compared.shed == 300 {
                break compared;
            }
            tokio::task::yield_now().await;
        }
    });
    let compared = compared.await;
    assert_eq!(compared.champion.unwrap().version, "1");
    assert_eq!(compared.challenger.unwrap().version, "2");
    assert_eq!(compared.routes.iter().map(|pair| pair.parcels).sum::<u64>(), compared.parcels);
    assert!(compared.score_shift.unwrap() < 0.25);
    let mut results = v1::outcome_service_client::OutcomeServiceClient::new(channel);
    let recorded = results.record_outcomes(v1::RecordOutcomesRequest { outcomes: outcomes.collect() }).await.unwrap();
    assert!(recorded.into_inner().results.iter().all(|result| result.error.is_none()));
    let compared = models.compare_models(v1::CompareModelsRequest::default()).await.unwrap().into_inner();
    let found = compared.outcomes.unwrap();
    assert!(found.parcels > 0 && found.infringements > 0 && found.parcels <= 200, "{found:?}");
    assert!(found.champion_average_precision.is_some() && found.challenger_precision_at_tenth.is_some());
    assert!(standing.metrics_text().contains("parcelrisk_shadow_parcels_total"));
    drop(recorder);
}
