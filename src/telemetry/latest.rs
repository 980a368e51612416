//! The latest decisions, for people who look: what was decided and why, and nothing of who sent what to whom.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::process::unix_millis;

/// How many are kept.
const N_KEPT: usize = 20;
/// Closer ones are passed over: nobody reads more, and keeping one costs more than counting it.
const APART_MILLIS: u64 = 200;

/// A decision as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// When, in milliseconds since 1970.
    pub unix_millis: u64,
    /// Its identifier, by which the ledger has it.
    pub decision_id: String,
    /// Its route.
    pub route: &'static str,
    /// What chose the route.
    pub cause: &'static str,
    /// Its risk score, 0 to 1.
    pub risk_score: f64,
    /// Codes of its reasons, the largest first.
    pub reasons: Vec<String>,
}

/// The latest of them.
#[derive(Debug, Default)]
pub(super) struct Latest {
    last_millis: AtomicU64,
    shown: Mutex<VecDeque<Shown>>,
}

impl Latest {
    /// Keeps what `show` makes of a decision, where the one before is long enough ago.
    pub(super) fn offer(&self, show: impl FnOnce(u64) -> Shown) {
        let (now, last) = (unix_millis(), self.last_millis.load(Ordering::Relaxed));
        // A clock that went back begins anew.
        let is_due = now.saturating_sub(last) >= APART_MILLIS || now < last;
        if is_due && self.last_millis.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.truncate(N_KEPT - 1);
            shown.push_front(show(now));
        }
    }

    /// The newest first.
    pub(super) fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
