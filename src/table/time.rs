//! Instants as tables write them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::parcel::{DraftTime, Problem};

/// What [`read`] reads, for messages.
pub(super) const EXPECTED: &str = "an RFC 3339 date, or date and time; UTC where no offset is stated";

/// Reads `2020-01-31`, `2020-01-31T10:00:00`, `2020-01-31 10:00:00.5Z`, `2020-01-31T10:00:00+09:00`.
///
/// A date is its midnight; without an offset the time is UTC.
pub(super) fn read(text: &str) -> Option<DraftTime> {
    // Past the date a sign can only begin an offset. A civil time would drop it in silence.
    let has_offset = text.get(10..).is_some_and(|rest| rest.contains(['Z', 'z', '+', '-']));
    let instant = if has_offset {
        text.parse::<Timestamp>().ok()?
    } else {
        TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()?
    };
    Some(from_instant(instant))
}

/// RFC 3339 in UTC.
///
/// # Errors
/// The problem of a time that is no `google.protobuf.Timestamp`, or of a year with five digits.
pub(super) fn write(time: DraftTime) -> Result<String, Problem> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Problem::TimeNanos { got: time.nanos });
    }
    Timestamp::new(time.seconds, time.nanos).map(|instant| instant.to_string()).map_err(|_| Problem::TimeOutOfRange)
}

fn from_instant(instant: Timestamp) -> DraftTime {
    let (seconds, nanos) = (instant.as_second(), instant.subsec_nanosecond());
    // Before 1970 jiff counts nanoseconds backward, the contract always forward.
    if nanos < 0 {
        DraftTime { seconds: seconds - 1, nanos: nanos + 1_000_000_000 }
    } else {
        DraftTime { seconds, nanos }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_date_is_its_midnight_in_utc() {
        let at = |seconds, nanos| Some(DraftTime { seconds, nanos });
        assert_eq!(read("2020-01-01"), at(1_577_836_800, 0));
        assert_eq!(read("2020-01-01T09:00:00+09:00"), at(1_577_836_800, 0));
        assert_eq!(read("2020-01-01T00:00:00"), at(1_577_836_800, 0));
        assert_eq!(read("2020-01-01 00:00:01.5Z"), at(1_577_836_801, 500_000_000));
        assert_eq!(read("1969-12-31T23:59:59.75Z"), at(-1, 750_000_000));
        for text in ["", "2020-13-01", "01.02.2020", "1577836800", "2020-02-30", "2020-01-01T25:00", "today"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in -62_135_596_800i64..253_402_300_799, nanos in 0i32..1_000_000_000) {
            let time = DraftTime { seconds, nanos };
            prop_assert_eq!(write(time).ok().as_deref().and_then(read), Some(time));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = read(&text);
        }
    }
}
