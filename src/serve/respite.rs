//! A rest between two looks at the network, while calls are refused.
//!
//! Each call that comes wakes a thread, which takes the processor from one that decides about parcels, reads a little, refuses
//! and goes to sleep again. Where there is far too much to do, that costs more than all the rest of a refusal. So a thread
//! that has refused a call waits for a moment before it looks for more, and then takes what came meanwhile together; as
//! network cards do with their interrupts. It does not wait where an answer is ready to be sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long; of an answer under overload, some hundredths.
const REST: Duration = Duration::from_millis(4);

/// Whether to rest.
#[derive(Debug, Default)]
pub(super) struct Respite {
    has_refused: AtomicBool,
    has_answers: Mutex<bool>,
    wake: Condvar,
}

impl Respite {
    /// A call was refused for want of room.
    pub(super) fn refused(&self) {
        self.has_refused.store(true, Ordering::Relaxed);
    }

    /// Work is done that a thread must go on with.
    pub(super) fn has_answers(&self) {
        *self.has_answers.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_one();
    }

    /// Rests, where a call was refused since the last time. For a thread that has nothing else to do. Whether it did.
    pub(super) fn rest(&self) -> bool {
        if !self.has_refused.swap(false, Ordering::Relaxed) {
            return false;
        }
        let has_answers = self.has_answers.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = self.wake.wait_timeout_while(has_answers, REST, |has_answers| !*has_answers);
        let (mut has_answers, waited) = rested.unwrap_or_else(PoisonError::into_inner);
        *has_answers = false;
        waited.timed_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_after_a_refusal_and_not_where_an_answer_is_ready() {
        let respite = Respite::default();
        assert!(!respite.rest(), "nothing was refused");
        respite.refused();
        assert!(respite.rest());
        assert!(!respite.rest(), "nothing was refused since");
        respite.refused();
        respite.has_answers();
        assert!(!respite.rest(), "an answer is ready");
    }
}
