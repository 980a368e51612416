//! The thread that makes one run of several, so that there are never many: each look-up asks all of them, and each is an open file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::LedgerError;
use super::helper::Background;
use super::shared_index::SharedIndex;
use crate::telemetry::fields;

/// How often it looks: a part is full after a second of the fastest traffic.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it tries again what failed.
const TRY_AGAIN_EVERY: Duration = Duration::from_mins(1);

/// At work until that is dropped; what it is at then is begun anew another time.
///
/// # Errors
/// [`LedgerError::Thread`].
pub(super) fn start(index: &Arc<SharedIndex>) -> Result<Background, LedgerError> {
    let index = Arc::clone(index);
    Background::start("ledger-index", move |is_over| run(&index, is_over))
}

fn run(index: &SharedIndex, is_over: &AtomicBool) {
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
