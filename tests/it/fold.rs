//! History is a fold over events: what it keeps, what it forgets, and what it does not depend on.

mod bytes;

use std::collections::BTreeMap;

use parcel_risk::history::{
    Bucket, BucketWidth, Counts, Decay, DueOutcome, EntityKey, Event, Footprint, History, KeyHasher, Replay, Snapshot,
    Stored,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::fixture::shuffle;

/// Something that happens to a parcel with these keys.
#[derive(Clone, Debug)]
struct Happening {
    at: Bucket,
    keys: Vec<EntityKey>,
    /// An outcome, or that it was advised.
    infringement: Option<bool>,
}

impl Happening {
    fn fold(&self, history: &History) {
        let (at, keys) = (self.at, self.keys.as_slice());
        let footprint = Footprint::from(keys);
        history.fold(&match self.infringement {
            None => Event::Advised { at, footprint: &footprint },
            Some(infringement) => Event::Outcome { at, keys, infringement },
        });
    }
}

/// A key as a feature plan makes it; one of 17, so that happenings meet.
fn key(number: u8) -> EntityKey {
    let mut hasher = KeyHasher::new("sender");
    hasher.part(&[number % 17]);
    hasher.finish()
}

/// What a parcel with this one key adds.
fn counted(number: u8) -> Footprint {
    Footprint::from(&[key(number)][..])
}

fn happenings(buckets: u32) -> impl Strategy<Value = Vec<Happening>> {
    let one = (0..buckets, vec(any::<u8>(), 0..4), any::<Option<bool>>());
    vec(one, 0..120).prop_map(|all| {
        let happening = |(at, keys, infringement): (u32, Vec<u8>, _)| {
            // Neighboring buckets, and one a year later: near and far both decay.
            let at = Bucket(if at == 5 { 365 * 1440 } else { 1000 + at });
            Happening { at, keys: keys.into_iter().map(key).collect(), infringement }
        };
        let mut all: Vec<_> = all.into_iter().map(happening).collect();
        all.sort_by_key(|happening| happening.at);
        all
    })
}

fn decay() -> Decay {
    Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 }
}

fn folded(happenings: &[Happening]) -> History {
    let history = History::empty(decay());
    happenings.iter().for_each(|happening| happening.fold(&history));
    history
}

fn packed(history: &History) -> Vec<u8> {
    Snapshot::of(history, Vec::new()).to_bytes()
}

/// Every count of every key as bits, as a parcel in bucket `at` sees them.
fn seen(history: &History, at: Bucket) -> Vec<[u64; 3]> {
    let bits = |counts: Counts| [counts.seen, counts.inspected, counts.infringements].map(f64::to_bits);
    (0..17).map(|number| bits(history.read(key(number), at))).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2), failure_persistence: None, ..ProptestConfig::with_cases(300) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn order_within_a_bucket_changes_no_bit(happenings in happenings(6), seed in any::<u64>()) {
        let mut other = happenings.clone();
        for bucket in other.chunk_by_mut(|a, b| a.at == b.at) {
            shuffle(bucket, seed);
        }
        prop_assert_eq!(packed(&folded(&other)), packed(&folded(&happenings)));
    }

    #[test]
    fn a_parcel_sees_the_buckets_before_its_own_and_nothing_else(happenings in happenings(6), at in 0..7_u32) {
        let at = Bucket(1000 + at);
        let before = happenings.partition_point(|happening| happening.at < at);
        let so_far = happenings.partition_point(|happening| happening.at <= at);
        prop_assert_eq!(seen(&folded(&happenings[..so_far]), at), seen(&folded(&happenings[..before]), at));
        let n = happenings[..before].iter().filter(|one| one.infringement.is_none()).map(|one| one.keys.len()).sum::<usize>();
        let total: f64 = (0..17).map(|number| folded(&happenings[..so_far]).read(key(number), at).seen).sum();
        // Within six minutes nothing is forgotten that this margin would not hold.
        prop_assert!((total - n as f64).abs() <= 1e-3 * n as f64, "{n} were advised, {total} are seen");
    }

    #[test]
    fn one_that_comes_late_counts_in_the_open_bucket(happenings in happenings(5), late in 0..1000_u32) {
        prop_assume!(!happenings.is_empty());
        let open = happenings[happenings.len() - 1].at;
        let keys: Vec<_> = happenings.iter().flat_map(|one| one.keys.clone()).filter(|key| {
            happenings.iter().any(|one| one.at == open && one.keys.contains(key))
        }).collect();
        let with = |at: Bucket| {
            let history = folded(&happenings);
            history.fold(&Event::Advised { at, footprint: &Footprint::from(&keys[..]) });
            packed(&history)
        };
        prop_assert_eq!(with(Bucket(late)), with(open));
    }

    #[test]
    fn a_snapshot_loses_nothing_and_equal_histories_are_equal_bytes(happenings in happenings(6)) {
        let due: Vec<_> = happenings.iter().filter_map(|one| {
            let infringement = one.infringement?;
            Some(DueOutcome { at: Bucket(one.at.0 + 9), infringement, keys: one.keys.clone() })
        }).collect();
        let snapshot = Snapshot::of(&folded(&happenings), due);
        let again = Snapshot::from_bytes(&snapshot.to_bytes()).unwrap();
        prop_assert_eq!(&again, &snapshot);
        prop_assert_eq!(again.to_bytes(), snapshot.to_bytes());
        let restored = Snapshot::of(&again.to_history(), again.due.clone());
        prop_assert_eq!(restored.to_bytes(), snapshot.to_bytes());
    }

    #[test]
    fn a_fold_may_stop_be_packed_and_go_on(happenings in happenings(6), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(happenings.len() + 1);
        let packed_at_cut = packed(&folded(&happenings[..cut]));
        let whole = packed(&folded(&happenings));
        let read = || Stored::read(packed_at_cut.clone().into()).unwrap().settled();
        // What changes is taken from where it was read, or everything was before.
        for history in [read(), read().owned()] {
            happenings[cut..].iter().for_each(|happening| happening.fold(&history));
            prop_assert_eq!(&packed(&history), &whole);
        }
    }
}

#[test]
fn one_two_or_eight_threads_make_the_same_bits() {
    let mut all: Vec<Happening> = (0..6000_u32)
        .map(|idx| {
            let keys = vec![key((idx % 251) as u8), key((idx % 13) as u8)];
            let infringement = (idx % 3 > 0).then_some(idx % 5 == 0);
            Happening { at: Bucket(1000 + idx / 1500 * 700), keys, infringement }
        })
        .collect();
    all.sort_by_key(|happening| happening.at);
    let by_threads = |n: usize| {
        let history = History::empty(decay());
        for bucket in all.chunk_by(|a, b| a.at == b.at) {
            std::thread::scope(|scope| {
                for part in bucket.chunks(bucket.len().div_ceil(n)) {
                    let history = &history;
                    scope.spawn(move || part.iter().for_each(|happening| happening.fold(history)));
                }
            });
        }
        packed(&history)
    };
    let one = by_threads(1);
    assert_eq!(one, packed(&folded(&all)));
    assert_eq!(by_threads(2), one);
    assert_eq!(by_threads(8), one);
}

#[test]
fn a_count_is_halved_by_every_half_life_and_merging_forgets_nothing() {
    let decay = Decay { width: BucketWidth::from_seconds(86_400).unwrap(), half_life_days: 10.0 };
    let history = History::empty(decay);
    let keys = [key(1)];
    history.fold(&Event::Advised { at: Bucket(100), footprint: &Footprint::from(&keys[..]) });
    history.fold(&Event::Outcome { at: Bucket(100), keys: &keys, infringement: true });
    let seen = |at: u32| history.read(keys[0], Bucket(at));
    for (at, weight) in [(110, 0.5), (120, 0.25), (130, 0.125)] {
        assert_eq!(seen(at), Counts { seen: weight, inspected: weight, infringements: weight }, "in bucket {at}");
    }
    history.fold(&Event::Outcome { at: Bucket(110), keys: &keys, infringement: false });
    assert_eq!(seen(120), Counts { seen: 0.25, inspected: 0.75, infringements: 0.25 });
    history.fold(&Event::Advised { at: Bucket(120), footprint: &Footprint::from(&keys[..]) });
    assert_eq!(seen(130), Counts { seen: 0.625, inspected: 0.375, infringements: 0.125 });
}

#[test]
fn an_item_advised_twice_counts_once_with_its_first_outcome() {
    let once = || {
        let mut replay = Replay::from(History::empty(decay()), Vec::new());
        replay.advance(Bucket(10));
        assert!(replay.advise(key(0), &counted(1), Some((Bucket(20), true))));
        replay
    };
    let mut twice = once();
    assert!(!twice.advise(key(0), &counted(1), Some((Bucket(15), false))), "in the same bucket");
    twice.advance(Bucket(12));
    assert!(!twice.advise(key(0), &counted(2), None), "in a later one, with other keys");
    let packed = |replay: Replay| {
        let (history, due) = replay.finish();
        Snapshot::of(&history, due).to_bytes()
    };
    assert_eq!(packed(twice), packed(once()));
}

#[test]
fn an_outcome_counts_from_the_bucket_after_the_one_it_became_known_in() {
    let mut replay = Replay::from(History::empty(decay()), Vec::new());
    replay.advance(Bucket(10));
    replay.advise(key(0), &counted(1), Some((Bucket(20), true)));
    let mut inspected = |at: u32| {
        let counts = replay.advance(Bucket(at)).read(key(1), Bucket(at));
        (counts.inspected > 0.0, counts.infringements > 0.0)
    };
    let seen: BTreeMap<u32, _> = [11, 19, 20, 21].into_iter().map(|at| (at, inspected(at))).collect();
    let (unseen, known) = ((false, false), (true, true));
    assert_eq!(seen, BTreeMap::from([(11, unseen), (19, unseen), (20, unseen), (21, known)]));
}

#[test]
fn an_outcome_known_before_its_parcel_counts_from_when_the_parcel_does() {
    let mut replay = Replay::from(History::empty(decay()), Vec::new());
    replay.advance(Bucket(10));
    replay.advise(key(0), &counted(1), Some((Bucket(3), true)));
    assert_eq!(replay.advance(Bucket(10)).read(key(1), Bucket(10)), Counts::default());
    let counts = replay.advance(Bucket(11)).read(key(1), Bucket(11));
    assert_eq!((counts.seen, counts.inspected, counts.infringements), (counts.seen, counts.seen, counts.seen));
    assert!(counts.seen > 0.99);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_in_which_outcomes_were_noted_changes_no_bit(
        noted in vec((0..40_u32, any::<u8>(), any::<bool>()), 0..60),
        until in 0..50_u32,
        seed in any::<u64>(),
    ) {
        let due: Vec<_> = noted.into_iter().map(|(at, number, infringement)| {
            DueOutcome { at: Bucket(at), infringement, keys: vec![key(number), key(number / 2)] }
        }).collect();
        let replayed = |due: Vec<DueOutcome>| {
            let mut replay = Replay::from(History::empty(decay()), due);
            replay.advance(Bucket(until));
            replay.finish()
        };
        let mut other = due.clone();
        shuffle(&mut other, seed);
        let ((history, still_due), (other, other_due)) = (replayed(due), replayed(other));
        prop_assert!(still_due.is_sorted() && still_due.iter().all(|outcome| outcome.at > Bucket(until)));
        prop_assert_eq!(Snapshot::of(&other, other_due).to_bytes(), Snapshot::of(&history, still_due).to_bytes());
    }
}
