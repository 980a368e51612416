//! Decisions in the ledger, and the history that they make.

use expect_test::expect;
use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{LedgerError, Reader, Rescored, rescore, verify};
use parcel_risk::wire::v1;
use tonic::Code;

use super::{Place, decisions, parcels, requests, stop};
use crate::harness::{artifact, bad_request, request, within};

#[tokio::test]
async fn every_decision_is_recorded_once_and_history_after_a_restart_is_the_fold() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let sent = parcels(600);
    let before = Snapshot::of(&recorder.history(), Vec::new());
    for batch in sent.chunks(50) {
        let got = decisions(within(client.score_parcels(requests(batch))).await.unwrap().into_inner());
        assert!(got.iter().all(|decision| decision.decided_at.is_some() && decision.degraded.is_empty()));
    }
    let live = Snapshot::of(&recorder.history(), Vec::new());
    assert!(live != before, "what was seen is known");
    stop(client, server, recorder).await;

    let verified = verify(&place.path(), None).unwrap();
    assert_eq!((verified.decisions, verified.head.seq), (600, 601));
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!(rescored, Rescored { equal: 600, ..Rescored::default() });

    let (_, recorder) = place.parts();
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == live, "to the bit");
}

#[tokio::test]
async fn equal_grounds_make_one_record_whoever_asks_again() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let parcel = parcels(1).remove(0);
    let mut ask = async || within(client.score_parcel(request(parcel.clone()))).await.unwrap().into_inner().decision;
    let (first, again) = (ask().await.unwrap(), ask().await.unwrap());
    assert_eq!(first, again, "its time included");
    assert_eq!(recorder.ledger().counts().written, 2, "the grounds and the decision");
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().decisions, 1);
}

#[tokio::test]
async fn a_request_that_is_repeated_gets_the_recorded_decision_and_no_other_parcel_may_use_its_identifier() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let sent = parcels(400);
    let day = |days: i64, parcel: &v1::Parcel| {
        let mut parcel = parcel.clone();
        parcel.advised_at.as_mut().unwrap().seconds += 86_400 * days;
        parcel
    };
    let mut asked = request(sent[0].clone());
    asked.request_id = "once".to_owned();
    let first = within(client.score_parcel(asked.clone())).await.unwrap().into_inner().decision.unwrap();
    // Time goes on, and with it what is known.
    within(client.score_parcels(requests(&sent[1..]))).await.unwrap();
    let again = within(client.score_parcel(asked.clone())).await.unwrap().into_inner().decision.unwrap();
    assert_eq!(again, first);
    asked.parcel = Some(sent[1].clone().into());
    let refused = within(client.score_parcel(asked.clone())).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::AlreadyExists, "request_id was used for another parcel"));

    // In one batch too, where the first is not yet written when the second is read.
    let later: Vec<_> = sent[..3].iter().map(|parcel| day(400, parcel)).collect();
    let mut batch = requests(&later);
    batch.requests.iter_mut().for_each(|request| request.request_id = "batch".to_owned());
    let results = within(client.score_parcels(batch)).await.unwrap().into_inner().results;
    let codes: Vec<_> = results
        .iter()
        .map(|result| match result.result.as_ref().unwrap() {
            v1::score_result::Result::Decision(_) => 0,
            v1::score_result::Result::Error(error) => error.code,
        })
        .collect();
    assert_eq!(codes, [Code::Ok, Code::AlreadyExists, Code::AlreadyExists].map(|code| code as i32), "the first counts");
    stop(client, server, recorder).await;
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!((rescored.different, rescored.unknown_model), (0, 0));
}

#[tokio::test]
async fn a_decision_that_stands_is_bound_to_each_identifier_that_asks_for_it() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let sent = parcels(300);
    let mut asked = request(sent[0].clone());
    let mut ask = async |id: &str| {
        asked.request_id = id.to_owned();
        within(client.score_parcel(asked.clone())).await.unwrap().into_inner().decision.unwrap()
    };
    let first = ask("").await;
    assert_eq!((ask("a").await, ask("b").await), (first.clone(), first.clone()));
    within(client.score_parcels(requests(&sent[1..]))).await.unwrap();
    let mut again = request(sent[0].clone());
    again.request_id = "b".to_owned();
    assert_eq!(within(client.score_parcel(again)).await.unwrap().into_inner().decision.unwrap(), first);
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().decisions, 300);
}

#[tokio::test]
async fn a_repeated_request_tells_its_own_reasons_to_whoever_asks_for_any() {
    use v1::ExplanationLevel::{Full, None as Nothing};
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let asked = request(parcels(1).remove(0));
    let mut ask = async |request_id: &str, level: v1::ExplanationLevel| {
        let asked =
            v1::ScoreParcelRequest { request_id: request_id.to_owned(), explanation: level.into(), ..asked.clone() };
        within(client.score_parcel(asked)).await.unwrap().into_inner().decision.unwrap()
    };
    let without = ask("", Nothing).await;
    let first = ask("officer", Full).await;
    assert!(!first.reasons.is_empty() && first.raw_score_log_odds.is_some());
    assert_eq!(ask("officer", Full).await, first);
    // As a caller who may not see any asks.
    assert_eq!(ask("officer", Nothing).await, without);
    let bad = v1::ScoreParcelRequest { request_id: "officer".to_owned(), explanation: 9, ..asked.clone() };
    assert_eq!(within(client.score_parcel(bad)).await.unwrap_err().code(), Code::InvalidArgument);
    stop(client, server, recorder).await;
}

#[tokio::test]
async fn a_repeated_request_has_its_notices_in_the_language_that_it_asks_for_and_is_refused_as_any_other() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let mut odd = parcels(1).remove(0);
    odd.gross_mass_grams = Some(0);
    let mut told = String::new();
    for languages in ["", "ru", "kk"] {
        let asked = v1::ScoreParcelRequest { request_id: "once".to_owned(), ..request(odd.clone()) };
        let mut asked = tonic::Request::new(asked);
        asked.metadata_mut().insert("accept-language", languages.parse().unwrap());
        let decision = within(client.score_parcel(asked)).await.unwrap().into_inner().decision.unwrap();
        told += &decision.notices.iter().map(|notice| format!("{}\n", notice.text)).collect::<String>();
    }
    expect![[r#"
        A mass of zero was stated; it was read as not stated.
        Указана нулевая масса; она считается неуказанной.
        Масса нөл деп көрсетілген; ол көрсетілмеген деп есептелді.
    "#]]
    .assert_eq(&told);
    let mut refused = Vec::new();
    for request_id in ["", "another"] {
        let bad = v1::ScoreParcelRequest { request_id: request_id.to_owned(), ..bad_request() };
        refused.push(within(client.score_parcel(bad)).await.unwrap_err().message().to_owned());
    }
    assert_eq!(refused[0], refused[1]);
    stop(client, server, recorder).await;
}

/// Each identifier has a record of its own. Who looks the decision or its item up, as is done before each record that is written,
/// does not read them all.
#[tokio::test]
async fn a_decision_is_looked_up_past_any_number_of_identifiers_that_asked_for_it() {
    const N_ASKED: usize = 400;
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    let parcel = parcels(1).remove(0);
    let item_id = parcel.item_id.clone();
    let mut batch = requests(&vec![parcel; N_ASKED]);
    batch.requests.iter_mut().enumerate().for_each(|(n, request)| request.request_id = format!("r{n}"));
    let got = decisions(within(client.score_parcels(batch)).await.unwrap().into_inner());
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().head.seq, 1 + N_ASKED as i64);
    let reader = Reader::open(&place.path()).unwrap();
    let about: Vec<_> = reader.about(&item_id).unwrap().iter().map(|record| record.seq).collect();
    let id = *uuid::Uuid::parse_str(&got[0].decision_id).unwrap().as_bytes();
    assert_eq!(about, [reader.decision(&id).unwrap().unwrap().seq]);
    assert!(got.iter().all(|decision| decision.decision_id == got[0].decision_id));
}

#[test]
fn a_second_process_is_told_that_the_ledger_is_in_use() {
    let place = Place::new();
    let (_, recorder) = place.parts();
    let second = parcel_risk::ledger::Ledger::open(&place.path(), &place.config, place.clock.clone());
    assert!(matches!(second, Err(LedgerError::InUse { .. })), "{second:?}");
    drop(recorder);
    parcel_risk::ledger::Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
}
