//! Another policy while serving: as a whole, or not at all.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::{Recorder, Scorer};
use crate::ledger::LedgerError;
use crate::policy::Policy;

/// Why a policy does not take the place of the one that serves; that one goes on.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Budgets are spent by what a ledger records.
    #[error("the streams of this policy have budgets, which need a ledger: set ledger.path, and start anew")]
    NoLedger,
    /// What passed so far was counted by other days.
    #[error("utc_offset_minutes is another than that of the policy that serves: start anew to change it")]
    OtherDay,
    /// The change can't be recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Puts a policy in the place of the one that serves, and gives its version. A request sees one of both from beginning to
/// end. With a ledger the change is on record before the first decision rests on it.
///
/// # Errors
/// [`ReloadError`]; nothing has changed then.
pub fn reload(scorer: &ArcSwap<Scorer>, recorder: Option<&Recorder>, policy: Policy) -> Result<Arc<str>, ReloadError> {
    let serving = scorer.load_full();
    let version = Arc::clone(policy.version());
    if *serving.engine().policy().version() == version {
        return Ok(version);
    }
    // On whatever model serves by then.
    let store = || {
        scorer.rcu(|serving| Arc::new(serving.with_policy(policy.clone())));
    };
    match recorder {
        None if policy.has_budgets() => return Err(ReloadError::NoLedger),
        None => store(),
        Some(_) if policy.utc_offset_minutes() != serving.engine().policy().utc_offset_minutes() => {
            return Err(ReloadError::OtherDay);
        }
        Some(recorder) => recorder.change_policy(&policy, store)?,
    }
    Ok(version)
}
