//! What happens to models by itself: promotion where a policy of it is set, and the way back from a champion that is slow.

use std::time::{SystemTime, UNIX_EPOCH};

use super::lifecycle::Lifecycle;
use crate::registry::{Happened, Report, better_by_outcomes};
use crate::telemetry::fields;

impl Lifecycle {
    /// Looks whether something is due. Called as often as the registry is looked into.
    pub fn consider(&self) {
        self.consider_rollback();
        self.consider_promotion();
    }

    /// A champion whose decisions take longer than those of the one before, by more than the ratio, gives way to it.
    fn consider_rollback(&self) {
        let config = &self.gate;
        if config.rollback_latency_ratio <= 0.0 {
            return;
        }
        let versions = {
            let roles = self.roles();
            let Some(previous) = &roles.previous else { return };
            [roles.champion.model().version.clone(), previous.model().version.clone()]
        };
        let [champion, previous] = versions.map(|version| self.metrics.median_seconds_of(&version, LEAST_TIMED));
        let (Some(champion), Some(previous)) = (champion, previous) else { return };
        let ratio = champion / previous;
        if ratio > config.rollback_latency_ratio {
            tracing::error!("the champion takes {ratio:.1} times as long as the one before: it gives way");
            if let Err(refusal) = self.roll_back(Happened::RolledBackByLatency) {
                tracing::error!({ fields::ERROR } = ?refusal, "it could not be rolled back");
            }
        }
    }

    /// Promotes a challenger that has been in the shadow as long as the policy asks, and that outcomes speak for.
    fn consider_promotion(&self) {
        if !self.gate.promote_automatically {
            return;
        }
        let Some(challenger) = self.roles().challenger.clone() else { return };
        let Some(watch) = self.shadow.watch().filter(|watch| *watch.model() == *challenger.model()) else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let days = (i64::try_from(now).unwrap_or(i64::MAX) - challenger.since_unix_seconds) as f64 / 86_400.0;
        let outcomes = watch.comparison().paired_outcomes();
        let finding = better_by_outcomes(days, &outcomes, &self.gate);
        if !finding.holds() {
            tracing::debug!("the challenger is not promoted yet: {}", finding.why);
            return;
        }
        let digest = challenger.model().digest.clone();
        let report = Report { findings: vec![finding] };
        if let Err(refusal) = self.promote_as(&digest, Happened::PromotedByPolicy, report) {
            tracing::error!({ fields::ERROR } = ?refusal, "the challenger could not be promoted");
        }
    }
}

/// Decisions of each model before their times are compared.
const LEAST_TIMED: u64 = 1000;
