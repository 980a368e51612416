//! Why a fit is not possible.

/// Why a fit is not possible.
#[derive(Debug, thiserror::Error)]
pub enum BoostingError {
    /// A setting out of range.
    #[error("{name}: must be {expected}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Nothing to learn from.
    #[error("there are no {0} rows with a weight above zero")]
    NoRows(&'static str),
    /// Lengths that do not belong together.
    #[error("{what}: {expected} are needed, there are {got}")]
    Length {
        /// Of what.
        what: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// NaN means missing; an infinite value means a fault upstream.
    #[error("row {row}, feature {feature}: an infinite value")]
    Infinite {
        /// Index of the row.
        row: usize,
        /// Index of the feature.
        feature: usize,
    },
    /// A weight is a share of evidence.
    #[error("row {row}: a weight must be a number of at least zero")]
    Weight {
        /// Index of the row.
        row: usize,
    },
    /// Nothing to tell apart.
    #[error("fitting needs rows of both classes with a weight above zero; {positives} of {rows} rows are positive")]
    OneClass {
        /// Rows.
        rows: usize,
        /// Positive ones among them.
        positives: usize,
    },
    /// Early stopping judges on rows that were not fitted on.
    #[error("early stopping needs validation rows")]
    NoValidation,
    /// linfa's own error.
    #[error("linfa refused the data")]
    Linfa(#[from] linfa::Error),
}
