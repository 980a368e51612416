//! After a restart: models are again what the ledger says they were.

use std::sync::Arc;

use super::Recorder;
use super::lifecycle::{Held, Known, Lifecycle};
use crate::artifact::Artifact;
use crate::engine::ModelRef;
use crate::registry::{Believed, Happened, ModelEvent, Remembered, RememberedModel};
use crate::telemetry::fields;

impl Lifecycle {
    /// Takes up what the ledger has of models: what was rejected and why, the champion before, and the challenger with its
    /// share of the items. Both read the registry anew and must prove themselves again; what they passed beside the champion
    /// is not asked again. Their histories are folded from the ledger, which takes as long as at the start.
    ///
    /// A model that is not at hand any more is left out, and the log says so: nothing that decides depends on it.
    pub fn resume(&self) {
        let Ok(_one) = self.one_at_a_time() else { return };
        let Ok(Some(recorder)) = self.recorder() else { return };
        let remembered = match Remembered::read(recorder.reader()) {
            Ok(remembered) => remembered,
            Err(error) => {
                tracing::error!({ fields::ERROR } = %error, "what became of models can't be read from the ledger");
                return;
            }
        };
        let champion = {
            let mut roles = self.roles();
            for (place, model) in remembered.models {
                let RememberedModel { model, report, rejection, .. } = model;
                let digest = Some(model.digest).filter(|digest| !digest.is_empty());
                roles.known.entry(place).or_insert(Known { digest, rejection, report });
            }
            Arc::clone(&roles.champion)
        };
        // A server that was started with another model has no champion before.
        let previous = remembered.previous.filter(|_| remembered.champion.as_ref() == Some(champion.model()));
        if let Some(held) = previous.and_then(|previous| self.held_again(&recorder, &previous)) {
            let mut roles = self.roles();
            if Arc::ptr_eq(&roles.champion, &champion) {
                roles.previous = Some(held);
            } else if let Some(lane) = &held.lane {
                drop(roles);
                recorder.forget(lane);
            }
        }
        let challenger = remembered.challenger.filter(|challenger| challenger.model != *champion.model());
        let Some(challenger) = challenger else { return };
        let Some(held) = self.held_again(&recorder, &challenger) else { return };
        if self.enters(&held).is_err() {
            held.lane.iter().for_each(|lane| recorder.forget(lane));
            return;
        }
        self.roles().challenger = Some(held);
        if let Some(share) = remembered.canary_share
            && self.set_canary(&challenger.model.digest, share).is_err()
        {
            tracing::error!({ fields::MODEL_VERSION } = challenger.model.version, "the canary decides about nothing");
        }
    }

    fn held_again(&self, recorder: &Recorder, remembered: &RememberedModel) -> Option<Arc<Held>> {
        let RememberedModel { model, report, unix_seconds, .. } = remembered;
        let not_at_hand = |why: &str| {
            tracing::warn!(
                { fields::MODEL_NAME } = model.name,
                { fields::MODEL_VERSION } = model.version,
                { fields::MODEL_DIGEST } = model.digest,
                "a model is not held ready again: {why}"
            );
            None
        };
        let Some((believed, is_given)) = self.find(model, remembered) else {
            return not_at_hand("it is not in the registry as it was");
        };
        let engine = match self.engine(&believed) {
            Ok(engine) => engine,
            Err(finding) => return not_at_hand(&finding.why),
        };
        let event = ModelEvent { signer: believed.signer_name(), ..ModelEvent::new(Happened::Resumed, model) };
        match recorder.follow(&believed.artifact, &engine, &event) {
            Ok(lane) => {
                let (report, since_unix_seconds) = (report.clone(), *unix_seconds);
                Some(Arc::new(Held { believed, is_given, lane: Some(lane), report, since_unix_seconds }))
            }
            Err(error) => not_at_hand(&error.to_string()),
        }
    }

    /// The artifact, and whether it is trusted without a signature.
    fn find(&self, model: &ModelRef, remembered: &RememberedModel) -> Option<(Believed, bool)> {
        if let Ok(believed) = self.shelf.take(&remembered.place()) {
            return (**believed.artifact.model_ref() == *model).then_some((believed, false));
        }
        let built_in = Artifact::embedded().ok()?;
        let is_it = **built_in.model_ref() == *model;
        is_it.then(|| (Believed { artifact: built_in.clone(), signer: None }, true))
    }
}
