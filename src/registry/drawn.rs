//! Parcels that the random control drew and inspections found something of, or nothing: the one unbiased look at a model.

use std::collections::HashMap;

use super::check::{Check, Finding};
use super::comparison::stands_for;
use super::contender::Contender;
use super::gate_config::GateConfig;
use crate::evaluation::{Columns, Evaluation, Scored, ScoredRow, Settings, Subject, evaluate};
use crate::features::FeatureRow;
use crate::ledger::{Grounds, KeptDecision, KeptOutcome, Kind, LedgerError, Reader};
use crate::policy::RouteCause;

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
    day: i64,
    infringement: bool,
}

/// Fewer outcomes, or infringements among them, say nothing of probabilities.
const LEAST_OUTCOMES: usize = 200;
const LEAST_INFRINGEMENTS: usize = 5;

impl DrawnRows {
    /// All that a ledger has whose features are those of the grounds that stand now.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be read.
    pub fn read(reader: &Reader) -> Result<Self, LedgerError> {
        let Some(now) = reader.grounds_of(reader.head()?.seq)? else { return Ok(Self::default()) };
        let mut is_now = false;
        let mut drawn: HashMap<u64, (u64, Drawn, bool)> = HashMap::new();
        reader.scan::<LedgerError>(0, |record| {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            let body = &record.content.body;
            match (record.content.kind, record.content.item) {
                (Kind::Grounds, _) => {
                    let on = Grounds::from_body(body).map_err(unreadable)?;
                    is_now = on.feature_spec_digest == now.feature_spec_digest;
                }
                (Kind::Decision, Some(item)) if is_now => {
                    let kept = KeptDecision::from_body(body).map_err(unreadable)?;
                    if kept.counts && kept.route_cause == RouteCause::RandomControl as i64 {
                        let chance = kept.decision().map_err(unreadable)?.selection_probability;
                        let day = kept.advised_at.0.div_euclid(86_400);
                        let row = Drawn { row: kept.row, weight: stands_for(chance), day, infringement: false };
                        drawn.insert(item, (record.seq.unsigned_abs(), row, false));
                    }
                }
                (Kind::Outcome, Some(item)) => {
                    if let Some((_, row, is_known)) = drawn.get_mut(&item)
                        && let Some((infringement, _)) = KeptOutcome::of(&record.content).map_err(unreadable)?.label()
                    {
                        (row.infringement, *is_known) = (row.infringement || infringement, true);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        let mut known: Vec<_> = drawn.into_values().filter(|(_, _, is_known)| *is_known).collect();
        // Sums of floats depend on their order.
        known.sort_by_key(|(seq, ..)| *seq);
        let rows = known.into_iter().map(|(_, row, _)| row).collect();
        Ok(Self { feature_spec_digest: now.feature_spec_digest.clone(), rows })
    }

    /// Whether the challenger's probabilities are no farther off on them than the champion's.
    pub(super) fn compared(&self, models: [&Contender; 2], config: &GateConfig) -> Finding {
        let n_infringements = self.rows.iter().filter(|row| row.infringement).count();
        let same_spec = |model: &&Contender| model.engine().plan().spec().digest() == self.feature_spec_digest;
        let skipped = |why: &str| Finding::skipped(Check::RandomControl, why).with("outcomes", self.rows.len() as f64);
        if self.rows.len() < LEAST_OUTCOMES || n_infringements < LEAST_INFRINGEMENTS {
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
            "its probabilities are farther off than the champion's on what was drawn at random".to_owned()
        })
        .with("outcomes", self.rows.len() as f64)
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
