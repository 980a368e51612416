//! A challenger that decides about a share of the items, and what a server finds again after a restart.

use std::collections::HashMap;
use std::sync::Arc;

use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{Grounds, Kind, LedgerError, Reader, Record, Rescored, is_in_canary, item_key, rescore};
use parcel_risk::registry::{Happened, ModelEvent};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::recorded::parcels;
use super::{Place, first, listed, promote, second, stage, variant};
use crate::fixture::curve;
use crate::harness::{request, start, within};

type Scoring = RiskScoringServiceClient<Channel>;

async fn set(
    models: &mut ModelServiceClient<Channel>,
    digest: &str,
    items_per_thousand: i32,
) -> Result<v1::ModelInfo, tonic::Status> {
    let request = v1::SetCanaryShareRequest { expected_digest: digest.to_owned(), items_per_thousand };
    Ok(within(models.set_canary_share(request)).await?.into_inner().challenger.unwrap_or_default())
}

/// The version that decided about each item.
async fn deciding(client: &mut Scoring, parcels: &[v1::Parcel]) -> HashMap<String, String> {
    let requests = v1::ScoreParcelsRequest { requests: parcels.iter().cloned().map(request).collect() };
    let results = within(client.score_parcels(requests)).await.unwrap().into_inner().results;
    let version = |result: v1::ScoreResult| match result.result.unwrap() {
        v1::score_result::Result::Decision(decision) => (decision.item_id, decision.model.unwrap().version),
        v1::score_result::Result::Error(error) => panic!("{error:?}"),
    };
    results.into_iter().map(version).collect()
}

fn as_by_hash(decided: &HashMap<String, String>, share: f64) {
    for (item_id, version) in decided {
        let by = if is_in_canary(item_key(item_id).0, share) { "2" } else { "1" };
        assert_eq!(version, by, "{item_id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_canary_decides_about_its_items_alone_and_every_decision_comes_out_again() {
    let place = Place::new();
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut client = Scoring::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut models = ModelServiceClient::new(channel.clone());
    let digest = second().model_ref().digest.clone();
    assert_eq!(set(&mut models, &digest, 300).await.unwrap_err().code(), Code::FailedPrecondition, "no challenger");
    stage(&mut models, second()).await.unwrap();
    for (digest, items, code) in [
        (digest.as_str(), 501, Code::InvalidArgument),
        ("", 1, Code::InvalidArgument),
        ("x", 1, Code::FailedPrecondition),
    ] {
        assert_eq!(set(&mut models, digest, items).await.unwrap_err().code(), code, "{digest} {items}");
    }
    as_by_hash(&deciding(&mut client, &parcels(0, 150)).await, 0.0);
    assert_eq!(set(&mut models, &digest, 300).await.unwrap().canary_share, 0.3);
    let decided = deciding(&mut client, &parcels(150, 300)).await;
    as_by_hash(&decided, 0.3);
    let n_canary = decided.values().filter(|version| *version == "2").count();
    assert!((60..120).contains(&n_canary), "{n_canary} of 300");
    // More items for a larger share, and the same ones among them.
    set(&mut models, &digest, 500).await.unwrap();
    as_by_hash(&deciding(&mut client, &parcels(150, 300)).await, 0.5);
    assert!(standing.metrics_text().contains("parcelrisk_canary_share 0.5\n"));
    assert!(standing.metrics_text().contains("parcelrisk_model_decisions_total{version=\"2\"}"));
    let live = Snapshot::of(&recorder.history(), Vec::new());
    drop((client, models, channel, standing));
    server.stopped().await;
    drop(recorder);

    let reader = Reader::open(&place.ledger()).unwrap();
    let mut recorded = HashMap::new();
    let note = |record: Record| {
        if record.content.kind == Kind::Decision {
            let decision = reader.replied(&record)?;
            recorded.entry(decision.item_id).or_insert(decision.model.unwrap().version);
        }
        Ok::<_, LedgerError>(())
    };
    reader.scan(0, note).unwrap();
    assert!(decided.iter().all(|(item_id, version)| recorded[item_id] == *version), "each with the model that decided");
    let rescored = rescore(&reader, &[first().clone(), second().clone()]).unwrap();
    // Those of the champion about the same parcels again are the same decisions.
    assert!(rescored.equal > 450 && rescored.equal < 750, "{rescored:?}");
    assert_eq!(rescored, Rescored { equal: rescored.equal, ..Rescored::default() }, "to the bit");
    let without = rescore(&reader, std::slice::from_ref(first())).unwrap();
    assert!(without.unknown_model as usize > n_canary && without.different == 0, "{without:?}");

    // After a restart the challenger is back, and so is its share; also after one that came to nothing.
    drop(place.recording_parts(first()));
    let (parts, recorder) = place.recording_parts(first());
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == live, "to the bit");
    parts.standing.lifecycle().unwrap().resume();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let mut client = Scoring::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let challenger = models.list_models(v1::ListModelsRequest {}).await.unwrap().into_inner().models.remove(1);
    assert_eq!((challenger.state(), challenger.canary_share), (v1::ModelState::Challenger, 0.5));
    as_by_hash(&deciding(&mut client, &parcels(450, 100)).await, 0.5);
    // It ends by itself where it becomes the champion, and by being set to nothing.
    set(&mut models, &digest, 0).await.unwrap();
    as_by_hash(&deciding(&mut client, &parcels(550, 50)).await, 0.0);
    set(&mut models, &digest, 100).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    assert!(deciding(&mut client, &parcels(600, 50)).await.values().all(|version| version == "2"));
    drop((client, models, channel));
    server.stopped().await;
    drop(recorder);
    let again = rescore(&Reader::open(&place.ledger()).unwrap(), &[first().clone(), second().clone()]).unwrap();
    assert_eq!(again, Rescored { equal: rescored.equal + 200, ..Rescored::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_again_what_every_model_was() {
    use v1::ModelState::{Available, Challenger, Champion, Previous, Rejected};
    let place = Place::new();
    let third = variant("3", |body| curve(body).c += 0.02);
    let worse = variant("4", |body| curve(body).c += 4.0);
    [first(), second(), &third, &worse].into_iter().for_each(|artifact| drop(place.put(artifact)));
    let version = |version: &str| version.to_owned();
    let expected =
        [(Champion, version("2")), (Challenger, version("3")), (Previous, version("1")), (Rejected, version("4"))];
    {
        let (parts, recorder) = place.recording_parts(first());
        let (endpoint, server) = start(parts).await;
        let channel = endpoint.connect().await.unwrap();
        let mut client = Scoring::new(channel.clone()).max_decoding_message_size(usize::MAX);
        let mut models = ModelServiceClient::new(channel.clone());
        deciding(&mut client, &parcels(0, 300)).await;
        stage(&mut models, second()).await.unwrap();
        promote(&mut models, second()).await.unwrap();
        stage(&mut models, &third).await.unwrap();
        stage(&mut models, &worse).await.unwrap_err();
        assert_eq!(listed(&mut models).await, expected);
        drop((client, models, channel));
        server.stopped().await;
        drop(recorder);
    }
    let (parts, recorder) = place.recording_parts(second());
    let lifecycle = Arc::clone(parts.standing.lifecycle().unwrap());
    lifecycle.resume();
    lifecycle.look();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let mut client = Scoring::new(channel.clone()).max_decoding_message_size(usize::MAX);
    assert_eq!(listed(&mut models).await, expected);
    let rejected = models.list_models(v1::ListModelsRequest {}).await.unwrap().into_inner().models.remove(3);
    let failed = rejected.checks.iter().find(|check| check.verdict() == v1::CheckVerdict::Failed).unwrap();
    assert_eq!(failed.check, "score_shift");
    assert!(!failed.figures.is_empty());
    // The one before is ready, with a history that was folded from the ledger.
    super::roll_back(&mut models).await.unwrap();
    assert!(deciding(&mut client, &parcels(300, 50)).await.values().all(|version| version == "1"));
    drop((client, models, channel, lifecycle));
    server.stopped().await;
    drop(recorder);
    let rescored = rescore(&Reader::open(&place.ledger()).unwrap(), &[first().clone(), second().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.different), (350, 0), "{rescored:?}");

    // What lies in the registry no more as it was is not held ready, and nothing else suffers.
    std::fs::write(place.model(&third).join("model.bin"), "").unwrap();
    let (parts, recorder) = place.recording_parts(first());
    let lifecycle = Arc::clone(parts.standing.lifecycle().unwrap());
    lifecycle.resume();
    let (endpoint, server) = start(parts).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    let listed = listed(&mut models).await;
    assert_eq!(listed[..2], [(Champion, version("1")), (Previous, version("2"))]);
    assert!(listed.contains(&(Available, version("3"))), "{listed:?}");
    drop((models, lifecycle));
    server.stopped().await;
    drop(recorder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_champion_that_is_slow_gives_way_to_the_one_before_and_does_not_come_back() {
    let place = Place::new();
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let standing = Arc::clone(&parts.standing);
    let lifecycle = Arc::clone(standing.lifecycle().unwrap());
    let (endpoint, server) = start(parts).await;
    let mut models = ModelServiceClient::new(endpoint.connect().await.unwrap());
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    let took = |version: &str, n: u32, micros: u64| {
        (0..n).for_each(|_| standing.metrics().took_by(version, std::time::Duration::from_micros(micros)));
    };
    took("1", 1000, 40);
    took("2", 999, 400);
    lifecycle.consider();
    assert_eq!(listed(&mut models).await[0].1, "2", "too few to tell");
    took("2", 1, 400);
    lifecycle.consider();
    assert_eq!(listed(&mut models).await[0].1, "1");
    assert_eq!(super::roll_back(&mut models).await.unwrap_err().code(), Code::FailedPrecondition);
    assert!(standing.metrics_text().contains("how=\"rolled_back_by_latency\"} 1\n"));
    drop((models, lifecycle, standing));
    server.stopped().await;
    drop(recorder);
    let reader = Reader::open(&place.ledger()).unwrap();
    let events = reader.model_events().unwrap();
    let last = ModelEvent::from_body(&events.last().unwrap().content.body).unwrap();
    assert_eq!((last.what, last.model_version.as_str()), (Happened::RolledBackByLatency, "1"));
    let mut grounds = Vec::new();
    reader
        .scan::<parcel_risk::ledger::LedgerError>(0, |record| {
            if record.content.kind == Kind::Grounds {
                grounds.push(Grounds::from_body(&record.content.body).unwrap().model_version);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(grounds, ["1", "2", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_model_that_is_staged_while_others_change_places_goes_along_all_the_same() {
    let mut place = Place::new();
    place.config.canary_share = 0.5;
    let third = variant("3", |body| curve(body).c += 0.002);
    place.put(second());
    place.put(&third);
    let (parts, recorder) = place.recording_parts(first());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut client = Scoring::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut models = ModelServiceClient::new(channel.clone());
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    for round in 0..10 {
        let staging = tokio::spawn({
            let (mut models, third) = (models.clone(), third.clone());
            async move { stage(&mut models, &third).await }
        });
        while !staging.is_finished() {
            super::roll_back(&mut models).await.unwrap();
        }
        staging.await.unwrap().unwrap();
        // A change of places after it was staged has ended its share.
        set(&mut models, &third.model_ref().digest, 500).await.unwrap();
        let decided = deciding(&mut client, &parcels(round * 40, 40)).await;
        let by_third = decided.values().filter(|version| *version == "3").count();
        assert!(by_third > 0 && by_third < decided.len(), "{decided:?}");
    }
    promote(&mut models, &third).await.unwrap();
    assert!(deciding(&mut client, &parcels(400, 40)).await.values().all(|version| version == "3"));
    drop((client, models, channel));
    server.stopped().await;
    drop(recorder);
    let all = [first().clone(), second().clone(), third];
    let rescored = rescore(&Reader::open(&place.ledger()).unwrap(), &all).unwrap();
    assert_eq!(rescored, Rescored { equal: rescored.equal, ..Rescored::default() }, "to the bit");
}
