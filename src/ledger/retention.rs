//! Parcels and texts of outcomes erased when they are as old as the configuration says, while the server runs.

use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::helper::Helper;
use super::{Ledger, LedgerError};
use crate::telemetry::fields;

/// How often it is looked whether there is something to erase.
const LOOK_EVERY: Duration = Duration::from_secs(3600);
const DAY_MICROS: i64 = 86_400_000_000;

/// The thread that erases; dropping it ends it.
#[derive(Debug)]
pub struct Retention(#[expect(dead_code, reason = "held until it is dropped")] Helper);

impl Retention {
    /// Erases now and from time to time what is older than `days`, which is not 0. The ledger is not held.
    ///
    /// # Errors
    /// [`LedgerError::Thread`].
    pub fn start(ledger: Weak<Ledger>, days: u32) -> Result<Self, LedgerError> {
        let run = move |is_over: &AtomicBool| {
            while !is_over.load(Ordering::SeqCst) {
                let Some(ledger) = ledger.upgrade() else { return };
                let before = ledger.clock().now_micros().saturating_sub(i64::from(days).saturating_mul(DAY_MICROS));
                // The end waits for this, and the next start completes it.
                match ledger.erase_while(before, &|| !is_over.load(Ordering::SeqCst)) {
                    Ok(0) => {}
                    Ok(n) => tracing::info!(
                        { fields::N_ITEMS } = n,
                        "parcels and texts of outcomes were erased by their age"
                    ),
                    Err(error) => tracing::error!({ fields::ERROR } = %error, "parcels can't be erased"),
                }
                drop(ledger);
                thread::park_timeout(LOOK_EVERY);
            }
        };
        Helper::start("retention", run).map(Self)
    }
}
