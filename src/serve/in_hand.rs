//! The calls that a connection's own task answers: those about one parcel, as many as it answers in a millisecond.
//!
//! Such a call takes less than a tenth of that. As a task of its own it has the runtime wake another thread, which takes it
//! over, waits for the connection's lock, and finds the parcel in the first thread's caches: that costs more than is gained.
//! What takes longer, and what comes while many are in hand, is a task of its own, for any thread.

use std::array;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use hyper::rt::Executor;

/// Most that are in one connection's hand, however short they are. No more than there are bits in [`Woken`].
const MOST: usize = 32;

/// How long the last of them may wait for the others.
const WAIT: Duration = Duration::from_millis(1);

/// How much one more call counts in what calls take.
const SHARE_OF_ONE: u32 = 16;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a connection brings its calls.
#[derive(Clone)]
pub(super) struct Hand(Arc<Brought>);

struct Brought {
    /// Not yet taken up.
    calls: Mutex<Vec<Call>>,
    n_in_hand: AtomicUsize,
    /// As many may be.
    most: AtomicUsize,
    next_is_short: AtomicBool,
}

impl Hand {
    /// Says of the call that is brought next whether it is short.
    pub(super) fn next_is_short(&self, is_short: bool) {
        self.0.next_is_short.store(is_short, Ordering::Relaxed);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Hand {
    fn execute(&self, call: F) {
        let Brought { calls, n_in_hand, most, next_is_short } = &*self.0;
        let has_room = n_in_hand.load(Ordering::Relaxed) < most.load(Ordering::Relaxed);
        if next_is_short.swap(false, Ordering::Relaxed) && has_room {
            n_in_hand.fetch_add(1, Ordering::Relaxed);
            // One that panics ends alone, as a task would.
            let call = AssertUnwindSafe(call).catch_unwind().map(drop);
            calls.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(call));
        } else {
            tokio::spawn(call);
        }
    }
}

/// The calls in hand, for the connection's task.
pub(super) struct InHand {
    hand: Hand,
    /// Places, of which those that are free hold none.
    calls: [Option<Call>; MOST],
    /// Wakes the call at each place.
    wakers: [Waker; MOST],
    woken: Arc<Woken>,
    /// What one takes, of late.
    of_one: Duration,
}

/// Places whose calls can go on, by their bits. A set of futures from elsewhere takes an allocation a call, and wakes its
/// task once more whenever none of them has ended.
struct Woken(AtomicU32);

struct OfPlace {
    bit: u32,
    woken: Arc<Woken>,
    task: Waker,
}

impl Wake for OfPlace {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Whoever was the first has woken the task.
        if self.woken.0.fetch_or(self.bit, Ordering::AcqRel) & self.bit == 0 {
            self.task.wake_by_ref();
        }
    }
}

impl InHand {
    /// Of the task that `task` wakes.
    pub(super) fn new(task: &Waker) -> Self {
        let (calls, most) = (Mutex::default(), AtomicUsize::new(MOST));
        let brought = Brought { calls, n_in_hand: AtomicUsize::new(0), most, next_is_short: AtomicBool::new(false) };
        let woken = Arc::new(Woken(AtomicU32::new(0)));
        let waker = |place: usize| {
            let (woken, task) = (Arc::clone(&woken), task.clone());
            Waker::from(Arc::new(OfPlace { bit: 1 << place, woken, task }))
        };
        Self {
            wakers: array::from_fn(waker),
            calls: array::from_fn(|_| None),
            woken,
            hand: Hand(Arc::new(brought)),
            of_one: WAIT / (2 * MOST as u32),
        }
    }

    /// Where its connection brings them.
    pub(super) fn hand(&self) -> Hand {
        self.hand.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.hand.0.n_in_hand.load(Ordering::Relaxed) == 0
    }

    /// Goes on with all that can go on.
    pub(super) fn go_on(&mut self) {
        let Brought { calls, n_in_hand, .. } = &*self.hand.0;
        let mut can_go_on = self.woken.0.swap(0, Ordering::AcqRel);
        let mut n_new = 0;
        let mut places = self.calls.iter_mut().enumerate();
        for call in calls.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // No more are brought than there are places.
            if let Some((place, free)) = places.by_ref().find(|(_, place)| place.is_none()) {
                (*free, n_new) = (Some(call), n_new + 1);
                can_go_on |= 1 << place;
            }
        }
        let started = (n_new > 0).then(Instant::now);
        for (place, (held, waker)) in self.calls.iter_mut().zip(&self.wakers).enumerate() {
            if can_go_on >> place & 1 == 1
                && let Some(call) = held
                && call.as_mut().poll(&mut Context::from_waker(waker)).is_ready()
            {
                *held = None;
                n_in_hand.fetch_sub(1, Ordering::Relaxed);
            }
        }
        if let Some(started) = started {
            self.took(n_new, started.elapsed());
        }
    }

    /// Takes note of how long new calls took, up to their end or until they had to wait.
    fn took(&mut self, n: u32, all: Duration) {
        let share = n.min(SHARE_OF_ONE);
        self.of_one = (self.of_one * (SHARE_OF_ONE - share) + all / n * share) / SHARE_OF_ONE;
        let most = WAIT.as_nanos() / self.of_one.as_nanos().max(1);
        self.hand.0.most.store(usize::try_from(most).unwrap_or(MOST).clamp(1, MOST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    /// Brings a call that says when it is begun, and waits until it is told to end.
    fn bring(hand: &Hand, is_short: bool) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (begins, begun) = oneshot::channel();
        let (end, ends) = oneshot::channel();
        hand.next_is_short(is_short);
        hand.execute(async move {
            let _ = begins.send(());
            let _ = ends.await;
        });
        (begun, end)
    }

    #[tokio::test]
    async fn short_calls_wait_for_the_connection_and_long_ones_and_those_beyond_some_do_not() {
        let mut in_hand = InHand::new(Waker::noop());
        let hand = in_hand.hand();
        let (long, _ends) = bring(&hand, false);
        long.await.unwrap();
        assert!(in_hand.is_empty());
        let mut short: Vec<_> = (0..MOST).map(|_| bring(&hand, true)).collect();
        let (beyond, _ends) = bring(&hand, true);
        beyond.await.unwrap();
        assert!(short.iter_mut().all(|(begun, _)| begun.try_recv().is_err()), "nobody went on with them");
        in_hand.go_on();
        for (begun, end) in short {
            begun.await.unwrap();
            end.send(()).unwrap();
        }
        assert!(!in_hand.is_empty());
        in_hand.go_on();
        assert!(in_hand.is_empty());
        // What was said of one call is not said of the next.
        hand.execute(async {});
        assert!(in_hand.is_empty());
    }

    #[test]
    fn fewer_are_in_hand_where_they_take_longer() {
        let mut in_hand = InHand::new(Waker::noop());
        let most = |in_hand: &InHand| in_hand.hand.0.most.load(Ordering::Relaxed);
        assert_eq!(most(&in_hand), MOST);
        (0..100).for_each(|_| in_hand.took(4, WAIT));
        assert_eq!(most(&in_hand), 4);
        (0..100).for_each(|_| in_hand.took(1, WAIT * 2));
        assert_eq!(most(&in_hand), 1);
        (0..100).for_each(|_| in_hand.took(1, Duration::ZERO));
        assert_eq!(most(&in_hand), MOST);
    }

    #[tokio::test]
    async fn one_that_panics_takes_no_other_with_it() {
        let mut in_hand = InHand::new(Waker::noop());
        let hand = in_hand.hand();
        hand.next_is_short(true);
        hand.execute(async { panic!("of one call") });
        let (begun, _end) = bring(&hand, true);
        in_hand.go_on();
        begun.await.unwrap();
        assert!(!in_hand.is_empty());
    }
}
