//! What is let go is freed on a thread of its own: to free a history of gigabytes takes seconds, and no call shall wait.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often it is asked whether calls still have a hold of it.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// A call has ended long before.
const MOST_TIMES: u32 = 3000;

/// Frees it when nobody else holds it any more.
pub(super) fn discard<T: Send + Sync + 'static>(what: Arc<T>) {
    let wait = move || {
        for _ in 0..MOST_TIMES {
            if Arc::strong_count(&what) == 1 {
                break;
            }
            thread::sleep(ASK_EVERY);
        }
    };
    // Where there is no thread to be had, it is freed here.
    let _ = thread::Builder::new().name("discard".to_owned()).spawn(wait);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use std::thread::ThreadId;

    struct Heavy(Sender<ThreadId>);

    impl Drop for Heavy {
        fn drop(&mut self) {
            let _ = self.0.send(thread::current().id());
        }
    }

    #[test]
    fn the_last_hold_is_given_up_elsewhere_also_where_a_call_has_it_still() {
        let (freed, by) = channel();
        let heavy = Arc::new(Heavy(freed));
        let held = Arc::clone(&heavy);
        discard(heavy);
        assert!(by.try_recv().is_err(), "a call holds it");
        drop(held);
        assert_ne!(by.recv().unwrap(), thread::current().id());
    }
}
