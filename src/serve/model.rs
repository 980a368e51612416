//! `ModelService`: which model decides.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tonic::{Request, Response, Status};

use super::Scorer;
use super::status::Refusal;
use crate::wire::v1;

/// Tells of the one model that serves.
#[derive(Debug)]
pub(super) struct Models {
    scorer: Arc<ArcSwap<Scorer>>,
}

impl Models {
    pub(super) fn new(scorer: Arc<ArcSwap<Scorer>>) -> Self {
        Self { scorer }
    }
}

const LACKS: &str = "a change of model needs the model registry";

#[tonic::async_trait]
impl v1::model_service_server::ModelService for Models {
    async fn list_models(&self, _: Request<v1::ListModelsRequest>) -> Result<Response<v1::ListModelsResponse>, Status> {
        Ok(Response::new(v1::ListModelsResponse { models: vec![self.scorer.load().model().clone()] }))
    }

    /// An empty name or version asks for any, so an empty request for the champion.
    async fn get_model(&self, request: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        let v1::GetModelRequest { name, version } = request.into_inner();
        let scorer = self.scorer.load();
        let model = scorer.model();
        let fits = |asked: &str, is: &str| asked.is_empty() || asked == is;
        if !model.r#ref.as_ref().is_some_and(|is| fits(&name, &is.name) && fits(&version, &is.version)) {
            return Err(Refusal::NoSuchModel { name, version }.into());
        }
        Ok(Response::new(v1::GetModelResponse { model: Some(model.clone()) }))
    }

    async fn stage_model(&self, _: Request<v1::StageModelRequest>) -> Result<Response<v1::StageModelResponse>, Status> {
        Err(Refusal::NotServed { method: "StageModel", lacks: LACKS }.into())
    }

    async fn promote_model(
        &self,
        _: Request<v1::PromoteModelRequest>,
    ) -> Result<Response<v1::PromoteModelResponse>, Status> {
        Err(Refusal::NotServed { method: "PromoteModel", lacks: LACKS }.into())
    }

    async fn roll_back_model(
        &self,
        _: Request<v1::RollBackModelRequest>,
    ) -> Result<Response<v1::RollBackModelResponse>, Status> {
        Err(Refusal::NotServed { method: "RollBackModel", lacks: LACKS }.into())
    }
}
