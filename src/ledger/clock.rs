//! The ledger's clock: the only one that dates anything.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in microseconds since 1970.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's.
    pub fn system() -> Self {
        Self(None)
    }

    /// One that stands where it is put.
    pub fn at_micros(micros: Arc<AtomicI64>) -> Self {
        Self(Some(micros))
    }

    /// Microseconds since 1970-01-01T00:00:00Z; 0 before.
    pub fn now_micros(&self) -> i64 {
        match &self.0 {
            Some(micros) => micros.load(Ordering::Relaxed),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
