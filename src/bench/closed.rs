//! The closed loop: the next call when one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::window::Running;

/// Keeps `in_flight` calls open until the time is over.
pub(super) async fn drive(running: &Arc<Running>, in_flight: usize) {
    let next = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (running, next) = (Arc::clone(running), Arc::clone(&next));
            tokio::spawn(async move {
                while Instant::now() < running.until {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let message = running.target.messages().next();
                    let is_critical = running.plan.is_critical(n);
                    let due = Instant::now();
                    let answer = running.target.call(n, message, is_critical, running.plan.timeout).await;
                    running.answered(n, due, answer);
                }
            })
        })
        .collect();
    for caller in callers {
        // A caller that panicked has told so.
        let _ = caller.await;
    }
}
