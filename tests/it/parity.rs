//! One parcel, one answer: whichever door it comes in by, whoever asks, and in whatever order.

use std::collections::BTreeMap;
use std::sync::Arc;

use parcel_risk::engine::{Engine, Explanation};
use parcel_risk::features::FeatureRow;
use parcel_risk::history::{Bucket, Event, History};
use parcel_risk::parcel::Draft;
use parcel_risk::reasons::Language;
use parcel_risk::serve::Scorer;
use parcel_risk::train::LabeledParcel;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{from_decision, from_draft, to_draft};
use prost::Message as _;
use tonic::transport::Channel;

use crate::fixture::{self, DELAY_DAYS, Replayed, bits, drafts, rows, shuffle};
use crate::harness::{artifact, default_parts, engine, request, start_default};

/// An engine of the plan that the rows were replayed with.
fn engine_of_plan() -> Engine {
    let body = artifact().model().body().clone();
    assert_eq!(&body.spec, fixture::plan().spec(), "the built-in model is of the built-in spec");
    engine()
}

/// Everything that happens to the rows, by bucket: folded without any of the code that replays.
fn events(rows: &[LabeledParcel], matrix: &Replayed) -> BTreeMap<Bucket, Vec<(usize, Option<bool>)>> {
    let width = fixture::plan().spec().bucket_seconds;
    let mut events: BTreeMap<Bucket, Vec<_>> = BTreeMap::new();
    for (idx, (row, at)) in rows.iter().zip(&matrix.buckets).enumerate() {
        events.entry(*at).or_default().push((idx, None));
        if let Some((known_at, infringement)) = row.due(width, DELAY_DAYS) {
            events.entry(known_at).or_default().push((idx, Some(infringement)));
        }
    }
    events
}

#[test]
fn training_and_serving_see_the_same_features_and_scores() {
    let rows = rows();
    let matrix = fixture::replayed(rows, DELAY_DAYS);
    let engine = engine_of_plan();
    let body = engine.model().body();
    let events = events(rows, &matrix);
    let history = History::empty(engine.plan().spec().decay());
    let mut features = FeatureRow::default();
    let mut checked = 0;
    for (bucket, events) in &events {
        // Events of this bucket are not folded yet, so this is the history as it stands when the bucket opens.
        for (idx, _) in events.iter().filter(|(_, outcome)| outcome.is_none()) {
            let (row, values) = (rows[*idx].parcel.get(), matrix.values.row(*idx));
            let keys = engine.plan().keys(&row, engine.rates());
            engine.score(&keys, &history, *bucket, &mut features);
            assert_eq!(bits(&features.values), bits(values), "features of {:?}", row.item_id);

            let raw_score = body.estimator.raw_score(&values.to_vec());
            let decision = engine.assess(&row, &history, *bucket, Explanation::Full);
            assert_eq!(decision.raw_score.unwrap().log_odds.to_bits(), raw_score.to_bits());
            assert_eq!(decision.risk_score.to_bits(), body.calibration.probability(raw_score).to_bits());
            checked += 1;
        }
        for (idx, outcome) in events {
            let keys = engine.plan().keys(&rows[*idx].parcel.get(), engine.rates());
            let (at, footprint) = (*bucket, keys.footprint());
            history.fold(&match *outcome {
                None => Event::Advised { at, footprint },
                Some(infringement) => Event::Outcome { at, keys: &footprint.keys, infringement },
            });
        }
    }
    assert_eq!(checked, 1955);
}

#[test]
fn the_order_of_a_buckets_parcels_changes_no_feature() {
    let rows = rows();
    let of = |rows: &[LabeledParcel]| -> BTreeMap<String, Vec<u32>> {
        let matrix = fixture::replayed(rows, DELAY_DAYS);
        let by_row = rows.iter().zip(matrix.values.outer_iter());
        by_row.map(|(row, values)| (row.parcel.item_id().to_owned(), bits(values))).collect()
    };
    let expected = of(rows);
    for seed in 0..3 {
        let mut shuffled = rows.to_vec();
        shuffle(&mut shuffled, seed);
        // Stable: in order of time, but within an instant as shuffled.
        shuffled.sort_by_key(|row| row.parcel.advised_at);
        let got = of(&shuffled);
        let n_differing = expected.iter().filter(|(item, values)| got[*item] != **values).count();
        assert_eq!(n_differing, 0, "of {} rows, with seed {seed}", expected.len());
    }
}

/// Full decisions in process, as the contract tells them.
fn decide(scorer: &Scorer, drafts: &[Draft]) -> Vec<v1::Decision> {
    let decide =
        |draft: &Draft| from_decision(scorer.score(draft.clone(), Explanation::Full).unwrap(), Language::English);
    drafts.iter().map(decide).collect()
}

fn scorer() -> Arc<Scorer> {
    default_parts().scorer.load_full()
}

fn asking(draft: &Draft) -> v1::ScoreParcelRequest {
    let explanation = v1::ExplanationLevel::Full.into();
    v1::ScoreParcelRequest { explanation, ..request(from_draft(draft).unwrap()) }
}

/// Fails with the first decision that differs, not with all of them.
#[track_caller]
fn same(door: &str, expected: &[v1::Decision], got: &[v1::Decision]) {
    assert_eq!(expected.len(), got.len(), "{door}");
    for (expected, got) in expected.iter().zip(got) {
        // Not `assert_eq`, which would print two screens of decision.
        let scores = (expected.risk_score, got.risk_score);
        assert!(expected == got, "{door}: another decision about {}, scores {scores:?}", expected.item_id);
    }
}

fn decision(result: Option<v1::ScoreResult>) -> v1::Decision {
    match result.and_then(|result| result.result) {
        Some(v1::score_result::Result::Decision(decision)) => decision,
        other => panic!("{other:?}"),
    }
}

async fn one_by_one(channel: Channel, drafts: &[Draft]) -> Vec<v1::Decision> {
    let mut client = RiskScoringServiceClient::new(channel);
    let mut decisions = Vec::new();
    for draft in drafts {
        decisions.push(client.score_parcel(asking(draft)).await.unwrap().into_inner().decision.unwrap());
    }
    decisions
}

async fn in_batches(channel: Channel, drafts: &[Draft]) -> Vec<v1::Decision> {
    let mut client = RiskScoringServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let mut decisions = Vec::new();
    for batch in drafts.chunks(500) {
        let batch = v1::ScoreParcelsRequest { requests: batch.iter().map(asking).collect() };
        let results = client.score_parcels(batch).await.unwrap().into_inner().results;
        decisions.extend(results.into_iter().map(|result| decision(Some(result))));
    }
    decisions
}

async fn streamed(channel: Channel, drafts: &[Draft]) -> Vec<v1::Decision> {
    let sent = drafts.iter().map(|draft| v1::StreamParcelsRequest { request: Some(asking(draft)) });
    let sent = tokio_stream::iter(sent.collect::<Vec<_>>());
    let mut replies = RiskScoringServiceClient::new(channel).stream_parcels(sent).await.unwrap().into_inner();
    let mut decisions = Vec::new();
    while let Some(reply) = replies.message().await.unwrap() {
        decisions.push(decision(reply.result));
    }
    decisions
}

#[tokio::test]
async fn every_way_to_ask_gives_the_same_decision() {
    let (channel, _server) = start_default().await;
    let expected = decide(&scorer(), drafts());
    assert!(expected.iter().all(|decision| !decision.reasons.is_empty() && decision.raw_score_log_odds.is_some()));
    same("ScoreParcel", &expected, &one_by_one(channel.clone(), drafts()).await);
    same("ScoreParcels", &expected, &in_batches(channel.clone(), drafts()).await);
    same("StreamParcels", &expected, &streamed(channel, drafts()).await);
}

#[test]
fn a_row_of_a_table_and_the_same_parcel_sent_are_decided_alike() {
    let scorer = scorer();
    let sent: Vec<Draft> = drafts()
        .iter()
        .map(|draft| {
            let bytes = from_draft(draft).unwrap().encode_to_vec();
            to_draft(v1::Parcel::decode(bytes.as_slice()).unwrap())
        })
        .collect();
    assert!(sent == drafts(), "a draft comes back from the wire as it was");
    same("wire", &decide(&scorer, drafts()), &decide(&scorer, &sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_clients_at_once_in_eight_orders_get_the_decisions_of_one() {
    let (channel, _server) = start_default().await;
    let expected: Arc<Vec<_>> = Arc::new(decide(&scorer(), drafts()));
    let tasks = (0..8).map(|seed| {
        let (channel, expected) = (channel.clone(), Arc::clone(&expected));
        tokio::spawn(async move {
            let mut order: Vec<usize> = (0..drafts().len()).collect();
            shuffle(&mut order, seed);
            let asked: Vec<_> = order.iter().map(|idx| drafts()[*idx].clone()).collect();
            let expected: Vec<_> = order.iter().map(|idx| expected[*idx].clone()).collect();
            // Alone, in batches and streamed at the same time, too.
            let got = match seed % 4 {
                0 => one_by_one(channel, &asked).await,
                1 => in_batches(channel, &asked).await,
                _ => streamed(channel, &asked).await,
            };
            same(&format!("client {seed}"), &expected, &got);
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
