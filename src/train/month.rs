//! Months of the calendar, in UTC.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::LabeledParcel;
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

/// Runs of rows for which `of` is the same, for rows in order of time.
pub(super) fn runs<T: PartialEq>(rows: &[LabeledParcel], of: impl Fn(AdvisedAt) -> T) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (idx, row) in rows.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if of(rows[run.start].parcel.advised_at) == of(row.parcel.advised_at) => run.end = idx + 1,
            _ => runs.push(idx..idx + 1),
        }
    }
    runs
}

impl fmt::Display for Month {
    /// Such as `2021-03`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::DraftTime;

    #[test]
    fn a_month_is_of_the_calendar_in_utc() {
        let month = |seconds| Month::of(AdvisedAt::new(DraftTime { seconds, nanos: 0 }).unwrap()).to_string();
        // 2021-02-28T23:59:59Z and the second after.
        assert_eq!([1_614_556_799, 1_614_556_800].map(month), ["2021-02", "2021-03"]);
    }
}
