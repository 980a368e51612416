//! How long a connection may take over its beginning: less where others wait for its place.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};

/// Of its time, what a connection has where places are scarce: enough for a client that is there, and whose path takes a
/// third of a second.
const SCARCE_SHARE: u32 = 10;

/// Places that many want.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    free: Arc<Semaphore>,
    /// So few that are free are scarce.
    scarce: usize,
}

impl Crowd {
    pub(super) fn new(free: Arc<Semaphore>, scarce: usize) -> Self {
        Self { free, scarce }
    }

    fn waits(&self) -> bool {
        self.free.available_permits() <= self.scarce
    }
}

/// The time of one connection.
#[derive(Debug)]
pub(super) struct Patience {
    ends: Instant,
    step: Duration,
    /// Until the end, or until it is looked whether others wait.
    next: Pin<Box<Sleep>>,
    crowd: Option<Crowd>,
}

impl Patience {
    pub(super) fn new(whole: Duration, crowd: Option<Crowd>) -> Self {
        let (now, step) = (Instant::now(), whole / SCARCE_SHARE);
        let first = if crowd.is_some() { step } else { whole };
        Self { ends: now + whole, step, next: Box::pin(tokio::time::sleep_until(now + first)), crowd }
    }

    /// Ready when its time is over: all of it, or what it has while others wait.
    pub(super) fn poll_over(&mut self, ctx: &mut Context<'_>) -> Poll<()> {
        while self.next.as_mut().poll(ctx).is_ready() {
            let now = Instant::now();
            if now >= self.ends || self.crowd.as_ref().is_some_and(Crowd::waits) {
                return Poll::Ready(());
            }
            self.next.as_mut().reset((now + self.step).min(self.ends));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One beside `n_free` places of which one is scarce; whether it has all of its time.
    async fn has_all(whole: Duration, n_free: usize) -> bool {
        let mut patience = Patience::new(whole, Some(Crowd::new(Arc::new(Semaphore::new(n_free)), 1)));
        std::future::poll_fn(|ctx| patience.poll_over(ctx)).await;
        Instant::now() >= patience.ends
    }

    #[tokio::test]
    async fn where_others_wait_there_is_less_time() {
        assert!(!has_all(Duration::from_secs(20), 1).await);
        assert!(has_all(Duration::from_millis(50), 2).await);
    }
}
