//! Features, model, calibration, reasons and policy, composed.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::identifier::Grounds;
use super::{Decision, Evidence, Explanation, ModelRef, RawScore, Reason};
use crate::features::{ExchangeRates, FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, Counts, History};
use crate::model::Model;
use crate::parcel::codes::InfringementKind;
use crate::parcel::{AdvisedAt, Parcel};
use crate::policy::{self, Facts, Flow, Policy, RouteCause, Routing, Seen, Words};
use crate::reasons::ReasonCode;

/// Decides about parcels: pure, synchronous, without a clock and without I/O.
///
/// It is total: every [`Parcel`] gets a [`Decision`]. Equal parcel, history, model and policy give
/// an equal decision, to the bit.
#[derive(Clone, Debug)]
pub struct Engine {
    model: Arc<Model>,
    model_ref: Arc<ModelRef>,
    rates: ExchangeRates,
    policy: Policy,
    /// Names of the history keys, as rules call them.
    history_keys: Arc<[String]>,
    /// The features that speak for each ground, in the order of the codes.
    grounds: Arc<[(ReasonCode, Vec<usize>)]>,
}

/// A parcel's scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Before calibration, in log-odds: what ranks.
    pub raw_score: f64,
    /// Calibrated probability.
    pub risk_score: f64,
    /// Share of reference parcels with a lower score, 0 to 1.
    pub risk_percentile: f64,
}

/// Why a model cannot decide under a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// Amounts would be on another scale than those the model was trained on.
    #[error("currency.base: the model was trained on amounts in {model}, the configuration converts to {configured}")]
    BaseCurrency {
        /// The model's.
        model: String,
        /// The configured one.
        configured: String,
    },
}

/// Reasons in a reply, unless all are asked for.
const N_REASONS: usize = 5;
/// Features shown behind a reason, unless all are asked for.
const N_EVIDENCE: usize = 3;

impl Engine {
    /// Puts a model under a rate table and a policy.
    ///
    /// # Errors
    /// [`EngineError::BaseCurrency`] where the model was trained on another base currency.
    pub fn new(
        model: Arc<Model>,
        model_ref: Arc<ModelRef>,
        rates: ExchangeRates,
        policy: impl Into<Policy>,
    ) -> Result<Self, EngineError> {
        let (trained, configured) = (model.body().rates.base.as_str(), rates.base());
        if trained != configured.as_str() {
            let configured = configured.as_str().to_owned();
            return Err(EngineError::BaseCurrency { model: trained.to_owned(), configured });
        }
        let (history_keys, grounds) = (history_keys(&model), grounds(&model));
        Ok(Self { model, model_ref, rates, policy: policy.into(), history_keys, grounds })
    }

    /// Decides about a parcel as of bucket `at`.
    pub fn assess(&self, parcel: &Parcel, history: &History, at: Bucket, explanation: Explanation) -> Decision {
        let keys = self.plan().keys(parcel, &self.rates);
        self.assess_with_keys(parcel, &keys, history, at, explanation)
    }

    /// As [`Engine::assess`], for a caller that has the parcel's keys already.
    pub fn assess_with_keys(
        &self,
        parcel: &Parcel,
        keys: &ParcelKeys,
        history: &History,
        at: Bucket,
        explanation: Explanation,
    ) -> Decision {
        self.assess_into(parcel, keys, (history, None), at, explanation, &mut FeatureRow::default()).0
    }

    /// As [`Engine::assess_with_keys`], by what passed of late too; `row` keeps the features that the decision rests on, and
    /// with the decision comes what the policy saw.
    pub fn assess_into(
        &self,
        parcel: &Parcel,
        keys: &ParcelKeys,
        (history, flow): (&History, Option<&Flow>),
        at: Bucket,
        explanation: Explanation,
        row: &mut FeatureRow,
    ) -> (Decision, Seen) {
        self.plan().fill(keys, &history.view(), at, row);
        let (raw_score, risks) = self.model.raw_score_and_risks(&row.values);
        let scores = self.calibrated(raw_score);
        let facts = Facts {
            parcel,
            risk_score: scores.risk_score,
            risk_percentile: scores.risk_percentile,
            raw_score: scores.raw_score,
            history: policy::History { names: &self.history_keys, counts: &row.counts },
        };
        let seen = self.policy.look(&facts, at, self.plan().spec().bucket_seconds);
        let routing = self.policy.route(&seen, at, flow);
        let mut decision =
            self.decide_scored(parcel.item_id.as_str(), parcel.advised_at, (row, scores, risks), explanation, routing);
        decision.notices.clone_from(&parcel.notices);
        decision.notices.extend(self.plan().notices(parcel, &self.rates));
        (decision, seen)
    }

    /// Decides by the features and the route alone: all of a decision but its notices.
    pub fn decide(
        &self,
        item_id: &str,
        advised_at: AdvisedAt,
        row: &FeatureRow,
        explanation: Explanation,
        routing: Routing,
    ) -> Decision {
        let (raw_score, risks) = self.model.raw_score_and_risks(&row.values);
        self.decide_scored(item_id, advised_at, (row, self.calibrated(raw_score), risks), explanation, routing)
    }

    fn decide_scored(
        &self,
        item_id: &str,
        advised_at: AdvisedAt,
        (row, scores, infringement_risks): (&FeatureRow, Scores, Vec<(InfringementKind, f64)>),
        explanation: Explanation,
        routing: Routing,
    ) -> Decision {
        let Scores { raw_score, risk_score, risk_percentile } = scores;
        let (n_reasons, n_evidence) = match explanation {
            Explanation::None => (0, 0),
            Explanation::WhereDue if routing.route.is_release() => (0, 0),
            // Nothing speaks against a parcel of the random control, or it would not be one.
            Explanation::WhereDue if routing.cause == RouteCause::RandomControl => (0, 0),
            Explanation::WhereDue | Explanation::Reasons => (N_REASONS, N_EVIDENCE),
            Explanation::Full => (usize::MAX, usize::MAX),
        };
        // Explanations are due, not free: exact ones cost more than the score.
        let (base, by_score) = match n_reasons {
            0 => (None, Vec::new()),
            _ => {
                let mut contributions = Vec::with_capacity(row.values.len());
                let base = self.model.contributions(&row.values, &mut contributions);
                (Some(base), self.reasons(row, &contributions, n_reasons, n_evidence))
            }
        };
        let due = match explanation {
            Explanation::None => false,
            Explanation::WhereDue => !routing.route.is_release(),
            Explanation::Reasons | Explanation::Full => true,
        };
        let mut reasons = if due { choices(&routing) } else { Vec::new() };
        reasons.extend(by_score);
        let decision_id = self.decision_id(item_id, advised_at, row, raw_score, &routing);
        let Routing { route, cause: route_cause, selection_probability, rules: matched_rules } = routing;
        Decision {
            decision_id,
            item_id: item_id.to_owned(),
            risk_score,
            risk_percentile,
            route,
            route_cause,
            selection_probability,
            matched_rules,
            infringement_risks,
            reasons,
            notices: Vec::new(),
            model: Arc::clone(&self.model_ref),
            policy_version: Arc::clone(self.policy.version()),
            raw_score: base
                .filter(|_| explanation == Explanation::Full)
                .map(|base_log_odds| RawScore { log_odds: raw_score, base_log_odds }),
        }
    }

    /// Only the scores of the parcel of `keys` as of bucket `at`; `row` keeps the features they rest on.
    pub fn score(&self, keys: &ParcelKeys, history: &History, at: Bucket, row: &mut FeatureRow) -> Scores {
        self.plan().fill(keys, &history.view(), at, row);
        self.scores(row)
    }

    /// The scores of a parcel with these features.
    pub fn scores(&self, row: &FeatureRow) -> Scores {
        self.calibrated(self.model.raw_score(&row.values))
    }

    fn calibrated(&self, raw_score: f64) -> Scores {
        let body = self.model.body();
        Scores {
            raw_score,
            risk_score: body.calibration.probability(raw_score),
            risk_percentile: body.reference.percentile(raw_score),
        }
    }

    /// The bucket that a parcel advised at this time is decided in.
    pub fn bucket_of(&self, advised_at: AdvisedAt) -> Bucket {
        self.plan().bucket_of(advised_at)
    }

    /// The feature code of the model.
    pub fn plan(&self) -> &FeaturePlan {
        self.model.plan()
    }

    /// The model that decides.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Its name, version and digest.
    pub fn model_ref(&self) -> &Arc<ModelRef> {
        &self.model_ref
    }

    /// The policy that routes.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The same under another policy.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// What passed of late for this model and policy, with nothing in it yet.
    pub fn flow(&self) -> Flow {
        self.policy.flow(self.plan().spec().bucket_seconds, self.model.body().reference.scores())
    }

    /// Names of the history keys, as rules call them.
    pub fn history_keys(&self) -> &[String] {
        &self.history_keys
    }

    /// The rate table that amounts are converted by.
    pub fn rates(&self) -> &ExchangeRates {
        &self.rates
    }

    /// Contributions gathered by ground, largest magnitude first.
    fn reasons(&self, row: &FeatureRow, contributions: &[f64], most: usize, most_evidence: usize) -> Vec<Reason> {
        let share = |idx: &usize| contributions.get(*idx).copied().unwrap_or(0.0);
        let mut grounds: Vec<(f64, &(ReasonCode, Vec<usize>))> =
            self.grounds.iter().map(|ground| (ground.1.iter().map(share).sum(), ground)).collect();
        grounds.sort_by(|(a, _), (b, _)| b.abs().total_cmp(&a.abs()));
        grounds.truncate(most);
        let reason = |(contribution, (code, features)): (f64, &(ReasonCode, Vec<usize>))| {
            let mut features = features.clone();
            features.sort_by(|a, b| share(b).abs().total_cmp(&share(a).abs()));
            let known = self.loudest_history(row, &features, contribution, share);
            let evidence = features.iter().filter_map(|idx| {
                let value = f64::from(*row.values.get(*idx)?);
                let feature = Arc::clone(&self.plan().features().get(*idx)?.name);
                value.is_finite().then_some(Evidence { feature, value })
            });
            Reason {
                code: *code,
                contribution_log_odds: contribution,
                known,
                words: None,
                evidence: evidence.take(most_evidence).collect(),
            }
        };
        grounds.into_iter().map(reason).collect()
    }

    /// The history behind a ground: of the keys that the parcel states and that speak the same way as the whole ground, the
    /// one that speaks loudest, both of its features together; of those that speak otherwise where none does. `None` where
    /// it states none of them: that one of many is missing does not leave a sender without a name.
    fn loudest_history(
        &self,
        row: &FeatureRow,
        features: &[usize],
        contribution: f64,
        share: impl Fn(&usize) -> f64,
    ) -> Option<Counts> {
        let mut by_key: Vec<(usize, f64)> = Vec::new();
        for idx in features {
            if let Some(key) = self.plan().features().get(*idx).and_then(|feature| feature.key) {
                match by_key.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, sum)) => *sum += share(idx),
                    None => by_key.push((key, share(idx))),
                }
            }
        }
        let stated = by_key.into_iter().filter_map(|(key, share)| {
            let counts = row.counts.get(key).copied().flatten()?;
            Some((share * contribution >= 0.0, share.abs(), key, counts))
        });
        // Of equals, the one of the last key.
        let loudest = stated.max_by(|(way, a, one, _), (other_way, b, other, _)| {
            way.cmp(other_way).then(a.total_cmp(b)).then(one.cmp(other))
        });
        loudest.map(|(.., counts)| counts)
    }

    fn decision_id(
        &self,
        item_id: &str,
        advised_at: AdvisedAt,
        row: &FeatureRow,
        raw_score: f64,
        routing: &Routing,
    ) -> Uuid {
        Grounds::identify(advised_at, |grounds| {
            grounds.add(item_id.as_bytes());
            grounds.add(self.model_ref.digest.as_bytes());
            grounds.add(self.policy.version().as_bytes());
            grounds.add_features(&row.values);
            grounds.add(&raw_score.to_bits().to_le_bytes());
            grounds.add(&[routing.route as u8]);
            if matches!(self.policy, Policy::File(_)) {
                // Thresholds follow what passes, so equal scores may be routed in other ways, by other chances.
                grounds.add(&[routing.cause as u8]);
                grounds.add(&routing.selection_probability.to_bits().to_le_bytes());
            }
        })
    }
}

/// The features that speak for each ground.
fn grounds(model: &Model) -> Arc<[(ReasonCode, Vec<usize>)]> {
    let mut grounds: BTreeMap<ReasonCode, Vec<usize>> = BTreeMap::new();
    for (idx, feature) in model.plan().features().iter().enumerate() {
        grounds.entry(feature.reason).or_default().push(idx);
    }
    grounds.into_iter().collect()
}

fn history_keys(model: &Model) -> Arc<[String]> {
    model.plan().spec().keys.iter().map(|key| key.name.clone()).collect()
}

/// Why the policy chose a parcel, apart from its score.
fn choices(routing: &Routing) -> Vec<Reason> {
    let reason = |code, words: Option<&Words>| Reason {
        code,
        contribution_log_odds: 0.0,
        known: None,
        words: words.cloned(),
        evidence: Vec::new(),
    };
    let drawn = match routing.cause {
        RouteCause::RandomControl => Some(ReasonCode::RandomControl),
        RouteCause::Exploration => Some(ReasonCode::Exploration),
        RouteCause::Score | RouteCause::Rule => None,
    };
    let rules = routing.rules.iter().map(|rule| reason(ReasonCode::Rule, Some(&rule.reason)));
    drawn.map(|code| reason(code, None)).into_iter().chain(rules).collect()
}
