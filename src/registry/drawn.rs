//! Parcels that inspections found something of, or nothing, each for as many as its chance of being inspected says: those that the
//! random control drew stand for all that the score let pass, and so this is the one unbiased look at a model.

use std::collections::VecDeque;

use super::check::{Check, Finding};
use super::comparison::stands_for;
use super::contender::Contender;
use super::gate_config::GateConfig;
use crate::evaluation::{Columns, Evaluation, Scored, ScoredRow, Settings, Subject, evaluate};
use crate::features::FeatureRow;
use crate::ledger::{Grounds, KeptDecision, Kind, LedgerError, Reader, findings};
use crate::policy::{Route, RouteCause};
use crate::wire::v1;

/// The features of such parcels, as they were when they were decided about.
#[derive(Clone, Debug, Default)]
pub struct DrawnRows {
    /// SHA-256 of the spec of the features; empty where there are none.
    feature_spec_digest: String,
    rows: Vec<Drawn>,
}

#[derive(Clone, Debug)]
struct Drawn {
    row: FeatureRow,
    /// Parcels that it stands for.
    weight: f64,
    is_of_control: bool,
    day: i64,
    infringement: bool,
}

/// Most that are kept of the random control, and of the others: the last ones.
const MOST_ROWS: usize = 20_000;
/// Fewer outcomes of the random control, or infringements among them, say nothing of probabilities.
const LEAST_OUTCOMES: usize = 200;
const LEAST_INFRINGEMENTS: usize = 5;

impl DrawnRows {
    /// All that a ledger has whose features are those of the grounds that stand now.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be read.
    pub fn read(reader: &Reader) -> Result<Self, LedgerError> {
        let Some(now) = reader.last_grounds()? else { return Ok(Self::default()) };
        let found = findings(reader)?;
        let mut is_now = false;
        let (mut control, mut others) = (VecDeque::new(), VecDeque::new());
        reader.scan::<LedgerError>(0, |record| {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            let body = &record.content.body;
            let route = record.content.route.and_then(Route::from_number);
            match record.content.kind {
                Kind::Grounds => {
                    let on = Grounds::from_body(body).map_err(unreadable)?;
                    is_now = on.feature_spec_digest == now.feature_spec_digest;
                }
                Kind::Decision if is_now && route.is_some_and(|route| !route.is_release()) => {
                    let kept = KeptDecision::from_body(body).map_err(unreadable)?;
                    let v1::Decision { item_id, selection_probability: chance, .. } =
                        kept.decision().map_err(unreadable)?;
                    if kept.counts
                        && chance > 0.0
                        && let Some(infringement) = found.get(&item_id)
                    {
                        let is_of_control = kept.route_cause == RouteCause::RandomControl as i64;
                        let rows = if is_of_control { &mut control } else { &mut others };
                        rows.push_back(Drawn {
                            is_of_control,
                            row: kept.row,
                            weight: stands_for(chance),
                            day: kept.advised_at.0.div_euclid(86_400),
                            infringement: *infringement,
                        });
                        if rows.len() > MOST_ROWS {
                            rows.pop_front();
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        let rows = control.into_iter().chain(others).collect();
        Ok(Self { feature_spec_digest: now.feature_spec_digest.clone(), rows })
    }

    /// Whether the challenger's probabilities are no farther off on them than the champion's.
    pub(super) fn compared(&self, models: [&Contender; 2], config: &GateConfig) -> Finding {
        let of_control = || self.rows.iter().filter(|row| row.is_of_control);
        let (n_outcomes, n_infringements) = (of_control().count(), of_control().filter(|row| row.infringement).count());
        let same_spec = |model: &&Contender| model.engine().plan().spec().digest() == self.feature_spec_digest;
        let skipped = |why: &str| Finding::skipped(Check::RandomControl, why).with("outcomes", n_outcomes as f64);
        if n_outcomes < LEAST_OUTCOMES || n_infringements < LEAST_INFRINGEMENTS {
            return skipped("there are too few outcomes of the random control");
        }
        if !models.iter().all(same_spec) {
            return skipped("the two read other features than those recorded");
        }
        let [Some(champion), Some(challenger)] = models.map(|model| self.judged(model)) else {
            return Finding::failed(Check::RandomControl, "its scores are no finite numbers");
        };
        let error = |of: &Evaluation| of.expected_calibration_error.map_or(0.0, |estimate| estimate.value);
        let rise = error(&challenger) - error(&champion);
        Finding::of(Check::RandomControl, rise <= config.max_calibration_error_rise, || {
            "its probabilities are farther off than the champion's, as far as the random control tells".to_owned()
        })
        .with("inspected", self.rows.len() as f64)
        .with("outcomes", n_outcomes as f64)
        .with("infringements", n_infringements as f64)
        .with("base_rate", challenger.base_rate.map_or(0.0, |estimate| estimate.value))
        .with("champion_error", error(&champion))
        .with("challenger_error", error(&challenger))
    }

    fn judged(&self, model: &Contender) -> Option<Evaluation> {
        let of = |drawn: &Drawn| {
            let scores = model.engine().scores(&drawn.row);
            ScoredRow {
                margin: scores.raw_score,
                risk_score: scores.risk_score,
                infringement: drawn.infringement,
                weight: drawn.weight,
                day: drawn.day,
                ..ScoredRow::default()
            }
        };
        let scored = Scored::new(&self.rows.iter().map(of).collect::<Vec<_>>(), &Columns::default()).ok()?;
        Some(evaluate(&scored, &Settings { capacity: Vec::new(), bootstrap: 0, seed: 0 }, Subject::default()))
    }
}
