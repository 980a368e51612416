//! Clients that ask and do not take the answer: HTTP/2 lets them hold it back for ever, and nothing in it would notice.
//!
//! An answer that is held back is not asked for its next part, so no timer of its own can end it. Another task does, by
//! hanging up on the connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::telemetry::Metrics;

/// Hangs up on a connection from outside.
#[derive(Debug, Default)]
pub(super) struct HangUp {
    is_wanted: AtomicBool,
    reader: Mutex<Option<Waker>>,
}

impl HangUp {
    fn now(&self) {
        self.is_wanted.store(true, Ordering::Release);
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }

    /// Whether it was hung up on; whoever reads hears of it when it is.
    pub(super) fn is_wanted(&self, ctx: &Context<'_>) -> bool {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !reader.as_ref().is_some_and(|known| known.will_wake(ctx.waker())) {
            *reader = Some(ctx.waker().clone());
        }
        self.is_wanted.load(Ordering::Acquire)
    }
}

/// An answer that must go on. Dropped, it is over.
#[derive(Debug)]
pub(super) struct Watched {
    began: Instant,
    /// Milliseconds after it began at which it was last asked for more.
    asked_millis: Arc<AtomicU64>,
    watch: AbortHandle,
}

impl Watched {
    /// Hangs up where it is not asked for more for as long as `limit`.
    pub(super) fn begin(connection: Arc<HangUp>, limit: Duration, metrics: Arc<Metrics>) -> Self {
        let (began, asked_millis) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let asked = Arc::clone(&asked_millis);
        let watch = tokio::spawn(async move {
            loop {
                let due = began + Duration::from_millis(asked.load(Ordering::Relaxed)) + limit;
                if due <= Instant::now() {
                    metrics.connection_stalled();
                    return connection.now();
                }
                tokio::time::sleep_until(due).await;
            }
        });
        Self { began, asked_millis, watch: watch.abort_handle() }
    }

    /// It was asked for more.
    pub(super) fn goes_on(&self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.asked_millis.store(millis, Ordering::Relaxed);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
