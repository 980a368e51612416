//! A feature spec, compiled to run.

use std::cell::RefCell;
use std::sync::Arc;

use super::error::{positive, unknown};
use super::key::{JustRead, KeyFeature, MOST_FEATURES, PlannedKey, log_odds};
use super::norm::PlannedNorm;
use super::number::Inputs;
use super::part::PartList;
use super::{ExchangeRates, FeatureRow, FeatureSpec, InvalidSpec, NUMBER_FEATURES, NumberFeature, ParcelKeys, Part};
use crate::history::{Bucket, HistoryView, SeenAt, Sighted, Usual};
use crate::parcel::{AdvisedAt, Money, Notice, NoticeCode, Parcel};
use crate::reasons::ReasonCode;
use crate::text::{TextModel, TextWeights, Words, hashed_ngrams, hashed_ngrams_of_kept};

/// Computes the features of a [`FeatureSpec`], for training and serving alike.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    spec: FeatureSpec,
    numbers: Vec<&'static NumberFeature>,
    parts: PartList,
    pub(super) keys: Vec<PlannedKey>,
    /// Keys of which history keeps the activity.
    n_active: usize,
    pub(super) norms: Vec<PlannedNorm>,
    features: Vec<FeatureInfo>,
    fingerprint: usize,
    descriptions: TextWeights,
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

/// The rate that the first key backs off to, before anything is known.
pub(super) const PRIOR_RATE: f64 = 0.01;

thread_local! {
    /// Where the history stands of the parcel that a thread reads.
    static SIGHTED: RefCell<Sighted> = RefCell::default();
    /// The same in the order of its footprint.
    static SEEN_AT: RefCell<SeenAt> = RefCell::default();
    /// Room for what is usual for its kinds.
    static USUAL: RefCell<Vec<Option<Usual>>> = const { RefCell::new(Vec::new()) };
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
        let mut parts = PartList::default();
        let mut keys: Vec<PlannedKey> = Vec::new();
        for (idx, key) in spec.keys.iter().enumerate() {
            let (planned, reason) = PlannedKey::compile(key, &spec.keys[..idx], features.len(), &mut parts)?;
            features.extend(planned.infos(key, reason, idx));
            keys.push(planned);
        }
        let mut norms: Vec<PlannedNorm> = Vec::new();
        for (idx, norm) in spec.norms.iter().enumerate() {
            let (planned, reason) = PlannedNorm::compile(norm, &spec.norms[..idx], &mut parts)?;
            features.push(planned.info(norm, reason));
            norms.push(planned);
        }
        if spec.description_model {
            features.push(FeatureInfo {
                name: "description.log_odds".into(),
                unit: "log-odds",
                meaning: "What the character n-grams of the descriptions say, as learned from outcomes that were \
                          known before. Missing where no line has a description."
                    .to_owned(),
                reason: ReasonCode::Description,
                key: None,
            });
        }
        if let Some(twice) = features.iter().enumerate().find_map(|(idx, feature)| {
            features[..idx].iter().any(|before| before.name == feature.name).then(|| feature.name.to_string())
        }) {
            return Err(InvalidSpec::Twice { path: "features".to_owned(), name: twice });
        }
        let fingerprint = spec.keys.iter().position(|key| key.name == spec.fingerprint);
        let fingerprint = fingerprint.ok_or_else(|| InvalidSpec::Fingerprint { name: spec.fingerprint.clone() })?;
        Ok(Self {
            spec,
            numbers,
            parts,
            n_active: keys.iter().filter(|key| key.keeps_activity).count(),
            keys,
            norms,
            features,
            fingerprint,
            descriptions: TextWeights::new(&TextModel::default()),
        })
    }

    /// The same plan with what was learned of descriptions.
    #[must_use]
    pub fn with_descriptions(self, descriptions: &TextModel) -> Self {
        Self { descriptions: TextWeights::new(descriptions), ..self }
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

    /// What of the parcel does not depend on history: its history keys, what it adds to history, and its own numbers.
    /// Amounts are in the base of `rates`. Each text is read once, for all that is made of it.
    pub fn keys(&self, parcel: &Parcel, rates: &ExchangeRates) -> ParcelKeys {
        let mut keys = ParcelKeys::default();
        self.keys_into(parcel, rates, &mut keys);
        keys
    }

    /// As [`FeaturePlan::keys`], in place of what was in `keys`.
    pub fn keys_into(&self, parcel: &Parcel, rates: &ExchangeRates, keys: &mut ParcelKeys) {
        let ParcelKeys { by_key, norms, footprint, numbers, ngrams } = keys;
        let inputs = Inputs::new(parcel, rates);
        self.parts.with(&inputs, |stated| {
            refill(by_key, self.keys.iter().map(|key| key.entity(stated)));
            let with_activity = self.keys.iter().zip(&*by_key).filter(|(key, _)| key.keeps_activity);
            let activity = with_activity.filter_map(|(key, entity)| Some(((*entity)?, key.counterpart(stated))));
            footprint.activity.reserve(self.n_active);
            refill(&mut footprint.activity, activity);
            refill(norms, self.norms.iter().map(|norm| norm.entry(stated, &inputs)));
        });
        footprint.keys.reserve(by_key.len());
        refill(&mut footprint.keys, by_key.iter().copied().flatten());
        footprint.numbers.reserve(norms.len());
        refill(&mut footprint.numbers, norms.iter().copied().flatten());
        numbers.reserve(self.n_numbers());
        refill(numbers, self.numbers.iter().map(|number| or_missing((number.compute)(&inputs))));
        let figures = self.spec.national_figures.iter().map(|key| parcel.national_figures.get(key).copied());
        numbers.extend(figures.map(or_missing));
        ngrams.clear();
        if self.spec.description_model {
            add_ngrams(parcel, inputs.words(), ngrams);
        }
    }

    /// Numbers that a parcel states by itself: so many of its features come first, and depend on no history.
    pub fn n_numbers(&self) -> usize {
        self.numbers.len() + self.spec.national_figures.len()
    }

    /// Slots of the n-grams of the descriptions alone, where the spec reads them: see [`ParcelKeys::ngrams`].
    pub fn ngrams(&self, parcel: &Parcel) -> Vec<u32> {
        let mut ngrams = Vec::new();
        if self.spec.description_model {
            add_ngrams(parcel, None, &mut ngrams);
        }
        ngrams
    }

    /// Computes the features of a parcel as of bucket `at`, into `row`.
    pub fn fill(&self, keys: &ParcelKeys, history: &HistoryView<'_>, at: Bucket, row: &mut FeatureRow) {
        self.fill_while_learning(keys, history, at, &|ngrams| self.descriptions.margin(ngrams), row);
    }

    /// As [`FeaturePlan::fill`], where what is known of descriptions is still being learned:
    /// `descriptions` gives the margin of n-grams.
    pub fn fill_while_learning(
        &self,
        keys: &ParcelKeys,
        history: &HistoryView<'_>,
        at: Bucket,
        descriptions: &(dyn Fn(&[u32]) -> f64 + Sync),
        row: &mut FeatureRow,
    ) {
        self.begin(keys, row);
        self.fill_from_view(keys, history, at, row);
        self.add_description(keys, descriptions, row);
    }

    /// Has `row` hold what a parcel states, and nothing else.
    fn begin(&self, keys: &ParcelKeys, row: &mut FeatureRow) {
        row.values.clear();
        row.counts.clear();
        row.rates.clear();
        // A row that is new grows once; a key may put more there than stays.
        row.values.reserve(self.features.len() + MOST_FEATURES);
        row.counts.reserve(self.keys.len());
        row.rates.reserve(self.keys.len());
        row.values.extend_from_slice(&keys.numbers);
    }

    fn add_description(&self, keys: &ParcelKeys, descriptions: &(dyn Fn(&[u32]) -> f64 + Sync), row: &mut FeatureRow) {
        row.values.extend(self.description(keys, descriptions));
    }

    /// What descriptions say, where the spec reads them.
    pub(super) fn description(&self, keys: &ParcelKeys, descriptions: &(dyn Fn(&[u32]) -> f64 + Sync)) -> Option<f32> {
        let margin = || or_missing((!keys.ngrams.is_empty()).then(|| descriptions(&keys.ngrams)));
        self.spec.description_model.then(margin)
    }

    /// Reads again, as of bucket `at`, what `row` holds of history. What the parcel itself states, which the row
    /// holds too, stays as it is: so a row can be made again where the parcel was not kept.
    pub fn refill(&self, keys: &ParcelKeys, history: &HistoryView<'_>, at: Bucket, row: &mut FeatureRow) {
        let description = row.values.last().copied().filter(|_| self.spec.description_model);
        row.values.truncate(self.n_numbers());
        row.counts.clear();
        row.rates.clear();
        self.fill_from_view(keys, history, at, row);
        row.values.extend(description);
    }

    /// Fills `row` with what history knows of a parcel's entities. All of it is sighted before anything is read.
    fn fill_from_view(&self, keys: &ParcelKeys, history: &HistoryView<'_>, at: Bucket, row: &mut FeatureRow) {
        SIGHTED.with_borrow_mut(|sighted| {
            let entities = self.keys.iter().zip(keys.by_key()).map(|(key, entity)| (*entity, key.keeps_activity));
            history.sight(entities, keys.norms.iter().map(|norm| norm.map(|(kind, _)| kind)), sighted);
            let known = keys
                .by_key()
                .iter()
                .enumerate()
                .map(|(place, entity)| Some(JustRead::of(history.known(sighted, place, (*entity)?), at)));
            let usual =
                keys.norms.iter().enumerate().map(|(place, norm)| history.usual(sighted, place, norm.as_ref()?.0, at));
            self.fill_from_history(keys, known, usual, row);
        });
    }

    /// Acts by where history stood of what the parcel of `keys` adds to, if it was the last whose features this thread has
    /// filled; of another it would say nothing that is true.
    pub fn with_seen_at<R>(&self, keys: &ParcelKeys, act: impl FnOnce(&SeenAt) -> R) -> R {
        SEEN_AT.with_borrow_mut(|seen_at| {
            let entities =
                self.keys.iter().zip(keys.by_key()).map(|(key, entity)| (entity.is_some(), key.keeps_activity));
            SIGHTED.with_borrow(|sighted| seen_at.set(sighted, entities, keys.norms.iter().map(Option::is_some)));
            act(seen_at)
        })
    }

    fn fill_from_history(
        &self,
        keys: &ParcelKeys,
        known: impl Iterator<Item = Option<JustRead>>,
        usual: impl Iterator<Item = Option<Usual>>,
        row: &mut FeatureRow,
    ) {
        for (key, known) in self.keys.iter().zip(known) {
            let parent_rate = key.parent.and_then(|idx| row.rates.get(idx).copied()).unwrap_or(PRIOR_RATE);
            let rate = known.as_ref().map_or(parent_rate, |known| key.rate(&known.counts, parent_rate));
            match &known {
                Some(JustRead { counts, recent }) => {
                    let log_odds = log_odds(rate);
                    let value = |feature: &KeyFeature| feature.value(log_odds, counts, recent.as_ref());
                    row.values.extend(key.features.iter().map(value));
                }
                None => row.values.resize(row.values.len() + key.features.len(), f32::NAN),
            }
            row.rates.push(rate);
            row.counts.push(known.map(|known| known.counts));
        }
        USUAL.with_borrow_mut(|of_norms| {
            refill(of_norms, usual);
            PlannedNorm::fill(&self.norms, &keys.norms, of_norms, &mut row.values);
        });
    }

    /// How the features of key `idx` would differ if history had counted nothing of its entity: each
    /// feature's index and its value in `row` less the value without. Empty where the parcel has
    /// no such key.
    pub fn change_without(&self, idx: usize, row: &FeatureRow) -> Vec<(usize, f64)> {
        let (Some(key), Some(Some(_))) = (self.keys.get(idx), row.counts.get(idx)) else { return Vec::new() };
        let parent_rate = key.parent.and_then(|parent| row.rates.get(parent).copied()).unwrap_or(PRIOR_RATE);
        key.change_without_counts(&row.values, parent_rate)
    }

    /// What of a well-formed parcel this plan does not use: amounts without an exchange rate,
    /// national codes and figures that no feature reads.
    pub fn notices(&self, parcel: &Parcel, rates: &ExchangeRates) -> Vec<Notice> {
        let mut notices = Vec::new();
        let has_no_rate = |amount: Option<Money>| amount.is_some_and(|amount| rates.to_base(amount).is_none());
        let no_rate = |field: String| Notice { field, code: NoticeCode::NoExchangeRate };
        // Fields are named where something is to be said of them: of most parcels nothing is.
        for (idx, _) in parcel.contents.iter().enumerate().filter(|(_, line)| has_no_rate(line.value)) {
            notices.push(no_rate(format!("contents[{idx}].value")));
        }
        for (field, amount) in [("postage_paid", parcel.postage_paid), ("insured_value", parcel.insured_value)] {
            if has_no_rate(amount) {
                notices.push(no_rate(field.to_owned()));
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
        self.parts.iter()
    }
}

/// Features are f32: as many digits as evidence needs, half the memory in training. A number that f32 cannot hold is as
/// large as one can be, never infinite. Minus zero is zero: which of the two the greater of both is, a compiler may choose
/// anew in each build, and a decision's identifier is made of these bits.
fn or_missing(value: Option<f64>) -> f32 {
    value.map_or(f32::NAN, |value| value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32 + 0.0)
}

/// Puts other items in place of those that a list has.
pub(super) fn refill<T>(list: &mut Vec<T>, items: impl Iterator<Item = T>) {
    list.clear();
    list.extend(items);
}

/// Adds the slots of the n-grams of all descriptions to none; `words` are those of the principal line's, where they are there
/// already.
fn add_ngrams(parcel: &Parcel, words: Option<&Words>, ngrams: &mut Vec<u32>) {
    let mut descriptions = parcel.contents.iter().filter_map(|line| line.description.as_deref());
    let Some(first) = descriptions.next() else { return };
    let mut others = descriptions.peekable();
    match words {
        _ if others.peek().is_some() => {
            let all = others.fold(first.to_owned(), |all, description| all + "\n" + description);
            hashed_ngrams(&all, ngrams);
        }
        // The only one, so it is the principal line's where that has one.
        Some(words) if hashed_ngrams_of_kept(words.tokens(), ngrams).is_some() => {}
        _ => hashed_ngrams(first, ngrams),
    }
}
