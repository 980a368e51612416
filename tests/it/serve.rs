//! What the server answers.

use expect_test::expect;
use parcel_risk::serve::ServeConfig;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::audit_service_client::AuditServiceClient;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::v1::score_result::Result::{Decision, Error};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::harness::{ByHand, bad_request, parcel, parts, request, start, start_default};

const SERVICES: [&str; 4] = [
    v1::risk_scoring_service_server::SERVICE_NAME,
    v1::outcome_service_server::SERVICE_NAME,
    v1::audit_service_server::SERVICE_NAME,
    v1::model_service_server::SERVICE_NAME,
];

#[tokio::test]
async fn health_is_serving_under_the_empty_name_and_every_service_s() {
    let (channel, _server) = start_default().await;
    let mut client = HealthClient::new(channel);
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let reply = client.check(request).await.unwrap().into_inner();
        assert_eq!(reply.status(), ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "parcelrisk.v1.NoSuchService".to_owned() };
    assert_eq!(client.check(request).await.unwrap_err().code(), Code::NotFound);
}

/// Both generations of the protocol, since clients differ in which they speak.
macro_rules! services_by_reflection {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
        let ask = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new($channel);
        let mut replies = client.server_reflection_info(tokio_stream::once(ask)).await.unwrap().into_inner();
        match replies.message().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
                names.sort();
                names.join("\n")
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn reflection_lists_every_service_in_both_of_its_versions() {
    let (channel, _server) = start_default().await;
    let names = expect![[r#"
        grpc.health.v1.Health
        grpc.reflection.v1.ServerReflection
        grpc.reflection.v1alpha.ServerReflection
        parcelrisk.v1.AuditService
        parcelrisk.v1.ModelService
        parcelrisk.v1.OutcomeService
        parcelrisk.v1.RiskScoringService"#]];
    names.assert_eq(&services_by_reflection!(v1, channel.clone()));
    names.assert_eq(&services_by_reflection!(v1alpha, channel));
}

#[tokio::test]
async fn a_method_that_is_not_served_says_what_it_lacks() {
    let (channel, _server) = start_default().await;
    let mut outcomes = OutcomeServiceClient::new(channel.clone());
    let mut audit = AuditServiceClient::new(channel.clone());
    let mut models = ModelServiceClient::new(channel);
    let statuses: [Status; 8] = [
        outcomes.record_outcomes(v1::RecordOutcomesRequest::default()).await.unwrap_err(),
        audit.get_decision(v1::GetDecisionRequest::default()).await.unwrap_err(),
        // What is wrong with a request is no matter where nobody could answer it.
        audit.list_decisions(v1::ListDecisionsRequest { page_size: -1, ..Default::default() }).await.unwrap_err(),
        models.stage_model(v1::StageModelRequest::default()).await.unwrap_err(),
        models.promote_model(v1::PromoteModelRequest::default()).await.unwrap_err(),
        models.set_canary_share(v1::SetCanaryShareRequest::default()).await.unwrap_err(),
        models.roll_back_model(v1::RollBackModelRequest::default()).await.unwrap_err(),
        models.compare_models(v1::CompareModelsRequest::default()).await.unwrap_err(),
    ];
    assert!(statuses.iter().all(|status| status.code() == Code::Unimplemented));
    let messages: String = statuses.iter().map(|status| format!("{}\n", status.message())).collect();
    expect![[r#"
        RecordOutcomes is not served here: the server has no ledger (ledger.path)
        GetDecision is not served here: the server has no ledger (ledger.path)
        ListDecisions is not served here: the server has no ledger (ledger.path)
        StageModel is not served here: the server has no model registry (registry.path)
        PromoteModel is not served here: the server has no model registry (registry.path)
        SetCanaryShare is not served here: the server has no model registry (registry.path)
        RollBackModel is not served here: the server has no model registry (registry.path)
        CompareModels is not served here: the server has no model registry (registry.path)
    "#]]
    .assert_eq(&messages);
}

#[tokio::test]
async fn the_model_told_of_is_the_one_that_decides() {
    let (channel, _server) = start_default().await;
    let decision = RiskScoringServiceClient::new(channel.clone()).score_parcel(request(parcel())).await.unwrap();
    let decided_by = decision.into_inner().decision.unwrap().model.unwrap();

    let mut client = ModelServiceClient::new(channel);
    let listed = client.list_models(v1::ListModelsRequest {}).await.unwrap().into_inner().models;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].r#ref.as_ref(), Some(&decided_by));
    assert_eq!(listed[0].state(), v1::ModelState::Champion);

    let champion = client.get_model(v1::GetModelRequest::default()).await.unwrap().into_inner().model.unwrap();
    assert_eq!(champion, listed[0]);
    let by_name = v1::GetModelRequest { name: decided_by.name.clone(), version: decided_by.version.clone() };
    assert_eq!(client.get_model(by_name).await.unwrap().into_inner().model.unwrap(), listed[0]);

    let other = v1::GetModelRequest { name: decided_by.name, version: "no such version".to_owned() };
    let status = client.get_model(other).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let resource = status.get_error_details().resource_info().unwrap().clone();
    assert_eq!(resource.resource_type, "parcelrisk.v1.Model");
    assert!(resource.resource_name.ends_with("/no such version"), "{}", resource.resource_name);
}

#[tokio::test]
async fn one_bad_parcel_in_a_batch_fails_alone_and_in_its_place() {
    let (channel, _server) = start_default().await;
    let mut requests: Vec<_> = (0..100u32)
        .map(|idx| {
            let scheme = v1::ItemIdScheme::Carrier.into();
            request(v1::Parcel { item_id: format!("ITEM{idx}"), id_scheme: scheme, ..parcel() })
        })
        .collect();
    requests[41] = bad_request();
    let mut client = RiskScoringServiceClient::new(channel);
    let reply = client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap().into_inner();
    assert_eq!(reply.results.len(), 100);
    for (idx, result) in reply.results.into_iter().enumerate() {
        match result.result.unwrap() {
            Decision(decision) => assert_eq!(decision.item_id, format!("ITEM{idx}")),
            Error(_) => assert_eq!(idx, 41),
        }
    }

    let empty = client.score_parcels(v1::ScoreParcelsRequest::default()).await.unwrap().into_inner();
    assert_eq!(empty.results, []);
}

#[tokio::test]
async fn a_batch_of_more_than_the_contract_s_thousand_is_refused_whole() {
    let (channel, _server) = start_default().await;
    let requests = vec![request(parcel()); 1001];
    let status =
        RiskScoringServiceClient::new(channel).score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(violations(&status), "requests: must have at most 1000 entries, got 1001 (TOO_MANY)\n");
}

/// A `ScoreParcelsRequest` of anything.
#[derive(Clone, PartialEq, prost::Message)]
struct Anything {
    #[prost(bytes = "vec", repeated, tag = "1")]
    requests: Vec<Vec<u8>>,
}

#[tokio::test]
async fn a_request_of_a_batch_that_is_no_message_fails_alone() {
    let (channel, _server) = start_default().await;
    let mut client = tonic::client::Grpc::new(channel);
    let good = request(parcel()).encode_to_vec();
    let sent = Anything { requests: vec![good.clone(), vec![0xff, 0xff], good] };
    let path = http::uri::PathAndQuery::from_static("/parcelrisk.v1.RiskScoringService/ScoreParcels");
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Anything, v1::ScoreParcelsResponse>::default();
    let results = client.unary(tonic::Request::new(sent), path, codec).await.unwrap().into_inner().results;
    let told = |result: v1::ScoreResult| match result.result.unwrap() {
        v1::score_result::Result::Decision(decision) => Ok(decision.risk_score),
        v1::score_result::Result::Error(status) => Err((status.code, status.message)),
    };
    let [first, unreadable, last] = <[_; 3]>::try_from(results).unwrap().map(told);
    assert_eq!(first, last);
    let (code, message) = unreadable.unwrap_err();
    assert_eq!(code, i32::from(Code::InvalidArgument));
    assert!(message.starts_with("failed to decode Protobuf message"), "{message}");
}

#[tokio::test]
async fn a_stream_keeps_its_order_and_goes_on_after_an_error() {
    let (channel, _server) = start_default().await;
    let scheme = v1::ItemIdScheme::Carrier.into();
    let good = |idx: u32| {
        let parcel = v1::Parcel { item_id: format!("ITEM{idx}"), id_scheme: scheme, ..parcel() };
        v1::StreamParcelsRequest { request: Some(request(parcel)) }
    };
    let sent = vec![
        good(0),
        v1::StreamParcelsRequest { request: Some(bad_request()) },
        v1::StreamParcelsRequest { request: None },
        v1::StreamParcelsRequest { request: Some(v1::ScoreParcelRequest::default()) },
        good(4),
    ];
    let mut client = RiskScoringServiceClient::new(channel);
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    let mut told = String::new();
    while let Some(reply) = replies.message().await.unwrap() {
        told += &match reply.result.unwrap().result.unwrap() {
            Decision(decision) => format!("{}\n", decision.item_id),
            Error(error) => format!("{} {}\n", error.code, error.message),
        };
    }
    expect![[r#"
        ITEM0
        3 3 invalid fields: advised_at, contents[0].hs_code, explanation
        3 1 invalid field: request
        3 1 invalid field: parcel
        ITEM4
    "#]]
    .assert_eq(&told);
}

#[tokio::test]
async fn a_refused_parcel_is_told_the_same_alone_and_in_a_batch() {
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    let status = client.score_parcel(bad_request()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    expect![[r#"
        advised_at: is required (REQUIRED)
        contents[0].hs_code: must be 2, 4, 6, 8 or 10 digits of the Harmonized System, without dots (NOT_AN_HS_CODE)
        explanation: must be an explanation level, 0 to 3, got 9 (NOT_AN_EXPLANATION_LEVEL)
    "#]]
    .assert_eq(&violations(&status));
    let info = status.get_error_details().error_info().unwrap().clone();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_PARCEL", "parcelrisk"));

    let batch = v1::ScoreParcelsRequest { requests: vec![bad_request()] };
    let results = client.score_parcels(batch).await.unwrap().into_inner().results;
    let Some(Error(error)) = &results[0].result else { panic!("{results:?}") };
    let named = status.get_error_details().bad_request().unwrap().field_violations.clone();
    let alone = v1::ItemError {
        code: status.code().into(),
        message: status.message().to_owned(),
        field_violations: named
            .into_iter()
            .map(|named| v1::FieldViolation { field: named.field, description: named.description })
            .collect(),
    };
    assert_eq!(error, &alone);
}

#[tokio::test]
async fn a_parcel_with_hundreds_of_errors_still_gets_a_status_that_clients_can_read() {
    let (channel, _server) = start_default().await;
    let line = v1::ContentLine { hs_code: "x".to_owned(), ..Default::default() };
    let parcel = v1::Parcel { contents: vec![line; 99], ..parcel() };
    let status = RiskScoringServiceClient::new(channel).score_parcel(request(parcel)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert_eq!(status.get_error_details().error_info().unwrap().metadata.get("n_violations").unwrap(), "99");
}

#[tokio::test]
async fn a_message_over_the_limit_is_out_of_range_and_the_connection_lives() {
    let (endpoint, _server) = start(parts(ServeConfig { max_message_bytes: 4096, ..ServeConfig::default() })).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let long = v1::Parcel { carrier: "x".repeat(5000), ..parcel() };
    assert_eq!(client.score_parcel(request(long)).await.unwrap_err().code(), Code::OutOfRange);
    client.score_parcel(request(parcel())).await.unwrap();
}

/// Before it is read: it would take a hundred times as much memory as it does on its way. An item of a batch fails alone.
#[tokio::test]
async fn a_parcel_of_millions_of_lines_is_refused_with_their_number() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Written {
        #[prost(bytes = "vec", repeated, tag = "1")]
        inner: Vec<Vec<u8>>,
    }
    const TOO_MANY: &str = "must have at most 99 entries, got 3000000";
    let (channel, server) = start_default().await;
    let lines = Written { inner: vec![[0x7a, 0].repeat(3_000_000)] };
    let mut call = ByHand::new(server.address, "ScoreParcel", &lines, 65_535).await;
    call.body.send_data(bytes::Bytes::new(), true).unwrap();
    let head = call.response.await.unwrap();
    let status = Status::from_header_map(head.headers()).unwrap();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "1 invalid field: contents"));
    let named = status.get_error_details().bad_request().unwrap().field_violations[0].clone();
    assert_eq!((named.reason.as_str(), named.description.as_str()), ("TOO_MANY", TOO_MANY));

    let batch = Written { inner: vec![lines.encode_to_vec(), request(parcel()).encode_to_vec()] };
    let mut call = ByHand::new(server.address, "ScoreParcels", &batch, 65_535).await;
    call.body.send_data(bytes::Bytes::new(), true).unwrap();
    let mut reply = call.response.await.unwrap().into_body().data().await.unwrap().unwrap();
    let results = v1::ScoreParcelsResponse::decode(reply.split_off(5)).unwrap().results;
    let [Some(Error(error)), Some(Decision(_))] = [&results[0], &results[1]].map(|one| one.result.clone()) else {
        panic!("{results:?}")
    };
    assert_eq!(error.field_violations[0].description, TOO_MANY);
    RiskScoringServiceClient::new(channel).score_parcel(request(parcel())).await.unwrap();
}

#[tokio::test]
async fn reasons_are_told_in_the_language_that_the_call_asks_for() {
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    let mut told = Vec::new();
    for languages in ["", "ru-KZ,ru;q=0.9", "fr, kk;q=0.5", "fr"] {
        let mut request = tonic::Request::new(v1::ScoreParcelRequest {
            explanation: v1::ExplanationLevel::Full.into(),
            ..request(parcel())
        });
        request.metadata_mut().insert("accept-language", languages.parse().unwrap());
        let decision = client.score_parcel(request).await.unwrap().into_inner().decision.unwrap();
        let value = decision.reasons.into_iter().find(|reason| reason.code == "DECLARED_VALUE").unwrap();
        told.push(value.text);
    }
    let subject = |text: &str| text.split_inclusive(' ').take(2).collect::<String>();
    let subjects: Vec<String> = told.iter().map(|text| subject(text)).collect();
    assert_eq!(subjects, ["The declared ", "Заявленная стоимость: ", "Мәлімделген құн: ", "The declared "]);
}

#[tokio::test]
async fn full_explanation_carries_the_raw_score() {
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    let ask = |level: v1::ExplanationLevel| v1::ScoreParcelRequest { explanation: level.into(), ..request(parcel()) };
    let full = client.score_parcel(ask(v1::ExplanationLevel::Full)).await.unwrap().into_inner().decision.unwrap();
    assert!(full.raw_score_log_odds.is_some() && full.base_log_odds.is_some());
    let none = client.score_parcel(ask(v1::ExplanationLevel::None)).await.unwrap().into_inner().decision.unwrap();
    assert_eq!((none.raw_score_log_odds, none.reasons), (None, vec![]));
}

/// One line a violation, from the status's details.
fn violations(status: &Status) -> String {
    let details = status.get_error_details();
    let named = &details.bad_request().unwrap().field_violations;
    named.iter().map(|named| format!("{}: {} ({})\n", named.field, named.description, named.reason)).collect()
}

#[tokio::test]
async fn models_and_records_may_be_asked_about_at_an_address_apart_and_only_there() {
    fn said<T>(answer: Result<T, Status>) -> String {
        let Err(status) = answer else { return "answered".to_owned() };
        let details = status.get_error_details();
        details.error_info().map_or_else(|| format!("{:?}", status.code()), |info| info.reason.clone())
    }

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let apart = tonic::transport::Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (endpoint, server) = start(parts(ServeConfig::default()).with_apart(Some(listener))).await;
    let channels = [endpoint.connect().await.unwrap(), apart.connect().await.unwrap()];
    let mut answers = Vec::new();
    for channel in &channels {
        let score = RiskScoringServiceClient::new(channel.clone()).score_parcel(request(parcel())).await;
        let mut outcomes = OutcomeServiceClient::new(channel.clone());
        let outcome = outcomes.record_outcomes(v1::RecordOutcomesRequest::default()).await;
        let models = ModelServiceClient::new(channel.clone()).list_models(v1::ListModelsRequest::default()).await;
        let records =
            AuditServiceClient::new(channel.clone()).list_decisions(v1::ListDecisionsRequest::default()).await;
        let health = HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await;
        answers.push([said(score), said(outcome), said(models), said(records), said(health)]);
    }
    // That there is no ledger only the service itself can say.
    let (yes, no, no_ledger) = ("answered", "Unimplemented", "NO_LEDGER");
    assert_eq!(answers, [[yes, no_ledger, no, no, yes], [no, no, yes, no_ledger, yes]]);
    drop(channels);
    // Both end.
    assert!(!server.stopped().await.cut);
    assert!(apart.connect().await.is_err());
}
