//! Calls as spans: what a collector is told, and what becomes of calls where it is dead or hangs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use parcel_risk::serve::{Parts, Standing};
use parcel_risk::traces::{Traces, TracesConfig};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::harness::{CANARY, canary_parcels, default_parts, parcel, request, start, within};

/// A caller's trace, and the span in it that the call is made in.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that keeps what it is sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Takes what comes until it is told to stop, or whoever could tell it is gone.
    pub(crate) fn serve(&self, listener: TcpListener) -> (oneshot::Sender<()>, JoinHandle<()>) {
        let (stop, stopped) = oneshot::channel();
        let service = TraceServiceServer::new(self.clone());
        let serving = tonic::transport::Server::builder().add_service(service).serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            async {
                let _ = stopped.await;
            },
        );
        (stop, tokio::spawn(async { serving.await.unwrap() }))
    }

    fn spans(&self) -> Vec<Span> {
        let sent = self.0.lock().unwrap();
        let spans = sent.iter().flat_map(|sent| &sent.resource_spans).flat_map(|resource| &resource.scope_spans);
        spans.flat_map(|scope| &scope.spans).cloned().collect()
    }
}

/// Parts with everything at its default, whose calls become spans for `endpoint`; and the handle to finish with.
fn traced(endpoint: &str, max_queued: u32) -> (Parts, Traces, Arc<Standing>) {
    let config =
        TracesConfig { endpoint: endpoint.to_owned(), max_queued, timeout_seconds: 1, ..TracesConfig::default() };
    config.check().unwrap();
    let parts = default_parts();
    let standing = Arc::clone(&parts.standing);
    let traces = Traces::start(&config, Arc::clone(standing.metrics())).unwrap();
    (parts.with_traces(traces.clone()), traces, standing)
}

async fn finish(traces: Traces, limit: Duration) {
    tokio::task::spawn_blocking(move || traces.finish(limit)).await.unwrap();
}

fn with_parent<T>(message: T, sampled: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-{sampled}").parse().unwrap());
    request.metadata_mut().insert("tracestate", "canary=Canary".parse().unwrap());
    request
}

/// The attribute as text.
fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()?;
    Some(match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn counted(standing: &Standing, line: &str) -> u64 {
    let text = standing.metrics_text();
    let told =
        text.lines().find_map(|told| told.strip_prefix(line)).unwrap_or_else(|| panic!("{line} in none of {text}"));
    told.trim().parse().unwrap()
}

const EXPORTED: &str = "parcelrisk_spans_exported_total";
const QUEUE_FULL: &str = "parcelrisk_spans_dropped_total{reason=\"queue_full\"}";
const NOT_TAKEN: &str = "parcelrisk_spans_dropped_total{reason=\"not_taken\"}";

#[tokio::test]
async fn a_callers_trace_goes_on_with_the_call_and_tells_nothing_of_people_or_goods() {
    let (listener, collector) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Collector::default());
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let _serving = collector.serve(listener);
    let (parts, traces, standing) = traced(&endpoint, 100);
    let (endpoint, server) = start(parts).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let [good, bad] = canary_parcels();
    client.score_parcel(with_parent(request(good.clone()), "01")).await.unwrap();
    client.score_parcel(request(bad.clone())).await.unwrap_err();
    // The caller decides that this is in no trace.
    client.score_parcel(with_parent(request(good.clone()), "00")).await.unwrap();
    let requests = vec![request(good.clone()), request(bad.clone()), request(good.clone())];
    client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap();
    let sent = [good, bad].map(|parcel| v1::StreamParcelsRequest { request: Some(request(parcel)) });
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    while replies.message().await.unwrap().is_some() {}
    drop((client, replies, endpoint));
    server.stopped().await;
    finish(traces, Duration::from_secs(30)).await;

    let spans = collector.spans();
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            let [code, n_items] = ["rpc.grpc.status_code", "n_items"].map(|key| attribute(span, key).unwrap());
            (span.name.trim_start_matches("parcelrisk.v1.RiskScoringService/"), code, n_items)
        })
        .map(|(name, code, n_items)| format!("{name} {code} {n_items}"))
        .collect();
    assert_eq!(told, ["ScoreParcel 0 1", "ScoreParcel 3 1", "ScoreParcels 0 3", "StreamParcels 0 2"]);
    let first = &spans[0];
    assert_eq!((hex(&first.trace_id).as_str(), hex(&first.parent_span_id).as_str()), (TRACE, PARENT));
    assert!(spans[1].parent_span_id.is_empty() && hex(&spans[1].trace_id) != TRACE);
    assert_eq!(attribute(first, "rpc.system").unwrap(), "grpc");
    assert_eq!(attribute(first, "rpc.service").unwrap(), "parcelrisk.v1.RiskScoringService");
    assert!(!attribute(first, "request.id").unwrap().is_empty());
    for stage in ["check", "decide", "encode"] {
        assert!(attribute(first, &format!("stage.{stage}_seconds")).is_some(), "{stage}: {first:?}");
    }
    assert!(first.trace_state.is_empty());

    let all = format!("{:?}", collector.0.lock().unwrap());
    assert!(all.contains("parcel-risk") && all.contains("ScoreParcel"), "{all}");
    for told in [CANARY, "Canary", "Cage Street", "phone case", "RB123456785CN"] {
        assert!(!all.contains(told), "{told} is in {all}");
    }
    assert_eq!(counted(&standing, EXPORTED), 4);
    assert_eq!((counted(&standing, QUEUE_FULL), counted(&standing, NOT_TAKEN)), (0, 0));
}

#[tokio::test]
async fn a_collector_that_hangs_costs_spans_and_no_call() {
    // Connections come into the queue of the system, and nobody ever takes them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (parts, traces, standing) = traced(&format!("http://{}", listener.local_addr().unwrap()), 3);
    let (endpoint, server) = start(parts).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    // How many it takes depends on when the exporter takes its first batch, on which it hangs.
    while counted(&standing, QUEUE_FULL) == 0 {
        within(client.score_parcel(request(parcel()))).await.unwrap();
    }
    drop((client, endpoint));
    server.stopped().await;
    within(async {
        while counted(&standing, NOT_TAKEN) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let troubles = standing.troubles();
    assert!(troubles.iter().any(|trouble| trouble.part == "traces" && !trouble.stops_serving), "{troubles:?}");
    // It ends, though nothing can be handed over.
    within(finish(traces, Duration::from_millis(100))).await;
    assert_eq!(counted(&standing, EXPORTED), 0);
}

#[tokio::test]
async fn a_collector_that_is_dead_costs_spans_and_no_call_and_is_heard_of_when_it_is_back() {
    // A port at which nobody listens, until somebody does.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (parts, traces, standing) = traced(&format!("http://{address}"), 100);
    let (endpoint, server) = start(parts).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    client.score_parcel(request(parcel())).await.unwrap();
    within(async {
        while counted(&standing, NOT_TAKEN) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(standing.troubles().iter().any(|trouble| trouble.part == "traces"));

    let collector = Collector::default();
    let _serving = collector.serve(TcpListener::bind(address).await.unwrap());
    within(async {
        while counted(&standing, EXPORTED) == 0 {
            client.score_parcel(request(parcel())).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert!(!collector.spans().is_empty());
    assert!(standing.troubles().iter().all(|trouble| trouble.part != "traces"));
    drop((client, endpoint));
    server.stopped().await;
    finish(traces, Duration::from_secs(30)).await;
}
