//! Answers that are made at about the same time leave in one write.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// What is worth a write of its own, in bytes: more than some answers about one parcel.
const ENOUGH_BYTES: usize = 8 << 10;

/// Counts the calls of a connection about one parcel that are being answered.
#[derive(Clone, Debug, Default)]
pub(super) struct AtWork(Arc<AtomicUsize>);

/// A call that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct OneAtWork(AtWork);

impl AtWork {
    /// One more.
    pub(super) fn begin(&self) -> OneAtWork {
        self.0.fetch_add(1, Ordering::Relaxed);
        OneAtWork(self.clone())
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for OneAtWork {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where other calls of a connection are at work, holds back what it writes until those in its hand had their turn that can
/// go on: what they answer is then written with it.
///
/// A write costs about as much as the score of a parcel, and the connection would begin one with the head of each answer.
#[derive(Debug, Default)]
pub(super) struct Together {
    at_work: AtWork,
    /// Whether others had their turn since the last flush.
    is_due: bool,
}

impl Together {
    /// Of a connection whose calls are counted there.
    pub(super) fn of(at_work: AtWork) -> Self {
        Self { at_work, is_due: false }
    }

    /// Ready when `n_bytes` that wait may be written.
    pub(super) fn poll_due(&mut self, ctx: &mut Context<'_>, n_bytes: usize) -> Poll<()> {
        if self.is_due || n_bytes >= ENOUGH_BYTES || !self.at_work.any() {
            return Poll::Ready(());
        }
        self.is_due = true;
        // The connection's task goes round at once: first those calls that it answers itself.
        ctx.waker().wake_by_ref();
        Poll::Pending
    }

    /// All that waited is written.
    pub(super) fn flushed(&mut self) {
        self.is_due = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it is asked until `n_bytes` may be written.
    async fn n_asked(together: &mut Together, n_bytes: usize) -> usize {
        let mut n_asked = 0;
        std::future::poll_fn(|ctx| {
            n_asked += 1;
            together.poll_due(ctx, n_bytes)
        })
        .await;
        n_asked
    }

    #[tokio::test]
    async fn a_write_waits_once_for_those_that_can_go_on() {
        let at_work = AtWork::default();
        let mut together = Together::of(at_work.clone());
        let _another = at_work.begin();
        for _ in 0..2 {
            assert_eq!(n_asked(&mut together, 100).await, 2);
            assert_eq!(n_asked(&mut together, 100).await, 1, "what the socket did not take is not held back again");
            together.flushed();
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_nobody_and_nothing_long_waits() {
        let at_work = AtWork::default();
        let mut together = Together::of(at_work.clone());
        let another = at_work.begin();
        assert_eq!(n_asked(&mut together, ENOUGH_BYTES).await, 1);
        together.flushed();
        drop(another);
        assert_eq!(n_asked(&mut together, 100).await, 1);
    }
}
