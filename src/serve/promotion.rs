//! What happens to models by itself: promotion where a policy of it is set, and the way back from a champion that is slow.

use super::lifecycle::Lifecycle;
use crate::registry::{Happened, Report, better_by_outcomes};
use crate::telemetry::{fields, unix_seconds};

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
        let now = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
        let days = (now - challenger.since_unix_seconds) as f64 / 86_400.0;
        let (outcomes, n_found, mut looks) = {
            let comparison = watch.comparison();
            (comparison.paired_outcomes(), comparison.n_found(), comparison.looks)
        };
        let finding = better_by_outcomes(days, &outcomes, (&mut looks, n_found), &self.gate);
        watch.comparison().looks = looks;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::lifecycle::Held;
    use super::super::lifecycle::tests::lifecycle;
    use super::*;
    use crate::artifact::{Artifact, Manifest};
    use crate::policy::Route;
    use crate::registry::{Believed, GateConfig};

    /// Of whatever decides: it was held beside another one.
    #[test]
    fn a_rollback_has_the_challenger_begin_anew() {
        let sound = Artifact::embedded().unwrap();
        let of_version = |version: &str| {
            let manifest = Manifest { version: version.to_owned(), ..sound.manifest().clone() };
            let golden = sound.golden_parcels().take(1).collect();
            let artifact = Artifact::assemble(manifest, sound.model(), &sound.snapshot(), golden).unwrap();
            let believed = Believed { artifact, signer: None };
            Arc::new(Held { since_unix_seconds: 0, ..Held::new(believed, true, None, Report::default()) })
        };
        let (lifecycle, serving, _) = lifecycle(&sound, GateConfig::default());
        lifecycle.put(&mut lifecycle.roles(), &of_version("2"), Happened::Promoted, Report::default()).unwrap();
        let challenger = of_version("3");
        lifecycle.enters(&challenger).unwrap();
        lifecycle.roles().challenger = Some(challenger);
        let n_parcels = || lifecycle.shadow.watch().unwrap().comparison().n_parcels();
        lifecycle.shadow.watch().unwrap().comparison().add(1, (0.5, Route::Release), (0.5, Route::Release), 1.0);
        assert_eq!(n_parcels(), 1);
        lifecycle.roll_back(Happened::RolledBack).unwrap();
        assert_eq!(serving.load().engine().model_ref(), sound.model_ref());
        assert_eq!(n_parcels(), 0);
        let roles = lifecycle.roles();
        let challenger = roles.challenger.as_ref().unwrap();
        assert_eq!(challenger.model().version, "3");
        assert!(challenger.since_unix_seconds > 0);
    }

    #[test]
    fn a_challenger_that_outcomes_speak_for_is_promoted_only_where_that_is_set() {
        let sound = Artifact::embedded().unwrap();
        let manifest = Manifest { version: "next".to_owned(), ..sound.manifest().clone() };
        let golden = sound.golden_parcels().take(1).collect();
        let next = Artifact::assemble(manifest, sound.model(), &sound.snapshot(), golden).unwrap();
        for promote_automatically in [false, true] {
            let (promote_min_days, promote_min_outcomes) = (0, 100);
            let gate =
                GateConfig { promote_automatically, promote_min_days, promote_min_outcomes, ..GateConfig::default() };
            let (lifecycle, serving, metrics) = lifecycle(&sound, gate);
            let believed = Believed { artifact: next.clone(), signer: None };
            let held = Arc::new(Held::new(believed, false, None, Report::default()));
            lifecycle.enters(&held).unwrap();
            lifecycle.roles().challenger = Some(held);
            lifecycle.consider();
            assert_eq!(serving.load().engine().model_ref(), sound.model_ref(), "nothing speaks for it yet");
            let watch = lifecycle.shadow.watch().unwrap();
            for item in 0..300 {
                let (infringement, score) = (item % 10 == 0, (item * 37 % 101) as f64 / 202.0);
                let better = if infringement { score + 0.4 } else { score };
                watch.comparison().add(item, (score, Route::Open), (better, Route::Release), 0.01);
                watch.comparison().outcome(item, (1, 0), Some(infringement));
            }
            lifecycle.consider();
            let decides = if promote_automatically { &next } else { &sound };
            assert_eq!(serving.load().engine().model_ref(), decides.model_ref());
            let told = metrics.to_text(crate::telemetry::Observed::default());
            assert_eq!(told.contains("how=\"promoted_by_policy\"} 1\n"), promote_automatically, "{told}");
        }
    }
}
