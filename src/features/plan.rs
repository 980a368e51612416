//! A feature spec, compiled to run.

use std::sync::Arc;

use super::number::Inputs;
use super::{ExchangeRates, FeatureSpec, KeySpec, NUMBER_FEATURES, NumberFeature, Part};
use crate::history::{Bucket, Counts, EntityKey, History, KeyHasher};
use crate::parcel::{AdvisedAt, Notice, NoticeCode, Parcel};
use crate::reasons::ReasonCode;

/// Computes the features of a [`FeatureSpec`], for training and serving alike.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    spec: FeatureSpec,
    numbers: Vec<&'static NumberFeature>,
    keys: Vec<PlannedKey>,
    features: Vec<FeatureInfo>,
    fingerprint: usize,
}

#[derive(Clone, Debug)]
struct PlannedKey {
    parts: Vec<Part>,
    parent: Option<usize>,
    smoothing: f64,
    /// The hash of the key's name, to which the parts are added.
    hasher: KeyHasher,
}

/// What the catalogue says of one feature of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Unit of its value.
    pub unit: &'static str,
    /// What it is, and when it is missing.
    pub meaning: String,
    /// The ground it speaks for.
    pub reason: ReasonCode,
    /// The history key it was read from, as an index into [`FeatureRow::counts`].
    pub key: Option<usize>,
}

/// Why a spec cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidSpec {
    /// A name that the catalogue does not have.
    #[error("{path}: {name:?} is not known{}", nearest.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    UnknownName {
        /// Where in the spec.
        path: String,
        /// What stands there.
        name: String,
        /// The most similar known name.
        nearest: Option<&'static str>,
    },
    /// Two of the same name.
    #[error("{path}: {name:?} stands twice")]
    Twice {
        /// Where in the spec.
        path: String,
        /// Which name.
        name: String,
    },
    /// A key that backs off to one that does not stand above it.
    #[error("keys.{key}.back_off: {back_off:?} does not stand above it")]
    BackOff {
        /// Which key.
        key: String,
        /// What it backs off to.
        back_off: String,
    },
    /// A fingerprint that is no key.
    #[error("fingerprint: {name:?} is no key of this spec")]
    Fingerprint {
        /// What stands there.
        name: String,
    },
    /// A number that must be positive.
    #[error("{path}: must be a positive number, got {got}")]
    NotPositive {
        /// Where in the spec.
        path: String,
        /// What stands there.
        got: f64,
    },
}

/// The rate that the first key backs off to, before anything is known.
const PRIOR_RATE: f64 = 0.01;

/// The history keys of one parcel: one per key of the spec, `None` where a part is not stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParcelKeys {
    by_key: Vec<Option<EntityKey>>,
    present: Vec<EntityKey>,
}

impl ParcelKeys {
    /// The keys that the parcel has: what its events are folded under.
    pub fn present(&self) -> &[EntityKey] {
        &self.present
    }

    /// One per key of the spec, in its order.
    pub fn by_key(&self) -> &[Option<EntityKey>] {
        &self.by_key
    }
}

/// The features of one parcel, reused from parcel to parcel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureRow {
    /// Shape `(n_features,)`; NaN where missing.
    pub values: Vec<f32>,
    /// What history knew, one per key of the spec; `None` where the parcel has no such key.
    pub counts: Vec<Option<Counts>>,
    /// Smoothed rate per key, after back-off.
    rates: Vec<f64>,
}

impl FeatureRow {
    /// Smoothed rate of past infringements under a key of the spec, after back-off; it is there
    /// whether or not the parcel states the key's parts.
    pub fn rate(&self, key: usize) -> Option<f64> {
        self.rates.get(key).copied()
    }
}

impl FeaturePlan {
    /// Compiles a spec.
    ///
    /// # Errors
    /// [`InvalidSpec`], the first in the order of the spec.
    pub fn compile(spec: FeatureSpec) -> Result<Self, InvalidSpec> {
        positive("half_life_days", spec.half_life_days)?;
        let mut features = Vec::new();
        let mut numbers = Vec::new();
        for name in &spec.numbers {
            let known = || NUMBER_FEATURES.iter().map(|number| number.name);
            let number = NUMBER_FEATURES
                .iter()
                .find(|number| number.name == name)
                .ok_or_else(|| unknown("numbers", name, known()))?;
            numbers.push(number);
            features.push(FeatureInfo {
                name: number.name.into(),
                unit: number.unit,
                meaning: number.meaning.to_owned(),
                reason: number.reason,
                key: None,
            });
        }
        for key in &spec.national_figures {
            features.push(FeatureInfo {
                name: format!("national_figures.{key}").into(),
                unit: "as stated",
                meaning: format!("The national figure {key:?}. Missing where it is not stated."),
                reason: ReasonCode::NationalFigures,
                key: None,
            });
        }
        let mut keys: Vec<PlannedKey> = Vec::new();
        for (idx, key) in spec.keys.iter().enumerate() {
            let (planned, reason) = plan_key(key, &spec.keys[..idx])?;
            keys.push(planned);
            features.extend(key_features(key, reason, idx));
        }
        if let Some(twice) = features.iter().enumerate().find_map(|(idx, feature)| {
            features[..idx].iter().any(|before| before.name == feature.name).then(|| feature.name.to_string())
        }) {
            return Err(InvalidSpec::Twice { path: "features".to_owned(), name: twice });
        }
        let fingerprint = spec.keys.iter().position(|key| key.name == spec.fingerprint);
        let fingerprint = fingerprint.ok_or_else(|| InvalidSpec::Fingerprint { name: spec.fingerprint.clone() })?;
        Ok(Self { spec, numbers, keys, features, fingerprint })
    }

    /// The spec it was compiled from.
    pub fn spec(&self) -> &FeatureSpec {
        &self.spec
    }

    /// The features, in the order of [`FeatureRow::values`].
    pub fn features(&self) -> &[FeatureInfo] {
        &self.features
    }

    /// The key that says whether a consignment was seen before, as an index into [`FeatureRow::counts`].
    pub fn fingerprint(&self) -> usize {
        self.fingerprint
    }

    /// The bucket that a parcel advised at this time falls into.
    pub fn bucket_of(&self, at: AdvisedAt) -> Bucket {
        self.spec.bucket_seconds.bucket_of(at)
    }

    /// The parcel's history keys.
    pub fn keys(&self, parcel: &Parcel) -> ParcelKeys {
        let line = parcel.principal_line();
        let by_key: Vec<_> = self
            .keys
            .iter()
            .map(|key| {
                let mut hasher = key.hasher.clone();
                key.parts.iter().all(|part| part.hash(parcel, line, &mut hasher)).then(|| hasher.finish())
            })
            .collect();
        let present = by_key.iter().copied().flatten().collect();
        ParcelKeys { by_key, present }
    }

    /// Computes the features of a parcel as of bucket `at`, into `row`.
    pub fn fill(
        &self,
        parcel: &Parcel,
        keys: &ParcelKeys,
        history: &History,
        at: Bucket,
        rates: &ExchangeRates,
        row: &mut FeatureRow,
    ) {
        row.values.clear();
        row.counts.clear();
        row.rates.clear();
        let inputs = Inputs::new(parcel, rates);
        // Features are f32: as many digits as evidence needs, half the memory in training.
        // A number that f32 cannot hold is as large as one can be, never infinite.
        let (least, most) = (f64::from(f32::MIN), f64::from(f32::MAX));
        let or_missing = |value: Option<f64>| value.map_or(f32::NAN, |value| value.clamp(least, most) as f32);
        row.values.extend(self.numbers.iter().map(|number| or_missing((number.compute)(&inputs))));
        let figures = self.spec.national_figures.iter().map(|key| parcel.national_figures.get(key).copied());
        row.values.extend(figures.map(or_missing));
        for (key, entity) in self.keys.iter().zip(keys.by_key()) {
            let parent_rate = key.parent.and_then(|idx| row.rates.get(idx).copied()).unwrap_or(PRIOR_RATE);
            let counts = entity.map(|entity| history.read(entity, at));
            let (rate, log_odds, log_inspected) = match &counts {
                Some(counts) => {
                    let rate = smoothed(counts, parent_rate, key.smoothing);
                    (rate, logit(rate) as f32, libm::log1p(counts.inspected) as f32)
                }
                None => (parent_rate, f32::NAN, f32::NAN),
            };
            row.rates.push(rate);
            row.counts.push(counts);
            row.values.extend([log_odds, log_inspected]);
        }
    }

    /// How the features of key `idx` would differ if history knew nothing of its entity: each
    /// feature's index and its value in `row` less the value without. Empty where the parcel has
    /// no such key.
    pub fn change_without(&self, idx: usize, row: &FeatureRow) -> Vec<(usize, f64)> {
        let (Some(key), Some(Some(_))) = (self.keys.get(idx), row.counts.get(idx)) else { return Vec::new() };
        let parent_rate = key.parent.and_then(|parent| row.rates.get(parent).copied()).unwrap_or(PRIOR_RATE);
        let first = self.features.len() - 2 * self.keys.len() + 2 * idx;
        let nothing = [logit(smoothed(&Counts::default(), parent_rate, key.smoothing)), 0.0];
        let with = row.values.iter().enumerate().skip(first);
        with.zip(nothing).map(|((feature, with), without)| (feature, f64::from(*with) - without)).collect()
    }

    /// What of a well-formed parcel this plan does not use: amounts without an exchange rate,
    /// national codes and figures that no feature reads.
    pub fn notices(&self, parcel: &Parcel, rates: &ExchangeRates) -> Vec<Notice> {
        let mut notices = Vec::new();
        let lines = parcel.contents.iter().enumerate();
        let values = lines.filter_map(|(idx, line)| Some((format!("contents[{idx}].value"), line.value?)));
        let others = [("postage_paid", parcel.postage_paid), ("insured_value", parcel.insured_value)];
        let others = others.into_iter().filter_map(|(field, amount)| Some((field.to_owned(), amount?)));
        for (field, amount) in values.chain(others) {
            if rates.to_base(amount).is_none() {
                notices.push(Notice { field, code: NoticeCode::NoExchangeRate });
            }
        }
        for key in parcel.national_codes.keys() {
            if !self.parts().any(|part| matches!(part, Part::NationalCode(known) if known == key)) {
                let field = format!("national_codes[{key:?}]");
                notices.push(Notice { field, code: NoticeCode::NotUsedByModel });
            }
        }
        for key in parcel.national_figures.keys() {
            let is_part = self.parts().any(|part| matches!(part, Part::NationalFigure(known) if known == key));
            if !is_part && !self.spec.national_figures.contains(key) {
                let field = format!("national_figures[{key:?}]");
                notices.push(Notice { field, code: NoticeCode::NotUsedByModel });
            }
        }
        notices
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.keys.iter().flat_map(|key| &key.parts)
    }
}

fn plan_key(key: &KeySpec, above: &[KeySpec]) -> Result<(PlannedKey, ReasonCode), InvalidSpec> {
    positive(&format!("keys.{}.smoothing", key.name), key.smoothing)?;
    let reason = ReasonCode::from_name(&key.reason).ok_or_else(|| {
        let known = ReasonCode::ALL.iter().map(|code| code.as_str());
        unknown(&format!("keys.{}.reason", key.name), &key.reason, known)
    })?;
    let parent = match &key.back_off {
        None => None,
        Some(name) => Some(
            above
                .iter()
                .position(|candidate| candidate.name == *name)
                .ok_or_else(|| InvalidSpec::BackOff { key: key.name.clone(), back_off: name.clone() })?,
        ),
    };
    let part = |name: &String| {
        let known = Part::NAMED.iter().map(|(name, _)| *name);
        Part::from_name(name).ok_or_else(|| unknown(&format!("keys.{}.parts", key.name), name, known))
    };
    let parts = key.parts.iter().map(part).collect::<Result<_, _>>()?;
    Ok((PlannedKey { parts, parent, smoothing: key.smoothing, hasher: KeyHasher::new(&key.name) }, reason))
}

fn key_features(key: &KeySpec, reason: ReasonCode, idx: usize) -> [FeatureInfo; 2] {
    let parts = if key.parts.is_empty() { "all parcels".to_owned() } else { key.parts.join(", ") };
    let feature = |suffix: &str, unit: &'static str, what: &str| FeatureInfo {
        name: format!("history.{}.{suffix}", key.name).into(),
        unit,
        meaning: format!("{what} with the same {parts}. Missing where one of them is not stated."),
        reason,
        key: Some(idx),
    };
    [
        feature("log_odds", "log-odds", "Smoothed rate of past infringements among parcels"),
        feature("log_inspected", "ln(1 + inspections)", "Past inspections, decayed, of parcels"),
    ]
}

/// `(infringements + smoothing · parent) / (inspected + smoothing)`: an estimate of the rate with
/// the parent's as its prior (additive smoothing; Micci-Barreca 2001 for hierarchies of codes).
///
/// Kept off 0 and 1: the counts are rounded apart, so their ratio may pass 1 by a bit.
fn smoothed(counts: &Counts, parent_rate: f64, smoothing: f64) -> f64 {
    let rate = (counts.infringements + smoothing * parent_rate) / (counts.inspected + smoothing);
    rate.clamp(1e-9, 1.0 - 1e-9)
}

fn logit(rate: f64) -> f64 {
    libm::log(rate) - libm::log1p(-rate)
}

fn positive(path: &str, got: f64) -> Result<(), InvalidSpec> {
    if got.is_finite() && got > 0.0 { Ok(()) } else { Err(InvalidSpec::NotPositive { path: path.to_owned(), got }) }
}

fn unknown(path: &str, name: &str, known: impl Iterator<Item = &'static str>) -> InvalidSpec {
    let nearest = known
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known);
    InvalidSpec::UnknownName { path: path.to_owned(), name: name.to_owned(), nearest }
}
