//! How active an entity is: since when, how much of late, and with how many others.

use super::{Bucket, BucketWidth};

/// What a parcel knows of an entity's activity before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recent {
    /// Days since the first parcel.
    pub days_since_first: f64,
    /// Days since the latest parcel.
    pub days_since_last: f64,
    /// Parcels of about the last 1, 7 and 30 days: each counts `e^(−age / window)`.
    pub parcels: [f64; 3],
    /// About how many different counterparts of this and the previous 30 days.
    pub counterparts: f64,
}

/// The windows of [`Recent::parcels`], in days: the mean age that a parcel counts to.
pub const WINDOW_DAYS: [f64; 3] = [1.0, 7.0, 30.0];
/// Counterparts are forgotten by whole periods of this many days.
const PERIOD_DAYS: f64 = 30.0;

/// Closed buckets, aged to the last of them, and the one bucket that may still be written.
///
/// Within a bucket only integers are added and bits are set, so the order of calls cannot change a bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Activity {
    pub(super) first: Bucket,
    /// The last closed bucket with a parcel; `recent` is as of it.
    pub(super) last: Bucket,
    pub(super) recent: [f32; 3],
    /// One bit of 64 for each counterpart, of the period of `last` and of the one before.
    pub(super) counterparts: [u64; 2],
    pub(super) pending_in: Bucket,
    pub(super) pending: u32,
    pub(super) pending_counterparts: u64,
}

impl Activity {
    /// Of an entity whose first parcel is of bucket `first`.
    pub(super) fn since(first: Bucket) -> Self {
        Self {
            first,
            last: first,
            recent: [0.0; 3],
            counterparts: [0; 2],
            pending_in: first,
            pending: 0,
            pending_counterparts: 0,
        }
    }

    /// Adds a parcel in bucket `at`, with the hash of its counterpart, where it states one.
    pub(super) fn add(&mut self, at: Bucket, counterpart: Option<u64>, width: BucketWidth) {
        if at > self.pending_in {
            self.merge(width);
            self.pending_in = at;
        }
        self.pending = self.pending.saturating_add(1);
        // The highest bits: those that a hash table of the same hash would use least alike.
        self.pending_counterparts |= counterpart.map_or(0, |hash| 1 << (hash >> 58));
    }

    /// What a parcel in bucket `at` sees: everything before `at`; `None` where there was nothing.
    pub(super) fn read(&self, at: Bucket, width: BucketWidth) -> Option<Recent> {
        if self.first >= at {
            return None;
        }
        let mut closed = *self;
        if closed.pending_in < at {
            closed.merge(width);
        }
        let age = width.days_between(closed.last, at);
        let mut parcels = closed.recent.map(f64::from);
        for (count, window) in parcels.iter_mut().zip(WINDOW_DAYS) {
            *count *= libm::exp(-age / window);
        }
        let [this, before] = closed.counterparts_as_of(at, width);
        Some(Recent {
            days_since_first: width.days_between(closed.first, at),
            days_since_last: age,
            parcels,
            counterparts: about_how_many(this | before),
        })
    }

    fn merge(&mut self, width: BucketWidth) {
        if self.pending == 0 {
            return;
        }
        let age = width.days_between(self.last, self.pending_in);
        for (count, window) in self.recent.iter_mut().zip(WINDOW_DAYS) {
            // Stored as f32 to keep an entry small; rounding happens at this one place.
            *count = (f64::from(*count) * libm::exp(-age / window) + f64::from(self.pending)) as f32;
        }
        self.counterparts = self.counterparts_as_of(self.pending_in, width);
        self.counterparts[0] |= self.pending_counterparts;
        self.last = self.pending_in;
        self.pending = 0;
        self.pending_counterparts = 0;
    }

    fn counterparts_as_of(&self, at: Bucket, width: BucketWidth) -> [u64; 2] {
        let period = |bucket| (width.days_between(Bucket(0), bucket) / PERIOD_DAYS) as u32;
        match period(at).saturating_sub(period(self.last)) {
            0 => self.counterparts,
            1 => [0, self.counterparts[0]],
            _ => [0; 2],
        }
    }
}

/// Linear counting: `−64 · ln(share of bits not set)`; full at about 266.
///
/// Source: Whang, Vander-Zanden, Taylor (1990), "A linear-time probabilistic counting algorithm for database applications".
fn about_how_many(bits: u64) -> f64 {
    let n_clear = f64::from(bits.count_zeros().max(1));
    // Not minus zero where no bit is set.
    (-64.0 * libm::log(n_clear / 64.0)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: BucketWidth = match BucketWidth::from_seconds(86_400) {
        Some(width) => width,
        None => BucketWidth::MINUTE,
    };

    #[test]
    fn a_burst_is_seen_once_its_bucket_has_closed_and_fades() {
        let mut activity = Activity::since(Bucket(100));
        for _ in 0..5 {
            activity.add(Bucket(100), None, DAY);
        }
        assert_eq!(activity.read(Bucket(100), DAY), None, "its own bucket is open");
        let next_day = activity.read(Bucket(101), DAY).unwrap();
        assert_eq!(next_day.parcels[0].to_bits(), (5.0 * libm::exp(-1.0)).to_bits());
        let next_month = activity.read(Bucket(130), DAY).unwrap();
        assert!(next_month.parcels[0] < 1e-10 && next_month.parcels[2] > 1.8);
        assert_eq!((next_month.days_since_first, next_month.days_since_last), (30.0, 30.0));
    }

    #[test]
    fn counterparts_are_counted_once_and_forgotten_after_two_periods() {
        let mut activity = Activity::since(Bucket(3000));
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        for n in 0..10 {
            activity.add(Bucket(3000), Some(hash(n % 5)), DAY);
        }
        let of = |activity: &Activity, day| activity.read(Bucket(day), DAY).unwrap().counterparts;
        assert!((4.0..6.0).contains(&of(&activity, 3001)), "{}", of(&activity, 3001));
        assert!(of(&activity, 3030) > 4.0, "the period before still counts");
        assert_eq!(of(&activity, 3060), 0.0);
    }

    #[test]
    fn the_order_within_a_bucket_changes_nothing() {
        let events = [(7, Some(3 << 60)), (7, None), (7, Some(9 << 58)), (9, None), (9, Some(1))];
        let mut forward = Activity::since(Bucket(7));
        let mut within_swapped = Activity::since(Bucket(7));
        for (at, counterpart) in events {
            forward.add(Bucket(at), counterpart, DAY);
        }
        for idx in [2, 0, 1, 4, 3] {
            within_swapped.add(Bucket(events[idx].0), events[idx].1, DAY);
        }
        assert_eq!(forward, within_swapped);
    }

    #[test]
    fn reading_is_what_the_next_event_would_leave() {
        let mut activity = Activity::since(Bucket(7));
        activity.add(Bucket(7), Some(5), DAY);
        activity.add(Bucket(8), Some(5 << 58), DAY);
        let before = activity.read(Bucket(9), DAY);
        activity.add(Bucket(9), Some(7), DAY);
        assert_eq!(activity.read(Bucket(9), DAY), before);
    }
}
