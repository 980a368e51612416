//! `ModelService`: which model decides, and how another takes its place.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tonic::{Request, Response, Status};

use super::lifecycle::{Held, Known};
use super::scorer::model_info;
use super::status::Refusal;
use super::{Lifecycle, Scorer};
use crate::parcel::{Problem, Violation};
use crate::reasons::Language;
use crate::registry::{Disagreement, Finding, Happened, MAX_CANARY_SHARE, Place, Report, Verdict};
use crate::wire::{self, v1};

/// Tells of the models, and changes which one decides where there is a registry.
#[derive(Debug)]
pub(super) struct Models {
    scorer: Arc<ArcSwap<Scorer>>,
    lifecycle: Option<Arc<Lifecycle>>,
}

/// Disagreements in a reply, unless another number is asked for.
const N_DISAGREEMENTS: usize = 20;
/// Most of them.
const MOST_DISAGREEMENTS: usize = 100;

impl Models {
    pub(super) fn new(scorer: Arc<ArcSwap<Scorer>>, lifecycle: Option<Arc<Lifecycle>>) -> Self {
        Self { scorer, lifecycle }
    }

    fn lifecycle(&self, method: &'static str) -> Result<Arc<Lifecycle>, Refusal> {
        self.lifecycle.clone().ok_or(Refusal::NoRegistry { method })
    }

    /// Every model that is known of, the champion first.
    fn models(&self) -> Vec<v1::ModelInfo> {
        let champion = self.scorer.load().model().clone();
        let Some(lifecycle) = &self.lifecycle else { return vec![champion] };
        let roles = lifecycle.roles();
        let mut models =
            vec![v1::ModelInfo { signer: roles.champion.signer(), checks: checks(&roles.champion.report), ..champion }];
        models.extend(roles.challenger.iter().map(|held| v1::ModelInfo {
            canary_share: roles.canary_share,
            ..held_info(held, v1::ModelState::Challenger)
        }));
        models.extend(roles.previous.iter().map(|held| held_info(held, v1::ModelState::Previous)));
        let held: Vec<_> = models.iter().filter_map(|model| Some(model.r#ref.as_ref()?.digest.clone())).collect();
        let others = roles.known.iter().filter(|(_, known)| {
            known.digest.as_ref().is_none_or(|digest| known.rejection.is_some() || !held.contains(digest))
        });
        models.extend(others.map(|(place, known)| known_info(place, known)));
        if let Some(place) = &roles.staging {
            let is_it = |is: &v1::ModelRef| is.name == place.name && is.version == place.version;
            for model in models.iter_mut().filter(|model| model.r#ref.as_ref().is_some_and(is_it)) {
                // One that decides or scores in the shadow does so meanwhile.
                if !matches!(model.state(), v1::ModelState::Champion | v1::ModelState::Challenger) {
                    model.set_state(v1::ModelState::Staging);
                }
            }
        }
        models
    }

    /// Does `work`, which may wait for the ledger or take long, on a thread for such work; then tells of the champion.
    async fn work(
        &self,
        method: &'static str,
        work: impl FnOnce(&Lifecycle) -> Result<(), Refusal> + Send + 'static,
    ) -> Result<(), Refusal> {
        let lifecycle = self.lifecycle(method)?;
        // A call that is cancelled leaves it at work: what was begun is done whole.
        tokio::task::spawn_blocking(move || work(&lifecycle)).await.map_err(|_| Refusal::Internal)?
    }
}

#[tonic::async_trait]
impl v1::model_service_server::ModelService for Models {
    async fn list_models(&self, _: Request<v1::ListModelsRequest>) -> Result<Response<v1::ListModelsResponse>, Status> {
        Ok(Response::new(v1::ListModelsResponse { models: self.models() }))
    }

    /// An empty name or version asks for any, so an empty request for the champion.
    async fn get_model(&self, request: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        let v1::GetModelRequest { name, version } = request.into_inner();
        let fits = |asked: &str, is: &str| asked.is_empty() || asked == is;
        let is_asked = |model: &v1::ModelInfo| {
            model.r#ref.as_ref().is_some_and(|is| fits(&name, &is.name) && fits(&version, &is.version))
        };
        let found = self.models().into_iter().find(is_asked);
        let model = found.ok_or(Refusal::NoSuchModel { name, version })?;
        Ok(Response::new(v1::GetModelResponse { model: Some(model) }))
    }

    async fn stage_model(
        &self,
        request: Request<v1::StageModelRequest>,
    ) -> Result<Response<v1::StageModelResponse>, Status> {
        let v1::StageModelRequest { name, version } = request.into_inner();
        self.lifecycle("StageModel")?;
        for (field, text) in [("name", &name), ("version", &version)] {
            if text.is_empty() {
                return Err(Refusal::InvalidRequest(Violation::new(field, Problem::Required)).into());
            }
        }
        self.work("StageModel", move |lifecycle| lifecycle.stage(&Place { name, version })).await?;
        let challenger = self.lifecycle("StageModel")?.roles().challenger.clone();
        let model = challenger.map(|held| held_info(&held, v1::ModelState::Challenger));
        Ok(Response::new(v1::StageModelResponse { model }))
    }

    async fn promote_model(
        &self,
        request: Request<v1::PromoteModelRequest>,
    ) -> Result<Response<v1::PromoteModelResponse>, Status> {
        let v1::PromoteModelRequest { expected_digest } = request.into_inner();
        self.lifecycle("PromoteModel")?;
        if expected_digest.is_empty() {
            return Err(Refusal::InvalidRequest(Violation::new("expected_digest", Problem::Required)).into());
        }
        self.work("PromoteModel", move |lifecycle| lifecycle.promote(&expected_digest)).await?;
        Ok(Response::new(v1::PromoteModelResponse { champion: self.models().into_iter().next() }))
    }

    async fn set_canary_share(
        &self,
        request: Request<v1::SetCanaryShareRequest>,
    ) -> Result<Response<v1::SetCanaryShareResponse>, Status> {
        let v1::SetCanaryShareRequest { expected_digest, items_per_thousand } = request.into_inner();
        self.lifecycle("SetCanaryShare")?;
        if expected_digest.is_empty() {
            return Err(Refusal::InvalidRequest(Violation::new("expected_digest", Problem::Required)).into());
        }
        let share = f64::from(items_per_thousand) / 1000.0;
        if !(0.0..=MAX_CANARY_SHARE).contains(&share) {
            let max = (MAX_CANARY_SHARE * 1000.0) as i64;
            let problem = Problem::OutOfRange { got: items_per_thousand.into(), min: 0, max };
            return Err(Refusal::InvalidRequest(Violation::new("items_per_thousand", problem)).into());
        }
        self.work("SetCanaryShare", move |lifecycle| lifecycle.set_canary(&expected_digest, share)).await?;
        let challenger = self.models().into_iter().find(|model| model.state() == v1::ModelState::Challenger);
        Ok(Response::new(v1::SetCanaryShareResponse { challenger }))
    }

    async fn roll_back_model(
        &self,
        _: Request<v1::RollBackModelRequest>,
    ) -> Result<Response<v1::RollBackModelResponse>, Status> {
        self.work("RollBackModel", |lifecycle| lifecycle.roll_back(Happened::RolledBack)).await?;
        Ok(Response::new(v1::RollBackModelResponse { champion: self.models().into_iter().next() }))
    }

    async fn compare_models(
        &self,
        request: Request<v1::CompareModelsRequest>,
    ) -> Result<Response<v1::CompareModelsResponse>, Status> {
        let lifecycle = self.lifecycle("CompareModels")?;
        let asked = usize::try_from(request.into_inner().max_disagreements).unwrap_or(0);
        let most = if asked == 0 { N_DISAGREEMENTS } else { asked.min(MOST_DISAGREEMENTS) };
        let watch =
            lifecycle.shadow.watch().ok_or(Refusal::ModelState("there is no challenger: StageModel makes one"))?;
        let champion = self.scorer.load().model().r#ref.clone();
        // Precision over all outcomes takes milliseconds.
        let compared = tokio::task::spawn_blocking(move || {
            let comparison = watch.comparison();
            let found = comparison.found();
            v1::CompareModelsResponse {
                champion,
                challenger: Some(wire::from_model_ref(watch.model())),
                parcels: comparison.n_parcels(),
                shed: watch.n_shed(),
                routes: comparison
                    .routes()
                    .map(|(champion, challenger, parcels)| v1::RoutePair {
                        champion: champion as i32,
                        challenger: challenger as i32,
                        parcels,
                    })
                    .collect(),
                score_shift: comparison.score_shift(),
                disagreements: comparison.disagreements().take(most).map(disagreement).collect(),
                outcomes: Some(v1::ComparedOutcomes {
                    parcels: found.parcels,
                    infringements: found.infringements,
                    champion_average_precision: found.average_precision[0],
                    challenger_average_precision: found.average_precision[1],
                    champion_precision_at_tenth: found.precision_at_tenth[0],
                    challenger_precision_at_tenth: found.precision_at_tenth[1],
                }),
            }
        });
        Ok(Response::new(compared.await.map_err(|_| Refusal::Internal)?))
    }
}

fn held_info(held: &Held, state: v1::ModelState) -> v1::ModelInfo {
    v1::ModelInfo {
        r#ref: Some(wire::from_model_ref(held.model())),
        state: state.into(),
        signer: held.signer(),
        checks: checks(&held.report),
        ..model_info(&held.believed.artifact)
    }
}

fn known_info(place: &Place, known: &Known) -> v1::ModelInfo {
    let state = if known.rejection.is_some() { v1::ModelState::Rejected } else { v1::ModelState::Available };
    v1::ModelInfo {
        r#ref: Some(v1::ModelRef {
            name: place.name.clone(),
            version: place.version.clone(),
            digest: known.digest.clone().unwrap_or_default(),
        }),
        state: state.into(),
        checks: checks(&known.report),
        ..v1::ModelInfo::default()
    }
}

fn checks(report: &Report) -> Vec<v1::ModelCheck> {
    let check = |Finding { check, verdict, why, figures }: &Finding| v1::ModelCheck {
        check: check.as_str().to_owned(),
        verdict: match verdict {
            Verdict::Passed => v1::CheckVerdict::Passed,
            Verdict::Failed => v1::CheckVerdict::Failed,
            Verdict::Skipped => v1::CheckVerdict::Skipped,
        }
        .into(),
        why: why.clone(),
        figures: figures.iter().map(|figure| (figure.name.clone(), figure.value)).collect(),
    };
    report.findings.iter().map(check).collect()
}

fn disagreement(both: &Disagreement) -> v1::Disagreement {
    let [champion, challenger] =
        [&both.champion, &both.challenger].map(|decision| wire::from_decision(decision.clone(), Language::default()));
    v1::Disagreement {
        decision_id: both.decision_id.clone(),
        champion_route: champion.route,
        challenger_route: challenger.route,
        champion_risk_score: champion.risk_score,
        challenger_risk_score: challenger.risk_score,
        champion_reasons: champion.reasons,
        challenger_reasons: challenger.reasons,
    }
}
