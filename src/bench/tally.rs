//! What became of the calls: latency by HDR histogram, counts by status.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tonic::Code;

/// Longest latency that is told apart, in nanoseconds: ten minutes.
const MAX_NANOS: u64 = 600_000_000_000;
/// Steps of a thousandth.
const DIGITS: u8 = 3;

/// Calls of one kind.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Of calls that were answered.
    pub(super) ok: Histogram<u64>,
    /// Of those that were refused, or failed.
    pub(super) others: Histogram<u64>,
    /// Calls by code; messages in a stream.
    pub(super) by_code: BTreeMap<i32, u64>,
    /// Parcels by code.
    pub(super) parcels: BTreeMap<i32, u64>,
}

impl Tally {
    pub(super) fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, MAX_NANOS, DIGITS).expect("bounds in order, few digits");
        Self { ok: histogram(), others: histogram(), by_code: BTreeMap::new(), parcels: BTreeMap::new() }
    }

    fn add(&mut self, answered: &Answered) {
        let nanos = u64::try_from(answered.latency.as_nanos()).unwrap_or(MAX_NANOS);
        let histogram = if answered.code == Code::Ok { &mut self.ok } else { &mut self.others };
        histogram.saturating_record(nanos.max(1));
        *self.by_code.entry(answered.code.into()).or_default() += 1;
        if answered.n_scored > 0 {
            *self.parcels.entry(Code::Ok.into()).or_default() += answered.n_scored;
        }
        for (code, n) in &answered.refused {
            *self.parcels.entry((*code).into()).or_default() += n;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.ok += &other.ok;
        self.others += &other.others;
        for (mine, theirs) in [(&mut self.by_code, &other.by_code), (&mut self.parcels, &other.parcels)] {
            theirs.iter().for_each(|(code, n)| *mine.entry(*code).or_default() += n);
        }
    }
}

/// One call that is over.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) is_critical: bool,
    pub(super) latency: Duration,
    pub(super) code: Code,
    pub(super) n_scored: u64,
    pub(super) refused: Vec<(Code, u64)>,
}

/// Where many tasks count at once.
#[derive(Debug)]
pub(super) struct Tallies {
    shards: Vec<Mutex<[Tally; 2]>>,
    /// How late calls were sent: what the client itself adds.
    late: Mutex<Histogram<u64>>,
}

/// Few enough to merge at once, enough that tasks seldom meet.
const N_SHARDS: usize = 16;

impl Tallies {
    pub(super) fn new() -> Self {
        let late = Mutex::new(Tally::new().ok);
        Self { shards: (0..N_SHARDS).map(|_| Mutex::new([Tally::new(), Tally::new()])).collect(), late }
    }

    pub(super) fn add(&self, n: u64, answered: &Answered) {
        let shard = &self.shards[(n % N_SHARDS as u64) as usize];
        let mut tallies = shard.lock().unwrap_or_else(PoisonError::into_inner);
        tallies[usize::from(answered.is_critical)].add(answered);
    }

    pub(super) fn sent_late(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(MAX_NANOS);
        self.late.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(nanos.max(1));
    }

    /// Usual calls, critical ones, and how late calls were sent.
    pub(super) fn whole(&self) -> ([Tally; 2], Histogram<u64>) {
        let mut whole = [Tally::new(), Tally::new()];
        for shard in &self.shards {
            let tallies = shard.lock().unwrap_or_else(PoisonError::into_inner);
            whole.iter_mut().zip(tallies.iter()).for_each(|(sum, tally)| sum.merge(tally));
        }
        (whole, self.late.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_call_is_counted_apart_from_an_answered_one() {
        let tallies = Tallies::new();
        let answered = |n: u64, code, millis, is_critical| {
            let (n_scored, refused) =
                if code == Code::Ok { (2, vec![(Code::InvalidArgument, 1)]) } else { (0, vec![(code, 3)]) };
            let latency = Duration::from_millis(millis);
            tallies.add(n, &Answered { is_critical, latency, code, n_scored, refused });
        };
        answered(1, Code::Ok, 10, false);
        answered(2, Code::ResourceExhausted, 1, false);
        answered(3, Code::Ok, 20, true);
        let ([usual, critical], _) = tallies.whole();
        assert_eq!(usual.by_code, BTreeMap::from([(0, 1), (8, 1)]));
        assert_eq!(usual.parcels, BTreeMap::from([(0, 2), (3, 1), (8, 3)]));
        assert_eq!((usual.ok.len(), usual.others.len(), critical.ok.len()), (1, 1, 1));
        assert!(usual.ok.max() >= 9_990_000 && usual.others.max() <= 1_001_000);
    }
}
