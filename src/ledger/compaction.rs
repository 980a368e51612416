//! The thread that makes one run of several, so that there are never many: each look-up asks all of them, and each is an open file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::LedgerError;
use super::helper::Helper;
use super::shared_index::SharedIndex;
use crate::telemetry::fields;

/// How often it looks: a part is full after a second of the fastest traffic.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it tries again what failed.
const TRY_AGAIN_EVERY: Duration = Duration::from_mins(1);
/// How long its end is waited for: a disk that hangs would hold up the end for good.
const LIMIT: Duration = Duration::from_secs(2);
/// Nobody waits for it.
const NICENESS: i32 = 10;

/// At work until it is dropped; what it is at then is begun anew another time.
#[derive(Debug)]
pub(super) struct Compaction(Helper);

impl Compaction {
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn start(index: &Arc<SharedIndex>) -> Result<Self, LedgerError> {
        let index = Arc::clone(index);
        Helper::start("ledger-index", move |is_over| run(&index, is_over)).map(Self)
    }
}

impl Drop for Compaction {
    fn drop(&mut self) {
        self.0.end_within(LIMIT);
    }
}

fn run(index: &SharedIndex, is_over: &AtomicBool) {
    // The thread's own, on Linux. Where it is refused nothing is lost but time.
    let _ = rustix::process::nice(NICENESS);
    while !is_over.load(Ordering::SeqCst) {
        let rest = match index.merge_some(is_over) {
            Ok(true) => continue,
            Ok(false) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!({ fields::ERROR } = %error, "what records are found by can't be put together");
                TRY_AGAIN_EVERY
            }
        };
        // Between the look and the rest it may have been told to end, and was unparked then.
        thread::park_timeout(rest);
    }
}
