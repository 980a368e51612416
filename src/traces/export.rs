//! Where spans are made, and the thread that hands them over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData, SpanExporter as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::queue::Queue;
use super::{CallSpan, StartTraces, TracesConfig};
use crate::telemetry::{Metrics, fields};

/// Most spans in one delivery.
const MAX_BATCH: usize = 512;
/// How long a delivery that is not full waits for more, and how long nothing is tried after one that failed.
const PAUSE: Duration = Duration::from_millis(500);

/// Makes spans of calls; off where no collector is named.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<On>>);

#[derive(Debug)]
struct On {
    tracer: SdkTracer,
    is_failing: Arc<AtomicBool>,
    /// Told when no more will come; answers when all that waited is handed over.
    end: Mutex<Option<oneshot::Sender<SyncSender<()>>>>,
}

impl Traces {
    /// Starts handing spans over, on a thread of its own.
    ///
    /// # Errors
    /// [`StartTraces`] where the system gives no thread, or no exporter can be made. A collector that does not answer is no
    /// error.
    pub fn start(config: &TracesConfig, metrics: Arc<Metrics>) -> Result<Self, StartTraces> {
        if config.endpoint.is_empty() {
            return Ok(Self(None));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let limit = Duration::from_secs(config.timeout_seconds.into());
        let mut exporter = {
            // Its connection lives on this runtime, and is made when it is first needed.
            let _entered = runtime.enter();
            let built =
                SpanExporter::builder().with_tonic().with_endpoint(&config.endpoint).with_timeout(limit).build();
            built.map_err(|error| StartTraces::Exporter(error.to_string()))?
        };
        let resource = Resource::builder()
            .with_service_name(env!("CARGO_PKG_NAME"))
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        exporter.set_resource(&resource);

        let (queue, spans) = mpsc::channel(usize::try_from(config.max_queued).unwrap_or(usize::MAX));
        let (end, ended) = oneshot::channel();
        let is_failing = Arc::new(AtomicBool::new(false));
        let delivery = Delivery { exporter, limit, metrics: Arc::clone(&metrics), is_failing: Arc::clone(&is_failing) };
        let run = move || runtime.block_on(delivery.run(spans, ended));
        std::thread::Builder::new().name("traces".to_owned()).spawn(run)?;

        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sampled_share)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Queue::new(queue, metrics))
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer(env!("CARGO_PKG_NAME"));
        Ok(Self(Some(Arc::new(On { tracer, is_failing, end: Mutex::new(Some(end)) }))))
    }

    /// Whether the last delivery was not taken.
    pub fn is_failing(&self) -> bool {
        self.0.as_ref().is_some_and(|on| on.is_failing.load(Ordering::Relaxed))
    }

    /// A call of this method, `/package.Service/Method`, begins; the trace that its headers name goes on with it.
    pub fn begin(&self, method: &'static str, headers: &HeaderMap) -> CallSpan {
        self.0.as_ref().map_or_else(CallSpan::default, |on| CallSpan::begin(&on.tracer, method, headers))
    }

    /// Hands over what waits, for no longer than this.
    pub fn finish(&self, limit: Duration) {
        let Some(on) = &self.0 else { return };
        let Some(end) = on.end.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let (done, all_done) = sync_channel(1);
        if end.send(done).is_err() || all_done.recv_timeout(limit).is_err() {
            tracing::warn!("spans are lost: the collector did not take them in time");
        }
    }
}

/// What the thread does.
struct Delivery {
    exporter: SpanExporter,
    limit: Duration,
    metrics: Arc<Metrics>,
    is_failing: Arc<AtomicBool>,
}

impl Delivery {
    async fn run(self, mut spans: mpsc::Receiver<SpanData>, mut ended: oneshot::Receiver<SyncSender<()>>) {
        let (mut batch, mut not_before) = (Vec::new(), Instant::now());
        loop {
            tokio::select! {
                done = &mut ended => {
                    spans.close();
                    self.deliver_rest(spans, batch).await;
                    if let Ok(done) = done {
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    return;
                }
                may_go_on = gather(&mut spans, &mut batch, not_before) => if !may_go_on { return },
            }
            if !self.deliver(std::mem::take(&mut batch)).await {
                not_before = Instant::now() + PAUSE;
            }
        }
    }

    /// What waits at the end; nothing more once a delivery fails.
    async fn deliver_rest(&self, mut spans: mpsc::Receiver<SpanData>, mut batch: Vec<SpanData>) {
        loop {
            spans.recv_many(&mut batch, MAX_BATCH).await;
            if batch.is_empty() {
                return;
            }
            if !self.deliver(std::mem::take(&mut batch)).await {
                self.metrics.spans_dropped("not_taken", spans.len());
                return;
            }
        }
    }

    /// Whether the collector took them.
    async fn deliver(&self, batch: Vec<SpanData>) -> bool {
        let n_spans = batch.len();
        if n_spans == 0 {
            return true;
        }
        let failed = match tokio::time::timeout(self.limit, self.exporter.export(batch)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("no answer in time".to_owned()),
        };
        let is_taken = failed.is_none();
        let was_failing = self.is_failing.swap(!is_taken, Ordering::Relaxed);
        if is_taken {
            self.metrics.spans_exported(n_spans);
        } else {
            self.metrics.spans_dropped("not_taken", n_spans);
        }
        // Once each time, and not with each delivery.
        match failed {
            Some(error) if !was_failing => {
                tracing::warn!({ fields::ERROR } = error, "the collector takes no spans: they are dropped");
            }
            None if was_failing => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        is_taken
    }
}

/// Waits for a span, and then for as many more as come within the pause. Whether more may come.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>, not_before: Instant) -> bool {
    tokio::time::sleep_until(not_before).await;
    if batch.is_empty() && spans.recv_many(batch, MAX_BATCH).await == 0 {
        return false;
    }
    let fill = async { while batch.len() < MAX_BATCH && spans.recv_many(batch, MAX_BATCH - batch.len()).await > 0 {} };
    // Either it is full, or it has waited long enough.
    let _ = tokio::time::timeout(PAUSE, fill).await;
    true
}
