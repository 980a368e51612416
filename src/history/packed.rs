//! The small forms of what is kept: each holds all of a value, to the bit, or is not taken.

use super::table::{Form, Pack};
use super::{Activity, Bucket, Entry, Norm};

/// Counts of an open bucket in 32 bits: 12 of parcels seen, 10 of outcomes, 10 of infringements.
#[derive(Clone, Copy)]
struct SmallCounts(u32);

impl SmallCounts {
    const SEEN_BITS: u32 = 12;
    const OTHER_BITS: u32 = 10;

    fn of([seen, inspected, infringements]: [u32; 3]) -> Option<Self> {
        let fits = seen >> Self::SEEN_BITS | inspected >> Self::OTHER_BITS | infringements >> Self::OTHER_BITS == 0;
        fits.then_some(Self(
            seen | inspected << Self::SEEN_BITS | infringements << (Self::SEEN_BITS + Self::OTHER_BITS),
        ))
    }

    fn all(self) -> [u32; 3] {
        let other = |shift: u32| self.0 >> shift & ((1 << Self::OTHER_BITS) - 1);
        [self.0 & ((1 << Self::SEEN_BITS) - 1), other(Self::SEEN_BITS), other(Self::SEEN_BITS + Self::OTHER_BITS)]
    }
}

/// Counts of which nothing has closed: 8 bytes.
#[derive(Clone, Copy)]
pub(super) struct YoungEntry {
    pending_in: Bucket,
    pending: SmallCounts,
}

/// Counts with few in their open bucket: 24 bytes.
#[derive(Clone, Copy)]
pub(super) struct GrownEntry {
    closed_until: Bucket,
    closed: [f32; 3],
    pending_in: Bucket,
    pending: SmallCounts,
}

impl Pack for Entry {
    type Young = YoungEntry;
    type Grown = GrownEntry;

    fn pack(&self) -> Form<Self> {
        let Self { closed_until, closed, pending_in, pending } = *self;
        let Some(pending) = SmallCounts::of(pending) else { return Form::Whole(*self) };
        if closed_until == Bucket(0) && closed.map(f32::to_bits) == [0; 3] {
            return Form::Young(YoungEntry { pending_in, pending });
        }
        Form::Grown(GrownEntry { closed_until, closed, pending_in, pending })
    }

    fn of_young(&YoungEntry { pending_in, pending }: &YoungEntry) -> Self {
        Self { closed_until: Bucket(0), closed: [0.0; 3], pending_in, pending: pending.all() }
    }

    fn of_grown(&GrownEntry { closed_until, closed, pending_in, pending }: &GrownEntry) -> Self {
        Self { closed_until, closed, pending_in, pending: pending.all() }
    }
}

/// A kind of parcels of which the first is the only one: 8 bytes.
#[derive(Clone, Copy)]
pub(super) struct YoungNorm {
    pending_in: Bucket,
    steps: i32,
}

/// What is usual where the open bucket has one parcel or none: 36 bytes.
#[derive(Clone, Copy)]
pub(super) struct GrownNorm {
    closed_until: Bucket,
    /// Each as the halves of its bits.
    closed: [[u32; 2]; 3],
    pending_in: Bucket,
    /// The number of the parcel; [`NO_PARCEL`] where there is none.
    steps: i32,
}

const NO_PARCEL: i32 = i32::MIN;

impl Pack for Norm {
    type Young = YoungNorm;
    type Grown = GrownNorm;

    fn pack(&self) -> Form<Self> {
        let Self { closed_until, closed, pending_in, pending } = *self;
        let steps = match pending {
            [0, 0, 0] => NO_PARCEL,
            [1, steps, squares] if steps.checked_mul(steps) == Some(squares) => match i32::try_from(steps) {
                Ok(steps) if steps != NO_PARCEL => steps,
                _ => return Form::Whole(*self),
            },
            _ => return Form::Whole(*self),
        };
        if steps != NO_PARCEL && closed_until == Bucket(0) && closed.map(f64::to_bits) == [0; 3] {
            return Form::Young(YoungNorm { pending_in, steps });
        }
        let closed = closed.map(|sum| [sum.to_bits() as u32, (sum.to_bits() >> 32) as u32]);
        Form::Grown(GrownNorm { closed_until, closed, pending_in, steps })
    }

    fn of_young(&YoungNorm { pending_in, steps }: &YoungNorm) -> Self {
        Self { closed_until: Bucket(0), closed: [0.0; 3], pending_in, pending: of_one(steps) }
    }

    fn of_grown(&GrownNorm { closed_until, closed, pending_in, steps }: &GrownNorm) -> Self {
        let closed = closed.map(|[low, high]| f64::from_bits(u64::from(low) | u64::from(high) << 32));
        let pending = if steps == NO_PARCEL { [0; 3] } else { of_one(steps) };
        Self { closed_until, closed, pending_in, pending }
    }
}

fn of_one(steps: i32) -> [i64; 3] {
    let steps = i64::from(steps);
    [1, steps, steps * steps]
}

/// An entity of whose activity nothing has closed: 16 bytes.
#[derive(Clone, Copy)]
pub(super) struct YoungActivity {
    first: Bucket,
    pending: u32,
    pending_counterparts: [u32; 2],
}

/// Activity without the gaps that eight-byte numbers would need: 52 bytes.
#[derive(Clone, Copy)]
pub(super) struct GrownActivity {
    first: Bucket,
    last: Bucket,
    recent: [f32; 3],
    counterparts: [[u32; 2]; 2],
    pending_in: Bucket,
    pending: u32,
    pending_counterparts: [u32; 2],
}

impl Pack for Activity {
    type Young = YoungActivity;
    type Grown = GrownActivity;

    fn pack(&self) -> Form<Self> {
        let halves = |bits: u64| [bits as u32, (bits >> 32) as u32];
        let Self { first, last, recent, counterparts, pending_in, pending, .. } = *self;
        let pending_counterparts = halves(self.pending_counterparts);
        let is_first = last == first && pending_in == first;
        if is_first && recent.map(f32::to_bits) == [0; 3] && counterparts == [0; 2] {
            return Form::Young(YoungActivity { first, pending, pending_counterparts });
        }
        let counterparts = counterparts.map(halves);
        Form::Grown(GrownActivity { first, last, recent, counterparts, pending_in, pending, pending_counterparts })
    }

    fn of_young(&YoungActivity { first, pending, pending_counterparts }: &YoungActivity) -> Self {
        Self { pending, pending_counterparts: whole(pending_counterparts), ..Self::since(first) }
    }

    fn of_grown(grown: &GrownActivity) -> Self {
        let GrownActivity { first, last, recent, counterparts, pending_in, pending, pending_counterparts } = *grown;
        let pending_counterparts = whole(pending_counterparts);
        Self { first, last, recent, counterparts: counterparts.map(whole), pending_in, pending, pending_counterparts }
    }
}

fn whole([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;
    use crate::history::table::Table;
    use crate::history::{BucketWidth, Decay, EntityKey};

    const DECAY: Decay = Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 };

    /// What is in the table after each event, beside the same values in no form at all.
    fn same_as_unpacked<T: Pack + PartialEq + Debug, E>(
        events: &[(u8, E)],
        fresh: impl Fn(&E) -> T,
        change: impl Fn(&mut T, &E),
    ) {
        let (mut table, mut plain) = (Table::default(), std::collections::BTreeMap::new());
        for (key, event) in events {
            let key = EntityKey(u64::from(*key) << 56 | 7);
            table.change(key, || fresh(event), |value| change(value, event));
            change(plain.entry(key).or_insert_with(|| fresh(event)), event);
            assert_eq!(table.get(key).map(|found| found.value()), plain.get(&key).copied());
        }
        let sorted = |table: &Table<T>| {
            let mut all: Vec<_> = table.iter().collect();
            all.sort_by_key(|(key, _)| *key);
            all
        };
        assert_eq!(sorted(&table), plain.clone().into_iter().collect::<Vec<_>>());
        table.retain(|key, _| key.0 >> 57 & 1 == 0);
        plain.retain(|key, _| key.0 >> 57 & 1 == 0);
        assert_eq!((sorted(&table), table.len()), (plain.clone().into_iter().collect(), plain.len()));
        for (key, event) in events {
            let key = EntityKey(u64::from(*key) << 56 | 9);
            table.change(key, || fresh(event), |value| change(value, event));
            change(plain.entry(key).or_insert_with(|| fresh(event)), event);
        }
        assert_eq!(sorted(&table), plain.into_iter().collect::<Vec<_>>(), "in places that were left too");
    }

    proptest! {
        #[test]
        fn counts_are_all_there(
            events in prop::collection::vec((0..9_u8, (0..3_u32, prop::array::uniform3(0..3_u32), 0..14_u32)), 0..60)
        ) {
            let mut at = 0;
            let events: Vec<_> = events
                .into_iter()
                .map(|(key, (step, added, shift))| {
                    at += step;
                    (key, (Bucket(at), added.map(|n| n << shift)))
                })
                .collect();
            same_as_unpacked(&events, |_| Entry::default(), |entry, (at, added)| entry.add(*at, *added, &DECAY));
        }

        #[test]
        fn what_is_usual_is_all_there(
            events in prop::collection::vec((0..9_u8, (0..2_u32, -40.0..40.0_f64)), 0..60)
        ) {
            let mut at = 0;
            let events: Vec<_> = events
                .into_iter()
                .map(|(key, (step, number))| {
                    at += step;
                    (key, (Bucket(at), number))
                })
                .collect();
            same_as_unpacked(&events, |_| Norm::default(), |norm, (at, number)| norm.add(*at, *number, &DECAY));
        }

        #[test]
        fn activity_is_all_there(
            events in prop::collection::vec((0..9_u8, (0..2_u32, any::<Option<u64>>())), 0..60)
        ) {
            let mut at = 0;
            let events: Vec<_> = events
                .into_iter()
                .map(|(key, (step, counterpart))| {
                    at += step;
                    (key, (Bucket(at), counterpart))
                })
                .collect();
            let add = |activity: &mut Activity, (at, counterpart): &(Bucket, Option<u64>)| {
                activity.add(*at, *counterpart, DECAY.width);
            };
            same_as_unpacked(&events, |(at, _)| Activity::since(*at), add);
        }
    }

    #[test]
    fn a_value_takes_what_its_form_says() {
        use std::mem::size_of;
        assert_eq!((size_of::<YoungEntry>(), size_of::<GrownEntry>()), (8, 24));
        assert_eq!((size_of::<YoungNorm>(), size_of::<GrownNorm>()), (8, 36));
        assert_eq!((size_of::<YoungActivity>(), size_of::<GrownActivity>()), (16, 52));
    }
}
