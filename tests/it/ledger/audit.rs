//! Decisions looked up: one with all that belongs to it, and many in pages.

use std::collections::BTreeSet;

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::audit_service_client::AuditServiceClient;
use parcel_risk::wire::v1::get_decision_request::Key;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::Code;
use tonic::transport::Channel;

use super::{Place, decisions, parcels, requests, stop};
use crate::harness::{start, within};

async fn listed(
    client: &mut AuditServiceClient<Channel>,
    request: &v1::ListDecisionsRequest,
) -> v1::ListDecisionsResponse {
    within(client.list_decisions(request.clone())).await.unwrap().into_inner()
}

fn ids(response: &v1::ListDecisionsResponse) -> Vec<String> {
    response.records.iter().map(|record| record.decision.as_ref().unwrap().decision_id.clone()).collect()
}

#[tokio::test]
async fn a_page_of_large_parcels_is_no_larger_than_clients_take() {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let mut sent = parcels(6);
    for parcel in &mut sent[..4] {
        let mut line = parcel.contents[0].clone();
        line.description = "x".repeat(60_000);
        parcel.contents = vec![line; 20];
    }
    for parcel in &sent {
        within(scoring.score_parcels(requests(std::slice::from_ref(parcel)))).await.unwrap();
    }
    let mut audit = AuditServiceClient::new(channel);
    let mut request = v1::ListDecisionsRequest::default();
    let (mut pages, mut seen) = (Vec::new(), Vec::new());
    loop {
        let page = listed(&mut audit, &request).await;
        pages.push(page.records.len());
        seen.extend(page.records.iter().map(|record| record.parcel.as_ref().unwrap().item_id.clone()));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(pages, [4, 2]);
    assert!(seen.iter().eq(sent.iter().rev().map(|parcel| &parcel.item_id)), "{seen:?}");
    drop(scoring);
    stop(audit, server, recorder).await;
}

#[tokio::test]
async fn a_decision_is_found_with_its_parcel_and_every_reason_and_lists_do_not_shift() {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let mut audit = AuditServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let sent = parcels(330);
    let decided = decisions(within(scoring.score_parcels(requests(&sent[..300]))).await.unwrap().into_inner());

    let ask = |key| v1::GetDecisionRequest { key: Some(key) };
    let released = decided.iter().find(|decision| decision.route() == v1::Route::Release).unwrap();
    assert!(released.reasons.is_empty());
    let by_id = ask(Key::DecisionId(released.decision_id.clone()));
    let record = within(audit.get_decision(by_id)).await.unwrap().into_inner().record.unwrap();
    let decision = record.decision.unwrap();
    let total: f64 = decision.reasons.iter().map(|reason| reason.contribution_log_odds).sum();
    let raw = decision.raw_score_log_odds.unwrap();
    assert!((total + decision.base_log_odds.unwrap() - raw).abs() < 1e-6, "{total} {raw}");
    assert_eq!(v1::Decision { reasons: vec![], raw_score_log_odds: None, base_log_odds: None, ..decision }, *released);
    assert_eq!(record.parcel.unwrap().item_id, released.item_id);
    for key in [Key::DecisionId("01900000-0000-7000-8000-000000000001".to_owned()), Key::ItemId("none".to_owned())] {
        assert_eq!(within(audit.get_decision(ask(key))).await.unwrap_err().code(), Code::NotFound);
    }
    let bad = within(audit.get_decision(ask(Key::DecisionId("x".to_owned())))).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);

    // Page after page, while others come in.
    let mut request = v1::ListDecisionsRequest { page_size: 70, ..v1::ListDecisionsRequest::default() };
    let mut seen = Vec::new();
    let mut later = sent[300..].chunks(10);
    loop {
        let page = listed(&mut audit, &request).await;
        seen.extend(ids(&page));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        if let Some(batch) = later.next() {
            within(scoring.score_parcels(requests(batch))).await.unwrap();
        }
    }
    let all: BTreeSet<_> = decided.iter().map(|decision| decision.decision_id.clone()).collect();
    assert_eq!((seen.len(), seen.iter().cloned().collect::<BTreeSet<_>>()), (300, all));

    // With conditions; a token is for the same ones only.
    let mut strict = v1::ListDecisionsRequest {
        routes: vec![v1::Route::Open.into(), v1::Route::Documents.into()],
        min_risk_score: 0.5,
        ..v1::ListDecisionsRequest::default()
    };
    let expected = decided.iter().filter(|one| one.route() != v1::Route::Release && one.risk_score >= 0.5).count();
    let page = listed(&mut audit, &v1::ListDecisionsRequest { page_size: 500, ..strict.clone() }).await;
    let of_first = ids(&page).iter().filter(|id| decided.iter().any(|one| one.decision_id == **id)).count();
    assert_eq!((of_first, page.next_page_token.as_str()), (expected, ""));
    let last_time = decided.iter().map(|one| one.decided_at.as_ref().unwrap()).map(|at| (at.seconds, at.nanos)).max();
    let (seconds, nanos) = last_time.unwrap();
    let until = Some(pbjson_types::Timestamp { seconds, nanos: nanos + 1000 });
    let before = listed(&mut audit, &v1::ListDecisionsRequest { until, page_size: 500, ..strict.clone() }).await;
    assert_eq!(ids(&before).len(), expected);
    strict.page_token = request.page_token;
    assert_eq!(within(audit.list_decisions(strict)).await.unwrap_err().code(), Code::InvalidArgument);
    drop(scoring);
    stop(audit, server, recorder).await;
}
