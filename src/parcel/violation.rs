//! What is wrong with a stated value, as data.

/// One malformed field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Violation {
    /// Path from the parcel, such as `contents[2].hs_code`.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Violation {
    /// Names `problem` at `field`.
    pub fn new(field: impl Into<String>, problem: Problem) -> Self {
        Self { field: field.into(), problem }
    }
}

/// Every malformed field of one parcel, in the order of the contract's fields; never empty.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct InvalidParcel(pub Vec<Violation>);

impl std::fmt::Display for InvalidParcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 5;
        let mut fields: Vec<_> = self.0.iter().map(|violation| violation.field.as_str()).collect();
        // Two things may be wrong with a time.
        fields.dedup();
        let n = fields.len();
        let shown = fields.get(..SHOWN).unwrap_or(&fields).join(", ");
        write!(f, "{n} invalid field{}: {shown}", if n == 1 { "" } else { "s" })?;
        if n > SHOWN { write!(f, " and {} more", n - SHOWN) } else { Ok(()) }
    }
}

/// Why a value cannot be what its field says it is.
///
/// Values of free text stay out of the message: they may hold a name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// A required field was not stated.
    #[error("is required")]
    Required,
    /// A number is outside the range of its quantity.
    #[error("must be between {min} and {max}, got {got}")]
    OutOfRange {
        /// What was stated.
        got: i64,
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// A list is longer than the contract allows.
    #[error("must have at most {max} entries, got {got}")]
    TooMany {
        /// What was stated.
        got: usize,
        /// Most allowed.
        max: usize,
    },
    /// A text is longer than the limit.
    #[error("must be at most {max} bytes, got {got}")]
    TooLong {
        /// What was stated.
        got: usize,
        /// Most allowed.
        max: usize,
    },
    /// An instant no advance data can carry.
    #[error("must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z")]
    TimeOutOfRange,
    /// Not a `google.protobuf.Timestamp`.
    #[error("must have nanos between 0 and 999999999, got {got}")]
    TimeNanos {
        /// What was stated.
        got: i32,
    },
    /// Not an S10 identifier.
    #[error("must be a UPU S10 identifier: two letters, nine digits, two letters")]
    NotS10,
    /// Not a carrier's identifier.
    #[error("must be 1 to 64 printable ASCII characters without spaces")]
    NotCarrierId,
    /// Not a country code.
    #[error("must be an ISO 3166-1 alpha-2 code: two capital letters")]
    NotACountry,
    /// Not a currency code.
    #[error("must be an ISO 4217 code: three capital letters")]
    NotACurrency,
    /// Not an HS code.
    #[error("must be 2, 4, 6, 8 or 10 digits of the Harmonized System, without dots")]
    NotAnHsCode,
    /// Nanos that no amount of the contract has.
    #[error("must have nanos between 0 and 999999999")]
    MoneyNanos,
    /// An amount below zero.
    #[error("must not be negative")]
    Negative,
    /// A number that is not one.
    #[error("must be a finite number")]
    NotFinite,
    /// A key of a national code or figure that cannot be one.
    #[error("must have a key of 1 to 64 bytes")]
    BadKey,
    /// A number that is no level of explanation.
    #[error("must be an explanation level, 0 to 3, got {got}")]
    NotAnExplanationLevel {
        /// What was stated.
        got: i32,
    },
    /// A table cell that does not read as what its field holds.
    #[error("must be {expected}")]
    Unreadable {
        /// What would have been read.
        expected: &'static str,
    },
}

impl Problem {
    /// The machine-readable reason: stable, part of the contract, listed in `docs/errors.md`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::TooMany { .. } => "TOO_MANY",
            Self::TooLong { .. } => "TOO_LONG",
            Self::TimeOutOfRange => "TIME_OUT_OF_RANGE",
            Self::TimeNanos { .. } => "TIME_NANOS",
            Self::NotS10 => "NOT_S10",
            Self::NotCarrierId => "NOT_CARRIER_ID",
            Self::NotACountry => "NOT_A_COUNTRY",
            Self::NotACurrency => "NOT_A_CURRENCY",
            Self::NotAnHsCode => "NOT_AN_HS_CODE",
            Self::MoneyNanos => "MONEY_NANOS",
            Self::Negative => "NEGATIVE",
            Self::NotFinite => "NOT_FINITE",
            Self::BadKey => "BAD_KEY",
            Self::NotAnExplanationLevel { .. } => "NOT_AN_EXPLANATION_LEVEL",
            Self::Unreadable { .. } => "UNREADABLE",
        }
    }
}
