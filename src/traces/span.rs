//! The span of one call.

use std::pin::Pin;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{FutureExt as _, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

/// A call as a trace sees it; nothing where there are no traces. It ends when it is told to, or with its last copy.
#[derive(Clone, Debug, Default)]
pub struct CallSpan(Option<Context>);

impl CallSpan {
    pub(super) fn begin(tracer: &SdkTracer, method: &'static str, headers: &HeaderMap) -> Self {
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &TraceParent(headers));
        let name = method.trim_start_matches('/');
        let (service, rpc_method) = name.split_once('/').unwrap_or(("", name));
        let span = tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("rpc.system", "grpc"),
                KeyValue::new("rpc.service", service),
                KeyValue::new("rpc.method", rpc_method),
            ])
            .start_with_context(tracer, &parent);
        Self(Some(parent.with_span(span)))
    }

    /// That of the call at hand: the one that [`CallSpan::around`] is around.
    pub fn current() -> Self {
        Self(Context::map_current(|context| context.has_active_span().then(|| context.clone())))
    }

    /// Whether there is a trace.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The trace that it is a part of, in 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        Some(self.0.as_ref()?.span().span_context().trace_id().to_string())
    }

    /// Adds a word, which must be none that a parcel states.
    pub fn says(&self, key: &'static str, word: &str) {
        self.set(key, word.to_owned());
    }

    /// Adds a number.
    pub fn counts(&self, key: &'static str, n: u64) {
        self.set(key, i64::try_from(n).unwrap_or(i64::MAX));
    }

    /// The future, with this as the span of the call at hand.
    pub fn around<F: Future + Send + 'static>(&self, future: F) -> Pin<Box<dyn Future<Output = F::Output> + Send>> {
        match &self.0 {
            Some(context) => Box::pin(future.with_context(context.clone())),
            None => Box::pin(future),
        }
    }

    /// A part of it took this long; the key ends with `_seconds`.
    pub fn took(&self, key: &'static str, time: Duration) {
        self.set(key, time.as_secs_f64());
    }

    fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// It ended with this gRPC status code, which is or is not the server's fault.
    pub fn ends(&self, code: i32, is_fault: bool) {
        let Some(context) = &self.0 else { return };
        let span = context.span();
        span.set_attribute(KeyValue::new("rpc.grpc.status_code", i64::from(code)));
        if is_fault {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// Only the header whose form leaves room for nothing but numbers: what else a caller could put in would be kept elsewhere.
struct TraceParent<'h>(&'h HeaderMap);

impl Extractor for TraceParent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        Some(self.0.get(key).filter(|_| key == "traceparent")?.to_str().unwrap_or_default())
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}
