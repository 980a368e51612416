//! The gate: what a model that proves itself must still show, beside the one that decides, before it may score a parcel.

use std::time::{Duration, Instant};

use super::check::{Check, Finding, Report};
use super::contender::Contender;
use super::drawn::DrawnRows;
use super::gate_config::GateConfig;
use super::hostile;
use super::live::LiveRows;
use super::reference::ReferenceSet;
use super::shift::score_shift;
use crate::engine::{Engine, Explanation, Scores};
use crate::evaluation::{
    CapacityShare, Columns, Estimate, Evaluation, InvalidScored, Scored, ScoredRow, Settings, Subject, evaluate,
};
use crate::features::FeatureRow;
use crate::history::Bucket;
use crate::parcel::Parcel;
use crate::policy::{Route, Seen};

/// Two models, and what they are compared on.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The one that decides.
    pub champion: &'a Contender,
    /// The one that would.
    pub challenger: &'a Contender,
    /// Labeled parcels, where there are any.
    pub reference: Option<&'a ReferenceSet>,
    /// Live parcels, where a ledger has any.
    pub live: &'a LiveRows,
    /// Parcels of the random control with an outcome, where a ledger has any.
    pub drawn: &'a DrawnRows,
    /// The margins.
    pub config: &'a GateConfig,
}

/// Both models' answers about one parcel.
struct Pair {
    champion: (Scores, Route),
    challenger: (Scores, Route),
}

/// Fewer live parcels say too little about a distribution.
const LEAST_LIVE: usize = 100;
/// Times that each model's time is taken; the shortest counts, for what disturbs only lengthens.
const N_TIMES: usize = 5;
/// Parcels that times are taken on.
const MOST_TIMED: usize = 400;

impl Trial<'_> {
    /// Makes every check.
    pub fn run(&self) -> Report {
        let mut findings = Vec::new();
        let [champion, challenger] =
            [self.champion, self.challenger].map(|model| model.engine().plan().spec().bucket_seconds);
        findings.push(Finding::of(Check::Configuration, champion == challenger, || {
            "its buckets are of another width than the champion's: start anew with --model".to_owned()
        }));
        // First of the rest, for all others rest on finite numbers.
        let (n_answers, fault) = hostile::first_fault(self.challenger);
        let is_sound = fault.is_none();
        findings.push(
            Finding::of(Check::Hostile, is_sound, || fault.unwrap_or_default()).with("answers", n_answers as f64),
        );
        if is_sound {
            findings.extend(self.against_reference());
            findings.push(self.drawn.compared([self.champion, self.challenger], self.config));
            findings.extend(self.against_traffic());
            findings.push(self.latency());
            findings.push(Finding::passed(Check::WarmUp).with("parcels", self.timed().count() as f64));
        }
        let later = "it is asked in the shadow, where gate.promote_automatically is set";
        findings.push(Finding::skipped(Check::Outcomes, later));
        findings.sort_by_key(|finding| finding.check);
        Report { findings }
    }

    fn against_reference(&self) -> [Finding; 2] {
        let checks = [Check::Reference, Check::Calibration];
        let Some(set) = self.reference else {
            return checks.map(|check| Finding::skipped(check, "there is no reference set (gate.reference)"));
        };
        let share = CapacityShare::new(self.config.capacity_share).unwrap_or(CapacityShare::TENTH);
        let [champion, challenger] = [self.champion, self.challenger].map(|model| judged(model, set, share));
        let (Ok(champion), Ok(challenger)) = (champion, challenger) else {
            return checks.map(|check| Finding::failed(check, "its scores are no finite numbers"));
        };
        let average_precision = both(&champion, &challenger, |judged| judged.average_precision);
        let precision = both(&champion, &challenger, |judged| judged.capacity.first()?.precision);
        let error = both(&champion, &challenger, |judged| judged.expected_calibration_error);
        let drop = |[champion, challenger]: [f64; 2]| champion - challenger;
        let ranks = drop(precision) <= self.config.max_precision_drop
            && drop(average_precision) <= self.config.max_average_precision_drop;
        let is_calibrated = -drop(error) <= self.config.max_calibration_error_rise;
        [
            Finding::of(Check::Reference, ranks, || "it ranks worse than the champion".to_owned())
                .with("champion_precision", precision[0])
                .with("challenger_precision", precision[1])
                .with("champion_average_precision", average_precision[0])
                .with("challenger_average_precision", average_precision[1]),
            Finding::of(Check::Calibration, is_calibrated, || {
                "its probabilities are farther off than the champion's".to_owned()
            })
            .with("champion_error", error[0])
            .with("challenger_error", error[1]),
        ]
    }

    fn against_traffic(&self) -> [Finding; 2] {
        let pairs = self.pairs();
        let risks = |of: fn(&Pair) -> f64| pairs.iter().map(|pair| of(pair) as f32).collect::<Vec<_>>();
        let (champion, challenger) =
            (risks(|pair| pair.champion.0.risk_score), risks(|pair| pair.challenger.0.risk_score));
        let n_parcels = pairs.len() as f64;
        let shift = score_shift(&champion, &challenger);
        let scores = match shift {
            None => Finding::skipped(Check::ScoreShift, "there are no parcels to compare on"),
            Some(shift) => Finding::of(Check::ScoreShift, shift <= self.config.max_score_shift, || {
                "its scores are distributed in another way than the champion's".to_owned()
            })
            .with("population_stability_index", shift),
        };
        let share = |of: fn(&Pair) -> Route, route| {
            pairs.iter().filter(|pair| of(pair) == route).count() as f64 / n_parcels.max(1.0)
        };
        let changes = Route::ALL.map(|route| {
            let (champion, challenger) = (share(|pair| pair.champion.1, route), share(|pair| pair.challenger.1, route));
            (route, (champion - challenger).abs())
        });
        let routes = if self.champion.engine().policy().has_budgets() {
            Finding::skipped(Check::RouteShift, "the policy's budgets keep the shares what they are")
        } else {
            let most = changes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
            let (route, change) = most.unwrap_or((Route::Release, 0.0));
            Finding::of(Check::RouteShift, change <= self.config.max_route_shift, || {
                format!("the share of the route {} changes by too much", route.name())
            })
            .with("largest_change", change)
        };
        [scores.with("parcels", n_parcels), routes.with("parcels", n_parcels)]
    }

    /// The same parcels by both: live ones, else those of the reference set, else those of the champion's artifact.
    fn pairs(&self) -> Vec<Pair> {
        let [champion, challenger] = [self.champion, self.challenger].map(Contender::engine);
        let is_same_spec = |model: &Contender| model.engine().plan().spec().digest() == self.live.feature_spec_digest;
        if self.live.rows.len() >= LEAST_LIVE && is_same_spec(self.champion) && is_same_spec(self.challenger) {
            let by = |engine: &Engine, (row, seen): &(FeatureRow, Seen)| {
                let scores = engine.scores(row);
                let seen = Seen { raw_score: scores.raw_score, risk_score: scores.risk_score, ..seen.clone() };
                (scores, champion.policy().route(&seen, Bucket::default(), None).route)
            };
            let rows = self.live.rows.iter();
            return rows.map(|row| Pair { champion: by(champion, row), challenger: by(challenger, row) }).collect();
        }
        let mut row = FeatureRow::default();
        let mut by = |model: &Contender, parcel: &Parcel| {
            (model.scores(parcel, &mut row), model.decide(parcel, Explanation::None).route)
        };
        self.parcels()
            .map(|parcel| Pair { champion: by(self.champion, parcel), challenger: by(self.challenger, parcel) })
            .collect()
    }

    fn parcels(&self) -> Box<dyn Iterator<Item = &Parcel> + '_> {
        match self.reference {
            Some(set) if set.parcels.len() >= LEAST_LIVE => Box::new(set.parcels.iter().map(|(parcel, _)| parcel)),
            _ => Box::new(self.champion.golden().iter()),
        }
    }

    fn timed(&self) -> impl Iterator<Item = &Parcel> {
        self.champion.golden().iter().chain(self.challenger.golden()).take(MOST_TIMED)
    }

    /// Also warms the challenger up: what it needs is in memory afterwards.
    fn latency(&self) -> Finding {
        let mut shortest = [Duration::MAX; 2];
        for _ in 0..N_TIMES {
            for (model, shortest) in [self.champion, self.challenger].into_iter().zip(&mut shortest) {
                let started = Instant::now();
                for parcel in self.timed() {
                    std::hint::black_box(model.decide(parcel, Explanation::WhereDue));
                }
                *shortest = started.elapsed().min(*shortest);
            }
        }
        let n_parcels = self.timed().count().max(1) as f64;
        let [champion, challenger] = shortest.map(|time| time.as_secs_f64() / n_parcels);
        let ratio = challenger / champion.max(1e-9);
        Finding::of(Check::Latency, ratio <= self.config.max_latency_ratio, || "it is slower than it may be".to_owned())
            .with("champion_seconds", champion)
            .with("challenger_seconds", challenger)
            .with("ratio", ratio)
    }
}

fn both(champion: &Evaluation, challenger: &Evaluation, of: fn(&Evaluation) -> Option<Estimate>) -> [f64; 2] {
    // A figure that the rows do not define is no worse than another such.
    [champion, challenger].map(|judged| of(judged).map_or(0.0, |estimate| estimate.value))
}

fn judged(model: &Contender, set: &ReferenceSet, share: CapacityShare) -> Result<Evaluation, InvalidScored> {
    let mut row = FeatureRow::default();
    let rows = set.parcels.iter().map(|(parcel, infringement)| {
        let Scores { raw_score, risk_score, .. } = model.scores(parcel, &mut row);
        let day = parcel.advised_at.seconds().div_euclid(86_400);
        ScoredRow { margin: raw_score, risk_score, infringement: *infringement, day, ..ScoredRow::default() }
    });
    let scored = Scored::new(&rows.collect::<Vec<_>>(), &Columns::default())?;
    Ok(evaluate(&scored, &Settings { capacity: vec![share], bootstrap: 0, seed: 0 }, Subject::default()))
}
