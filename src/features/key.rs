//! History keys, compiled: what they are made of, and the features that each gives.

use std::cell::RefCell;

use super::error::{positive, unknown};
use super::part::PartList;
use super::{FeatureInfo, InvalidSpec, KeySpec};
use crate::history::{Bucket, Counts, EntityKey, KeyKind, KeyParts, Known, Recent};
use crate::reasons::ReasonCode;

/// A key of a spec, ready to hash and to read.
#[derive(Clone, Debug)]
pub(super) struct PlannedKey {
    /// Places among the parts of the plan.
    parts: Vec<usize>,
    counterpart: Vec<usize>,
    /// The key whose rate stands in, by its place in the spec.
    pub(super) parent: Option<usize>,
    pub(super) smoothing: f64,
    pub(super) features: Vec<KeyFeature>,
    /// The place of the log-odds among them.
    log_odds: Option<usize>,
    /// Whether history keeps the activity of its entities.
    pub(super) keeps_activity: bool,
    /// Place of the first of them among all features.
    pub(super) first: usize,
    kind: KeyKind,
    counterpart_kind: KeyKind,
}

/// What is known under a key of a parcel's entity.
pub(super) struct JustRead {
    pub(super) counts: Counts,
    pub(super) recent: Option<Recent>,
}

impl JustRead {
    /// What a parcel in bucket `at` sees.
    pub(super) fn of(known: Known<'_>, at: Bucket) -> Self {
        Self { counts: known.counts(at), recent: known.recent(at) }
    }
}

/// A key gives no feature twice.
pub(super) const MOST_FEATURES: usize = KeyFeature::ALL.len();

/// Declares what a key can give: its name in a feature spec, its unit, what it is.
macro_rules! key_features {
    ($($variant:ident = $name:literal, $unit:literal, $meaning:literal;)+) => {
        /// A feature that a key gives.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum KeyFeature { $($variant,)+ }

        impl KeyFeature {
            /// Name, unit and meaning of each, in the order that a plan computes them in.
            pub(super) const ALL: &'static [(Self, &'static str, &'static str, &'static str)] =
                &[$((Self::$variant, $name, $unit, $meaning)),+];
        }
    };
}

key_features! {
    LogOdds = "log_odds", "log-odds", "Smoothed rate of past infringements among parcels";
    LogInspected = "log_inspected", "ln(1 + inspections)", "Past inspections, decayed, of parcels";
    LogSeen = "log_seen", "ln(1 + parcels)", "Past parcels, decayed,";
    DaysSinceFirst = "days_since_first", "days", "Time since the first parcel";
    DaysSinceLast = "days_since_last", "days", "Time since the latest parcel";
    Seen1Day = "seen_1_day", "ln(1 + parcels)", "Parcels of about the last day";
    Seen7Days = "seen_7_days", "ln(1 + parcels)", "Parcels of about the last 7 days";
    Seen30Days = "seen_30_days", "ln(1 + parcels)", "Parcels of about the last 30 days";
    Counterparts = "counterparts", "ln(1 + counterparts)", "Different counterparts, of this and the previous 30 days, of parcels";
}

impl KeyFeature {
    /// Whether it is read from the activity of the entity, not from its counts.
    fn is_activity(self) -> bool {
        !matches!(self, Self::LogOdds | Self::LogInspected | Self::LogSeen)
    }

    /// Its value for an entity whose parcels were counted as `counts` and found at `rate`.
    ///
    /// An entity never seen before has no first and no latest parcel; it has none of late.
    ///
    /// * `log_odds`: those of `rate`.
    pub(super) fn value(self, log_odds: f64, counts: &Counts, recent: Option<&Recent>) -> f32 {
        let of_recent = |of: fn(&Recent) -> f64| recent.map_or(0.0, |recent| log1p(of(recent)));
        let value = match self {
            Self::LogOdds => log_odds,
            Self::LogInspected => log1p(counts.inspected),
            Self::LogSeen => log1p(counts.seen),
            Self::DaysSinceFirst => recent.map_or(f64::NAN, |recent| recent.days_since_first),
            Self::DaysSinceLast => recent.map_or(f64::NAN, |recent| recent.days_since_last),
            Self::Seen1Day => of_recent(|recent| recent.parcels[0]),
            Self::Seen7Days => of_recent(|recent| recent.parcels[1]),
            Self::Seen30Days => of_recent(|recent| recent.parcels[2]),
            Self::Counterparts => of_recent(|recent| recent.counterparts),
        };
        as_feature(value)
    }

    fn from_name(path: &str, name: &str) -> Result<Self, InvalidSpec> {
        let found = Self::ALL.iter().find(|(_, known, ..)| *known == name);
        found
            .map(|(feature, ..)| *feature)
            .ok_or_else(|| unknown(path, name, Self::ALL.iter().map(|(_, known, ..)| *known)))
    }
}

/// `ln(1 + x)`. Of most entities nothing is known yet, which takes no logarithm.
fn log1p(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { libm::log1p(x) }
}

/// Minus zero is zero, as among the parcel's own numbers.
fn as_feature(value: f64) -> f32 {
    value as f32 + 0.0
}

impl PlannedKey {
    /// Compiles a key; `above` are those before it, `first` is the place of its first feature, `all` the parts of the plan.
    pub(super) fn compile(
        key: &KeySpec,
        above: &[KeySpec],
        first: usize,
        all: &mut PartList,
    ) -> Result<(Self, ReasonCode), InvalidSpec> {
        positive(&format!("keys.{}.smoothing", key.name), key.smoothing)?;
        let reason = reason(&format!("keys.{}.reason", key.name), &key.reason)?;
        let names = above.iter().map(|candidate| candidate.name.as_str());
        let parent = back_off(&format!("keys.{}", key.name), key.back_off.as_deref(), names)?;
        let mut features = Vec::with_capacity(key.features.len());
        for name in &key.features {
            features.push(KeyFeature::from_name(&format!("keys.{}.features", key.name), name)?);
        }
        if features.contains(&KeyFeature::Counterparts) && key.counterpart.is_empty() {
            return Err(InvalidSpec::NoCounterpart { key: key.name.clone() });
        }
        let planned = Self {
            parts: all.places(&format!("keys.{}.parts", key.name), &key.parts)?,
            counterpart: all.places(&format!("keys.{}.counterpart", key.name), &key.counterpart)?,
            parent,
            smoothing: key.smoothing,
            log_odds: features.iter().position(|feature| *feature == KeyFeature::LogOdds),
            keeps_activity: features.iter().any(|feature| feature.is_activity()),
            features,
            first,
            kind: KeyKind::new(&key.name),
            counterpart_kind: KeyKind::new("counterpart"),
        };
        Ok((planned, reason))
    }

    /// What the catalogue says of its features.
    pub(super) fn infos(&self, key: &KeySpec, reason: ReasonCode, idx: usize) -> impl Iterator<Item = FeatureInfo> {
        let parts = if key.parts.is_empty() { "all parcels".to_owned() } else { key.parts.join(", ") };
        let name = key.name.clone();
        let counterpart = key.counterpart.join(", ");
        self.features.clone().into_iter().filter_map(move |feature| {
            let (_, suffix, unit, what) = KeyFeature::ALL.iter().find(|(known, ..)| *known == feature)?;
            let what = match feature {
                KeyFeature::Counterparts => format!("{what} (by {counterpart})"),
                _ => (*what).to_owned(),
            };
            Some(FeatureInfo {
                name: format!("history.{name}.{suffix}").into(),
                unit,
                meaning: format!("{what} with the same {parts}. Missing where one of them is not stated."),
                reason,
                key: Some(idx),
            })
        })
    }

    /// The log-odds of a rate as a feature, and its place among those of the key, where it gives them.
    pub(super) fn log_odds(&self, rate: f64) -> Option<(usize, f32)> {
        self.log_odds.map(|place| (place, as_feature(log_odds(rate))))
    }

    /// The parcel's entity under this key; `None` where it does not state one of the parts.
    pub(super) fn entity(&self, stated: &mut KeyParts) -> Option<EntityKey> {
        stated.key(&self.kind, &self.parts)
    }

    /// The hash of the parcel's counterpart; `None` where there is no such thing, or it is not stated.
    pub(super) fn counterpart(&self, stated: &mut KeyParts) -> Option<u64> {
        if self.counterpart.is_empty() {
            return None;
        }
        stated.key(&self.counterpart_kind, &self.counterpart).map(|key| key.0)
    }

    /// `(infringements + smoothing · parent) / (inspected + smoothing)`: an estimate of the rate with
    /// the parent's as its prior (additive smoothing; Micci-Barreca 2001 for hierarchies of codes).
    ///
    /// Kept off 0 and 1: the counts are rounded apart, so their ratio may pass 1 by a bit.
    pub(super) fn rate(&self, counts: &Counts, parent_rate: f64) -> f64 {
        let rate = (counts.infringements + self.smoothing * parent_rate) / (counts.inspected + self.smoothing);
        rate.clamp(1e-9, 1.0 - 1e-9)
    }

    /// How its features in `values` would differ if nothing were counted: each feature's place,
    /// and its value less the value without. Activity is kept apart, and does not change.
    pub(super) fn change_without_counts(&self, values: &[f32], parent_rate: f64) -> Vec<(usize, f64)> {
        let nothing = Counts::default();
        let rate = self.rate(&nothing, parent_rate);
        let counted = self.features.iter().enumerate().filter(|(_, feature)| !feature.is_activity());
        let change = |(at, feature): (usize, &KeyFeature)| {
            let with = *values.get(self.first + at)?;
            Some((self.first + at, f64::from(with) - f64::from(feature.value(logit(rate), &nothing, None))))
        };
        counted.filter_map(change).collect()
    }
}

pub(super) fn reason(path: &str, name: &str) -> Result<ReasonCode, InvalidSpec> {
    ReasonCode::from_name(name).ok_or_else(|| unknown(path, name, ReasonCode::ALL.iter().map(|code| code.as_str())))
}

/// The place of what `path` backs off to among those above it.
pub(super) fn back_off<'a>(
    path: &str,
    name: Option<&str>,
    mut above: impl Iterator<Item = &'a str>,
) -> Result<Option<usize>, InvalidSpec> {
    let Some(name) = name else { return Ok(None) };
    let found = above.position(|candidate| candidate == name);
    found.map(Some).ok_or_else(|| InvalidSpec::BackOff { path: path.to_owned(), back_off: name.to_owned() })
}

/// Log-odds of rates of late: of what was never seen, many keys have the rate of one parent, and many parcels that parent.
struct LogOdds([(u64, f64); N_RATES]);

/// Rates whose log-odds are kept, each at the place that its bits say.
const N_RATES: usize = 512;

thread_local! {
    /// None yet: 0 is the rate of none.
    static LOG_ODDS: RefCell<LogOdds> = const { RefCell::new(LogOdds([(0, 0.0); N_RATES])) };
}

/// The log-odds of a rate.
pub(super) fn log_odds(rate: f64) -> f64 {
    LOG_ODDS.with_borrow_mut(|known| known.of(rate))
}

impl LogOdds {
    fn of(&mut self, rate: f64) -> f64 {
        let bits = rate.to_bits();
        // The highest bits of a product (Knuth's multiplicative hashing).
        let place = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - N_RATES.ilog2())) as usize;
        let (known, log_odds) = &mut self.0[place];
        if *known != bits {
            (*known, *log_odds) = (bits, logit(rate));
        }
        *log_odds
    }
}

fn logit(rate: f64) -> f64 {
    libm::log(rate) - libm::log1p(-rate)
}
