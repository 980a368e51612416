//! Scoring a table as if it were live: in order of time, each parcel by what was known then.

use super::facets::Facets;
use super::{LabeledParcel, PointInTime, Truth};
use crate::engine::Engine;
use crate::evaluation::{Baseline, Columns, InvalidScored, Novelty, Place, Scored, ScoredRow, Slice};
use crate::features::{ExchangeRates, FeaturePlan, FeatureRow, ParcelKeys, indicators};
use crate::history::{Bucket, EntityKey, History, Replay};
use crate::model::{Calibration, Estimator, EstimatorKind, ReferenceScores};

/// Name of the key whose past rate is reported beside the fingerprint's, where a spec has it.
const ADDRESSEE: &str = "addressee";

/// Scored parcels with a label, and what reports tell apart.
#[derive(Debug, Default)]
pub struct Backtest {
    rows: Vec<ScoredRow>,
    /// By which a row stands among others of its model.
    raw_scores: Vec<f64>,
    /// Names each row's item and the time of its advice.
    advices: Vec<EntityKey>,
    facets: Facets,
    fingerprint_seen: Vec<bool>,
    fingerprint_rate: Vec<f64>,
    addressee_rate: Vec<f64>,
    /// Published indicators, counted.
    n_indicators: Vec<f64>,
    /// By key of the spec.
    novelty: Vec<Novelty>,
    /// The other estimator on the same features, and its scores.
    sibling: Option<(EstimatorKind, Vec<f64>)>,
}

impl Backtest {
    /// Scores `rows`, which must be in order of time, folding each into `replay`; outcomes come in
    /// when they became known. `sibling` is scored beside the model on the same features. `on_row` is told of each row.
    pub fn live(
        rows: &[LabeledParcel],
        engine: &Engine,
        sibling: Option<&Estimator>,
        label_delay_days: u32,
        replay: &mut Replay,
        on_row: impl FnMut(),
    ) -> Self {
        Self::live_observed(rows, engine, sibling, label_delay_days, replay, on_row, |_| ())
    }

    /// As [`Backtest::live`]; `on_scored` is told the features of each labeled row, shape `(n_features,)`.
    pub fn live_observed(
        rows: &[LabeledParcel],
        engine: &Engine,
        sibling: Option<&Estimator>,
        label_delay_days: u32,
        replay: &mut Replay,
        mut on_row: impl FnMut(),
        mut on_scored: impl FnMut(&[f32]),
    ) -> Self {
        let width = engine.plan().spec().bucket_seconds;
        let mut backtest = Self { sibling: sibling.map(|sibling| (sibling.kind(), Vec::new())), ..Self::default() };
        let mut features = FeatureRow::default();
        for row in rows {
            on_row();
            let at = engine.bucket_of(row.parcel.advised_at);
            let keys = row.keys(engine.plan(), engine.rates());
            let history = replay.advance(at);
            backtest.score(row, &keys, engine, history, at, &mut features);
            if row.outcome.is_some() {
                on_scored(&features.values);
            }
            if let (Some(_), Some(sibling), Some((_, scores))) = (row.outcome, sibling, &mut backtest.sibling) {
                scores.push(sibling.raw_score(&features.values));
            }
            replay.advise(row.item(), keys.footprint(), row.due(width, label_delay_days));
        }
        backtest
    }

    /// Scores `rows` by a history that learns nothing from them.
    pub fn frozen(rows: &[LabeledParcel], engine: &Engine, history: &History) -> Self {
        let mut backtest = Self::default();
        let mut features = FeatureRow::default();
        for row in rows {
            let at = engine.bucket_of(row.parcel.advised_at);
            let keys = row.keys(engine.plan(), engine.rates());
            backtest.score(row, &keys, engine, history, at, &mut features);
        }
        backtest
    }

    /// The scores of labeled parcels, in order of time.
    pub fn rows(&self) -> &[ScoredRow] {
        &self.rows
    }

    /// Adds the rows of another model, which are ranked among all by their calibrated probability from then on: the
    /// margins of two models are of two scales.
    pub fn pool(&mut self, other: &Self) {
        self.rows.extend(other.rows.iter().map(|row| ScoredRow { margin: row.risk_score, ..*row }));
        self.raw_scores.extend(&other.raw_scores);
        self.advices.extend(&other.advices);
        self.facets.extend(&other.facets);
        self.fingerprint_seen.extend(&other.fingerprint_seen);
        self.fingerprint_rate.extend(&other.fingerprint_rate);
        self.addressee_rate.extend(&other.addressee_rate);
        self.n_indicators.extend(&other.n_indicators);
        if self.novelty.is_empty() {
            self.novelty.clone_from(&other.novelty);
        } else {
            for (key, more) in self.novelty.iter_mut().zip(&other.novelty) {
                key.unseen.extend(&more.unseen);
            }
        }
    }

    /// Says of each row where it stands among the scores that the model was released with.
    pub fn place_among(&mut self, reference: &ReferenceScores) {
        for (row, raw_score) in self.rows.iter_mut().zip(&self.raw_scores) {
            // The percentile counts ties half, and has the whole of either side a bit away.
            row.place = Some(Place {
                below: reference.percentile(raw_score.next_down()),
                not_above: reference.percentile(raw_score.next_up()),
            });
        }
    }

    /// The scores alone.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn ranked(&self) -> Result<Scored, InvalidScored> {
        Scored::new(&self.rows, &Columns::default())
    }

    /// Brings the scores together with slices, groups, new keys and baselines.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn scored(&self) -> Result<Scored, InvalidScored> {
        Scored::new(&self.rows, &self.columns())
    }

    /// As [`Backtest::scored`], beside what a simulation knows of the same parcels.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn scored_beside(&self, truth: &Truth) -> Result<Scored, InvalidScored> {
        let mut columns = self.columns();
        truth.add_to(&mut columns, &self.rows, &self.advices);
        Scored::new(&self.rows, &columns)
    }

    fn columns(&self) -> Columns {
        let unseen = self.fingerprint_seen.iter().map(|seen| !seen).collect();
        let history = |value: &str, rows| Slice { dimension: "history".to_owned(), value: value.to_owned(), rows };
        let past_rate =
            |key: &str, rates: &[f64]| Baseline { name: format!("past_rate_of_{key}"), scores: rates.to_vec() };
        let rules = Baseline { name: "rules".to_owned(), scores: self.n_indicators.clone() };
        let fingerprint = past_rate("fingerprint", &self.fingerprint_rate);
        let mut baselines = vec![Baseline::random(self.rows.len()), rules, fingerprint];
        if self.addressee_rate.len() == self.rows.len() {
            baselines.push(past_rate(ADDRESSEE, &self.addressee_rate));
        }
        if let Some((kind, scores)) = &self.sibling {
            baselines.push(Baseline { name: kind.as_str().to_owned(), scores: scores.clone() });
        }
        Columns {
            slices: vec![history("seen", self.fingerprint_seen.clone()), history("unseen", unseen)],
            partitions: self.facets.partitions(),
            selection: vec![self.facets.origin_country()],
            baselines,
            novelty: self.novelty.clone(),
            opened: Vec::new(),
        }
    }

    fn score(
        &mut self,
        row: &LabeledParcel,
        keys: &ParcelKeys,
        engine: &Engine,
        history: &History,
        at: Bucket,
        features: &mut FeatureRow,
    ) {
        let Some(outcome) = row.outcome else { return };
        let scores = engine.score(keys, history, at, features);
        let plan = engine.plan();
        let counts = features.counts.get(plan.fingerprint()).copied().flatten();
        self.fingerprint_seen.push(counts.is_some_and(|counts| counts.inspected > 0.0));
        self.fingerprint_rate.push(features.rate(plan.fingerprint()).unwrap_or_default());
        let keys = &plan.spec().keys;
        let addressee = keys.iter().position(|key| key.name == ADDRESSEE);
        self.addressee_rate.extend(addressee.and_then(|key| features.rate(key)));
        if self.novelty.is_empty() {
            self.novelty = keys.iter().map(|key| Novelty { key: key.name.clone(), unseen: Vec::new() }).collect();
        }
        for (key, counts) in self.novelty.iter_mut().zip(&features.counts) {
            key.unseen.push(counts.map(|counts| counts.seen == 0.0));
        }
        let parcel = row.parcel.get();
        self.n_indicators.push(f64::from(indicators(&parcel, engine.rates())));
        self.advices.push(row.advice());
        self.facets.push(&parcel);
        self.raw_scores.push(scores.raw_score);
        self.rows.push(ScoredRow {
            margin: margin(&engine.model().body().calibration, scores.raw_score, scores.risk_score),
            risk_score: scores.risk_score,
            infringement: outcome.infringement,
            weight: row.weight,
            day: row.parcel.advised_at.day(),
            revenue: row.revenue,
            place: None,
            label_delay_days: row.stated_delay_days(),
        });
    }
}

/// What ranks a parcel as its score does that is served.
///
/// Steps give many parcels one score, and whoever opens the riskiest by it draws among those: raw scores, which tell them
/// apart, would be a ranking that nobody is served. A curve keeps their order.
pub(super) fn margin(calibration: &Calibration, raw_score: f64, risk_score: f64) -> f64 {
    match calibration {
        Calibration::Beta(_) => raw_score,
        Calibration::Isotonic(_) => risk_score,
    }
}

/// Folds `rows`, which must be in order of time, without scoring them. `on_row` is told of each row.
pub fn fold(
    rows: &[LabeledParcel],
    plan: &FeaturePlan,
    rates: &ExchangeRates,
    label_delay_days: u32,
    replay: &mut Replay,
    on_row: impl FnMut(),
) {
    PointInTime { plan, rates, label_delay_days }.fold(rows, replay, on_row);
}
