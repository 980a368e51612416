//! Months of the calendar, in UTC.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::parcel::AdvisedAt;

/// A month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// The month in which a parcel was advised.
    pub(super) fn of(at: AdvisedAt) -> Self {
        let time = Timestamp::from_second(at.seconds()).expect("a parcel is of the years 2000 to 2099");
        let date = TimeZone::UTC.to_datetime(time);
        Self { year: date.year(), month: date.month() }
    }
}

impl fmt::Display for Month {
    /// Such as `2021-03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
