//! How much memory a history takes.

use std::fmt;

/// Bytes of a history, with keys and with the index that finds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySize {
    /// Counts of parcels and outcomes.
    pub counts: TableSize,
    /// Activity.
    pub activity: TableSize,
    /// What is usual.
    pub norms: TableSize,
}

/// Bytes of what is kept of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Keys that something is kept of.
    pub n: usize,
    /// Bytes that all of it takes.
    pub bytes: usize,
}

impl TableSize {
    pub(super) fn add(&mut self, Self { n, bytes }: Self) {
        self.n += n;
        self.bytes += bytes;
    }
}

impl fmt::Display for TableSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, bytes } = *self;
        write!(f, "{n} of {:.1} bytes", bytes as f64 / n.max(1) as f64)
    }
}
