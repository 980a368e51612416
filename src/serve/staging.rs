//! From a directory of the registry to a challenger in the shadow: everything that a model must show before.

use std::sync::Arc;

use super::lifecycle::{Held, Known, Lifecycle};
use super::status::Refusal;
use crate::engine::{Engine, ModelRef};
use crate::ledger::LedgerError;
use crate::registry::{
    Believed, Check, Contender, DrawnRows, Finding, Happened, LiveRows, ModelEvent, Place, ReferenceSet, Report, Trial,
    Verdict,
};
use crate::telemetry::fields;

/// Whatever becomes of a model that is staged, then it is staged no more.
struct Ends<'a>(&'a Lifecycle);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.roles().staging = None;
    }
}

impl Lifecycle {
    /// Makes a model of the registry the challenger. It takes seconds, or minutes where the ledger tells much that the model
    /// was not trained on, and nothing that serves waits for it.
    pub(super) fn stage(&self, place: &Place) -> Result<(), Refusal> {
        let _one = self.one_at_a_time()?;
        let places = self.shelf.places().map_err(|_| Refusal::ModelState("registry.path can't be read"))?;
        if !places.contains(place) {
            return Err(Refusal::NoSuchModel { name: place.name.clone(), version: place.version.clone() });
        }
        // Whoever asks meanwhile is told of it, also where nobody has looked there before.
        let mut roles = self.roles();
        roles.staging = Some(place.clone());
        roles.known.entry(place.clone()).or_default();
        drop(roles);
        let _until_it_ended = Ends(self);
        let believed = self.take(place)?;
        let model = Arc::clone(believed.artifact.model_ref());
        let champion = Arc::clone(&self.roles().champion);
        if champion.model().digest == model.digest {
            return Err(Refusal::ModelState("this model decides already"));
        }
        let engine = match self.engine(&believed) {
            Ok(engine) => engine,
            Err(finding) => return Err(self.reject(place, &model, Report { findings: vec![finding] })),
        };
        let report = self.tried(&champion, &believed, &engine)?;
        if report.failure().is_some() {
            return Err(self.reject(place, &model, report));
        }
        let signer = believed.signer_name();
        let event =
            |what| ModelEvent { signer: signer.clone(), report: report.clone(), ..ModelEvent::new(what, &model) };
        let recorder = self.recorder()?;
        let lane = match &recorder {
            None => None,
            Some(recorder) => {
                // It stays the champion's rival, and the one before stays ready.
                let lane = recorder.follow(&believed.artifact, &engine, &event(Happened::Passed));
                Some(lane.map_err(|error| Refusal::unreadable(&error))?)
            }
        };
        let held = Arc::new(Held::new(believed, false, lane, report.clone()));
        let before = match self.becomes_challenger(&held) {
            Ok(before) => before,
            Err(refusal) => {
                if let (Some(recorder), Some(lane)) = (&recorder, &held.lane) {
                    recorder.forget(lane);
                }
                return Err(refusal);
            }
        };
        let known = Known { digest: Some(model.digest.clone()), rejection: None, report: report.clone() };
        self.roles().known.insert(place.clone(), known);
        if let Some(recorder) = recorder {
            if let Some(lane) = before.and_then(|before| before.lane.clone()) {
                recorder.forget(&lane);
            }
            self.note(&recorder.note(&event(Happened::Staged)));
        }
        let share = self.shelf.canary_share();
        if share > 0.0
            && let Err(refusal) = self.set_canary(&model.digest, share)
        {
            tracing::warn!({ fields::ERROR } = ?refusal, "the challenger stays in the shadow (registry.canary_share)");
        }
        tracing::info!(
            { fields::MODEL_NAME } = model.name,
            { fields::MODEL_VERSION } = model.version,
            { fields::MODEL_DIGEST } = model.digest,
            "a challenger is in the shadow"
        );
        Ok(())
    }

    /// A model in the place of the challenger before, which is returned. Roles may have changed while it was made ready.
    fn becomes_challenger(&self, held: &Arc<Held>) -> Result<Option<Arc<Held>>, Refusal> {
        let mut roles = self.roles();
        if roles.champion.model().digest == held.model().digest {
            return Err(Refusal::ModelState("this model decides already"));
        }
        // The one before decides about some items, perhaps: it is a challenger no more.
        self.end_canary_of(&mut roles)?;
        self.enters(held)?;
        Ok(roles.challenger.replace(Arc::clone(held)))
    }

    /// A model enters the shadow, in the place of another.
    pub(super) fn enters(&self, held: &Held) -> Result<(), Refusal> {
        let artifact = &held.believed.artifact;
        let challenger = self.scorer.load().with_model(artifact, Arc::clone(artifact.settled_history()));
        let challenger = challenger.map_err(|_| Refusal::Internal)?;
        let entered = self.shadow.enter(challenger, held.lane.clone(), Arc::clone(&self.scorer));
        entered.map_err(|_| Refusal::Internal)
    }

    /// Looks into the registry, and proves what it has not seen there before.
    pub fn look(&self) {
        let places = match self.shelf.places() {
            Ok(places) => places,
            Err(error) => {
                tracing::warn!({ fields::ERROR } = %error, "registry.path can't be read");
                return;
            }
        };
        self.roles().known.retain(|place, _| places.contains(place));
        for place in &places {
            // What is being copied there may be half of it now, and whole at the next look.
            let is_due = self.roles().known.get(place).is_none_or(Known::may_have_been_half);
            if is_due {
                // Whatever comes of it is kept, and told by ListModels.
                let _ = self.take(place);
            }
        }
    }

    /// Reads a model and lets it prove itself.
    fn take(&self, place: &Place) -> Result<Believed, Refusal> {
        let unread = |digest: Option<String>| ModelRef {
            name: place.name.clone(),
            version: place.version.clone(),
            digest: digest.unwrap_or_default(),
        };
        let believed = match self.shelf.take(place) {
            Ok(believed) => believed,
            Err((finding, digest)) => {
                return Err(self.reject(place, &unread(digest), Report { findings: vec![finding] }));
            }
        };
        let model = Arc::clone(believed.artifact.model_ref());
        let before = {
            let mut roles = self.roles();
            let known = roles.known.entry(place.clone()).or_default();
            known.digest.get_or_insert_with(|| model.digest.clone()).clone()
        };
        if before != model.digest {
            let why = format!("this version was another artifact before, sha256:{before}: a version never changes");
            return Err(self.reject(place, &model, Report { findings: vec![Finding::failed(Check::Identity, why)] }));
        }
        if let Some(known) = self.roles().known.get_mut(place).filter(|known| known.may_have_been_half()) {
            (known.rejection, known.report) = (None, Report::default());
        }
        Ok(believed)
    }

    /// The model under what serves.
    pub(super) fn engine(&self, believed: &Believed) -> Result<Engine, Finding> {
        let serving = self.scorer.load();
        let (artifact, serving) = (&believed.artifact, serving.engine());
        let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
        let engine = Engine::new(model, model_ref, serving.rates().clone(), serving.policy().clone());
        let engine = engine.map_err(|error| Finding::failed(Check::Configuration, error.to_string()))?;
        // Rules name history keys, and were compiled for those of the model that serves.
        if serving.policy().text().is_some() && engine.history_keys() != serving.history_keys() {
            let why =
                "its history keys have other names, which the policy's rules may ask for: start anew with --model";
            return Err(Finding::failed(Check::Configuration, why));
        }
        Ok(engine)
    }

    /// Everything that is asked of a model beside the champion.
    fn tried(&self, champion: &Held, believed: &Believed, engine: &Engine) -> Result<Report, Refusal> {
        let live = match self.recorder()? {
            None => LiveRows::default(),
            Some(recorder) => {
                let most = usize::try_from(self.gate.live_parcels).unwrap_or(usize::MAX);
                let read = LiveRows::read(recorder.reader(), most);
                read.map_err(|error| Refusal::unreadable(&error))?
            }
        };
        let drawn = match self.recorder()? {
            None => DrawnRows::default(),
            Some(recorder) => DrawnRows::read(recorder.reader()).map_err(|error| Refusal::unreadable(&error))?,
        };
        let serving = self.scorer.load_full();
        let reference = self.reference().map(|path| ReferenceSet::read(&path, serving.limits())).transpose();
        let reference = match reference {
            Ok(reference) => reference,
            Err(error) => {
                tracing::error!({ fields::ERROR } = %error, "the reference set can't be read");
                return Err(Refusal::ModelState("the reference set (gate.reference) can't be read; the log says why"));
            }
        };
        let trial = Trial {
            champion: &Contender::new(&champion.believed.artifact, serving.engine().clone()),
            challenger: &Contender::new(&believed.artifact, engine.clone()),
            reference: reference.as_ref(),
            live: &live,
            drawn: &drawn,
            config: &self.gate,
        };
        let mut report = trial.run();
        // What it proved before is told too.
        let proved = Check::ALL.iter().take_while(|check| **check < Check::Configuration).map(|check| match check {
            Check::Signature if believed.signer.is_none() => {
                Finding::skipped(*check, "nobody vouches for it (registry.allow_unsigned)")
            }
            check => Finding::passed(*check),
        });
        report.findings.splice(0..0, proved);
        Ok(report)
    }

    /// Keeps why a model may not be used, and says so.
    fn reject(&self, place: &Place, model: &ModelRef, report: Report) -> Refusal {
        let Some(finding) = report.failure().cloned() else { return Refusal::Internal };
        debug_assert_eq!(finding.verdict, Verdict::Failed);
        let is_news = {
            let mut roles = self.roles();
            let known: &mut Known = roles.known.entry(place.clone()).or_default();
            known.report = report.clone();
            known.rejection.replace(finding.clone()).as_ref() != Some(&finding)
        };
        if is_news {
            self.metrics.model_rejected(finding.check.as_str());
            tracing::error!(
                { fields::MODEL_NAME } = place.name,
                { fields::MODEL_VERSION } = place.version,
                { fields::ERROR } = finding.why,
                "the model is rejected: it did not pass the check {}",
                finding.check.as_str()
            );
            if let Ok(Some(recorder)) = self.recorder() {
                let event = ModelEvent {
                    rejection: Some(finding.clone()),
                    report,
                    ..ModelEvent::new(Happened::Rejected, model)
                };
                self.note(&recorder.note(&event));
            }
        }
        Refusal::ModelRejected { check: finding.check.as_str(), why: finding.why }
    }

    /// An event that is not on record changes nothing about who decides.
    fn note(&self, noted: &Result<(), LedgerError>) {
        if let Err(error) = noted {
            tracing::error!({ fields::ERROR } = %error, "what became of a model is not on record");
        }
    }
}
