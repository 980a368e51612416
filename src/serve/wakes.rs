//! Wakes of a task that does several things: those that come of its own doing are seen without the runtime.
//!
//! An answer that is ready wakes the connection that is to write it. Where both are one task, the runtime would put it at the
//! end of its queue and wake another thread for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// A task that wakes itself so often in a row lets others go on.
const MOST_ROUNDS: usize = 8;

/// Nothing to do until something wakes it.
const RESTS: u8 = 0;
const WORKS: u8 = 1;
/// It was woken: whoever works goes round again before it rests.
const IS_WOKEN: u8 = 2;

#[derive(Default)]
struct State {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(IS_WOKEN, Ordering::AcqRel) == RESTS {
            self.task.wake();
        }
    }
}

/// Polls the things that a task does.
pub(super) struct Wakes {
    state: Arc<State>,
    /// What they are given to wake it by.
    waker: Waker,
}

impl Wakes {
    pub(super) fn new() -> Self {
        let state = Arc::<State>::default();
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }

    /// What wakes it.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Calls `go_on` until it has ended, or nothing of its own doing wakes it any more.
    pub(super) fn poll(&self, ctx: &mut Context<'_>, mut go_on: impl FnMut(&mut Context<'_>) -> Poll<()>) -> Poll<()> {
        let State { state, task } = &*self.state;
        task.register(ctx.waker());
        for _ in 0..MOST_ROUNDS {
            state.swap(WORKS, Ordering::AcqRel);
            if go_on(&mut Context::from_waker(&self.waker)).is_ready() {
                return Poll::Ready(());
            }
            if state.compare_exchange(WORKS, RESTS, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Poll::Pending;
            }
        }
        ctx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_goes_round_for_its_own_wakes_and_is_woken_once_for_those_of_others() {
        let (wakes, runtime) = (Wakes::new(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&runtime));
        let n_woken = || runtime.0.load(Ordering::Relaxed);
        let mut ctx = Context::from_waker(&waker);
        let mut given = None;
        let mut n_rounds = 0;
        let polled = wakes.poll(&mut ctx, |ctx| {
            n_rounds += 1;
            if n_rounds < 3 {
                ctx.waker().wake_by_ref();
            }
            given = Some(ctx.waker().clone());
            Poll::Pending
        });
        assert_eq!((polled, n_rounds, n_woken()), (Poll::Pending, 3, 0));
        let given = given.unwrap();
        given.wake_by_ref();
        given.wake_by_ref();
        assert_eq!(n_woken(), 1);
        assert_eq!(wakes.poll(&mut ctx, |_| Poll::Ready(())), Poll::Ready(()));
    }

    #[test]
    fn one_that_always_wakes_itself_lets_others_go_on() {
        let (wakes, runtime) = (Wakes::new(), Arc::<Woken>::default());
        let waker = Waker::from(Arc::clone(&runtime));
        let mut n_rounds = 0;
        let polled = wakes.poll(&mut Context::from_waker(&waker), |ctx| {
            n_rounds += 1;
            ctx.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((polled, n_rounds), (Poll::Pending, MOST_ROUNDS));
        assert_eq!(runtime.0.load(Ordering::Relaxed), 1);
    }
}
