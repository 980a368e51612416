//! A challenger that decides about a share of the items: always the same ones, by a hash of their identifier.

use std::sync::Arc;

use super::Recorder;
use super::lanes::Lane;
use super::lifecycle::{Held, Lifecycle, Roles};
use super::status::Refusal;
use crate::registry::{Happened, ModelEvent};
use crate::telemetry::fields;

impl Lifecycle {
    /// Share of the items that the challenger decides about.
    pub fn canary_share(&self) -> f64 {
        self.roles().canary_share
    }

    /// The challenger decides about `share` of the items from now on, 0 to below 1; about none for 0. It falls between two
    /// parcels, and is on record before the first decision that rests on it.
    pub(super) fn set_canary(&self, expected_digest: &str, share: f64) -> Result<(), Refusal> {
        if share <= 0.0 {
            self.roles().expected_challenger(expected_digest)?;
            return self.end_canary();
        }
        let mut roles = self.roles();
        let challenger = roles.challenger_to_decide(expected_digest)?;
        let recorder = self.recorder()?;
        let artifact = &challenger.believed.artifact;
        let champion = self.scorer.load_full();
        // History counts each item under the keys of one spec.
        if champion.engine().plan().spec().digest() != artifact.model().plan().spec().digest() {
            return Err(Refusal::ModelState(
                "the challenger reads other features than the champion: promote it as a whole",
            ));
        }
        let history = match &challenger.lane {
            Some(lane) => Arc::clone(&lane.history),
            None => Arc::clone(artifact.settled_history()),
        };
        let scorer = champion.with_model(artifact, history);
        let scorer = Arc::new(scorer.map_err(|_| Refusal::ModelState("it was trained on another base currency"))?);
        self.change_canary(
            recorder.as_deref(),
            challenger.lane.as_ref().map(|lane| (share, Arc::clone(lane))),
            &ModelEvent {
                share: Some(share),
                signer: challenger.signer(),
                ..ModelEvent::new(Happened::Canary, challenger.model())
            },
            || {
                self.scorer.rcu(|now| {
                    let policed = scorer.with_policy(now.engine().policy().clone());
                    now.with_canary(Some((share, Arc::new(policed))))
                });
            },
        )?;
        roles.canary_share = share;
        self.told_of(Happened::Canary, &challenger, share);
        Ok(())
    }

    /// The champion decides about all items again.
    pub(super) fn end_canary(&self) -> Result<(), Refusal> {
        self.end_canary_of(&mut self.roles())
    }

    pub(super) fn end_canary_of(&self, roles: &mut Roles) -> Result<(), Refusal> {
        let Some(challenger) = roles.challenger.clone().filter(|_| roles.canary_share > 0.0) else { return Ok(()) };
        let recorder = self.recorder()?;
        let event = ModelEvent { share: Some(0.0), ..ModelEvent::new(Happened::CanaryEnded, challenger.model()) };
        self.change_canary(recorder.as_deref(), None, &event, || {
            self.scorer.rcu(|now| now.with_canary(None));
        })?;
        roles.canary_share = 0.0;
        self.told_of(Happened::CanaryEnded, &challenger, 0.0);
        Ok(())
    }

    fn change_canary(
        &self,
        recorder: Option<&Recorder>,
        canary: Option<(f64, Arc<Lane>)>,
        event: &ModelEvent,
        store: impl FnOnce(),
    ) -> Result<(), Refusal> {
        match recorder {
            Some(recorder) => recorder.change_canary(canary, event, store).map_err(|error| Refusal::unreadable(&error)),
            None => {
                store();
                Ok(())
            }
        }
    }

    fn told_of(&self, what: Happened, challenger: &Held, share: f64) {
        self.metrics.model_changed(what.as_str());
        tracing::warn!(
            { fields::MODEL_NAME } = challenger.model().name,
            { fields::MODEL_VERSION } = challenger.model().version,
            { fields::MODEL_DIGEST } = challenger.model().digest,
            "the challenger decides about {share} of the items from now on"
        );
    }
}
