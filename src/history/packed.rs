//! The small forms of what is kept: each holds all of a value, to the bit, or is not taken. They lie in memory as they do in
//! a file, the lowest byte first.

use zerocopy::little_endian::{F32, F64, I32, I64, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::table::{Form, Pack};
use super::{Activity, Bucket, Entry, Norm};

/// What may be read where it lies, whatever its bytes are and wherever they begin.
pub(super) trait Row:
    Copy + FromBytes + IntoBytes + Unaligned + Immutable + KnownLayout + Send + Sync + 'static
{
}

impl<T: Copy + FromBytes + IntoBytes + Unaligned + Immutable + KnownLayout + Send + Sync + 'static> Row for T {}

/// Counts of an open bucket in 32 bits: 12 of parcels seen, 10 of outcomes, 10 of infringements.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(transparent)]
pub(super) struct SmallCounts(U32);

impl SmallCounts {
    const SEEN_BITS: u32 = 12;
    const OTHER_BITS: u32 = 10;

    fn of([seen, inspected, infringements]: [u32; 3]) -> Option<Self> {
        let fits = seen >> Self::SEEN_BITS | inspected >> Self::OTHER_BITS | infringements >> Self::OTHER_BITS == 0;
        let bits = seen | inspected << Self::SEEN_BITS | infringements << (Self::SEEN_BITS + Self::OTHER_BITS);
        fits.then_some(Self(bits.into()))
    }

    fn all(self) -> [u32; 3] {
        let bits = self.0.get();
        let other = |shift: u32| bits >> shift & ((1 << Self::OTHER_BITS) - 1);
        [bits & ((1 << Self::SEEN_BITS) - 1), other(Self::SEEN_BITS), other(Self::SEEN_BITS + Self::OTHER_BITS)]
    }
}

/// Counts of which nothing has closed: 8 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct YoungEntry {
    pending_in: U32,
    pending: SmallCounts,
}

/// Counts with few in their open bucket: 24 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct GrownEntry {
    closed_until: U32,
    closed: [F32; 3],
    pending_in: U32,
    pending: SmallCounts,
}

/// Counts with many in their open bucket: 32 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct WholeEntry {
    closed_until: U32,
    closed: [F32; 3],
    pending_in: U32,
    pending: [U32; 3],
}

impl Pack for Entry {
    type Young = YoungEntry;
    type Grown = GrownEntry;
    type Whole = WholeEntry;

    fn pack(&self) -> Form<Self> {
        let (closed_until, pending_in) = (self.closed_until.0.into(), self.pending_in.0.into());
        let closed = self.closed.map(F32::from);
        let Some(pending) = SmallCounts::of(self.pending) else {
            return Form::Whole(WholeEntry { closed_until, closed, pending_in, pending: self.pending.map(U32::from) });
        };
        if self.closed_until == Bucket(0) && self.closed.map(f32::to_bits) == [0; 3] {
            return Form::Young(YoungEntry { pending_in, pending });
        }
        Form::Grown(GrownEntry { closed_until, closed, pending_in, pending })
    }
}

impl From<YoungEntry> for Entry {
    fn from(YoungEntry { pending_in, pending }: YoungEntry) -> Self {
        Self { pending_in: Bucket(pending_in.get()), pending: pending.all(), ..Self::default() }
    }
}

impl From<GrownEntry> for Entry {
    fn from(GrownEntry { closed_until, closed, pending_in, pending }: GrownEntry) -> Self {
        Self {
            closed_until: Bucket(closed_until.get()),
            closed: closed.map(F32::get),
            pending_in: Bucket(pending_in.get()),
            pending: pending.all(),
        }
    }
}

impl From<WholeEntry> for Entry {
    fn from(WholeEntry { closed_until, closed, pending_in, pending }: WholeEntry) -> Self {
        Self {
            closed_until: Bucket(closed_until.get()),
            closed: closed.map(F32::get),
            pending_in: Bucket(pending_in.get()),
            pending: pending.map(U32::get),
        }
    }
}

/// A kind of parcels of which the first is the only one: 8 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct YoungNorm {
    pending_in: U32,
    steps: I32,
}

/// What is usual where the open bucket has one parcel or none: 36 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct GrownNorm {
    closed_until: U32,
    closed: [F64; 3],
    pending_in: U32,
    /// The number of the parcel; [`NO_PARCEL`] where there is none.
    steps: I32,
}

/// What is usual where the open bucket has more: 56 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct WholeNorm {
    closed_until: U32,
    closed: [F64; 3],
    pending_in: U32,
    pending: [I64; 3],
}

const NO_PARCEL: i32 = i32::MIN;

impl Pack for Norm {
    type Young = YoungNorm;
    type Grown = GrownNorm;
    type Whole = WholeNorm;

    fn pack(&self) -> Form<Self> {
        let (closed_until, pending_in) = (self.closed_until.0.into(), self.pending_in.0.into());
        let closed = self.closed.map(F64::from);
        let steps = match self.pending {
            [0, 0, 0] => Some(NO_PARCEL),
            [1, steps, squares] if steps.checked_mul(steps) == Some(squares) => {
                i32::try_from(steps).ok().filter(|steps| *steps != NO_PARCEL)
            }
            _ => None,
        };
        let Some(steps) = steps else {
            return Form::Whole(WholeNorm { closed_until, closed, pending_in, pending: self.pending.map(I64::from) });
        };
        if steps != NO_PARCEL && self.closed_until == Bucket(0) && self.closed.map(f64::to_bits) == [0; 3] {
            return Form::Young(YoungNorm { pending_in, steps: steps.into() });
        }
        Form::Grown(GrownNorm { closed_until, closed, pending_in, steps: steps.into() })
    }
}

impl From<YoungNorm> for Norm {
    fn from(YoungNorm { pending_in, steps }: YoungNorm) -> Self {
        Self { pending_in: Bucket(pending_in.get()), pending: of_one(steps.get()), ..Self::default() }
    }
}

impl From<GrownNorm> for Norm {
    fn from(GrownNorm { closed_until, closed, pending_in, steps }: GrownNorm) -> Self {
        Self {
            closed_until: Bucket(closed_until.get()),
            closed: closed.map(F64::get),
            pending_in: Bucket(pending_in.get()),
            pending: if steps == NO_PARCEL { [0; 3] } else { of_one(steps.get()) },
        }
    }
}

impl From<WholeNorm> for Norm {
    fn from(WholeNorm { closed_until, closed, pending_in, pending }: WholeNorm) -> Self {
        Self {
            closed_until: Bucket(closed_until.get()),
            closed: closed.map(F64::get),
            pending_in: Bucket(pending_in.get()),
            pending: pending.map(I64::get),
        }
    }
}

fn of_one(steps: i32) -> [i64; 3] {
    let steps = i64::from(steps);
    [1, steps, steps * steps]
}

/// An entity of whose activity nothing has closed: 16 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct YoungActivity {
    first: U32,
    pending: U32,
    pending_counterparts: U64,
}

/// Any other's: 52 bytes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct GrownActivity {
    first: U32,
    last: U32,
    recent: [F32; 3],
    counterparts: [U64; 2],
    pending_in: U32,
    pending: U32,
    pending_counterparts: U64,
}

impl Pack for Activity {
    type Young = YoungActivity;
    type Grown = GrownActivity;
    /// None is too large to be grown.
    type Whole = GrownActivity;

    fn pack(&self) -> Form<Self> {
        let (first, pending) = (self.first.0.into(), self.pending.into());
        let pending_counterparts = self.pending_counterparts.into();
        let is_first = self.last == self.first && self.pending_in == self.first;
        if is_first && self.recent.map(f32::to_bits) == [0; 3] && self.counterparts == [0; 2] {
            return Form::Young(YoungActivity { first, pending, pending_counterparts });
        }
        Form::Grown(GrownActivity {
            first,
            last: self.last.0.into(),
            recent: self.recent.map(F32::from),
            counterparts: self.counterparts.map(U64::from),
            pending_in: self.pending_in.0.into(),
            pending,
            pending_counterparts,
        })
    }
}

impl From<YoungActivity> for Activity {
    fn from(YoungActivity { first, pending, pending_counterparts }: YoungActivity) -> Self {
        let since = Self::since(Bucket(first.get()));
        Self { pending: pending.get(), pending_counterparts: pending_counterparts.get(), ..since }
    }
}

impl From<GrownActivity> for Activity {
    fn from(grown: GrownActivity) -> Self {
        Self {
            first: Bucket(grown.first.get()),
            last: Bucket(grown.last.get()),
            recent: grown.recent.map(F32::get),
            counterparts: grown.counterparts.map(U64::get),
            pending_in: Bucket(grown.pending_in.get()),
            pending: grown.pending.get(),
            pending_counterparts: grown.pending_counterparts.get(),
        }
    }
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
