//! Staging takes longer than a call may: what is told meanwhile, and a command that waits.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::model_service_server::{ModelService, ModelServiceServer};
use parcel_risk::wire::{self, v1};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::{Place, first, promote, second, stage};
use crate::harness::start;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_that_is_on_its_way_is_told_as_that() {
    let place = Place::new();
    place.put(first());
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    // Of the registry, and then of what decided before.
    for artifact in [second(), first()] {
        let v1::ModelRef { name, version, .. } = wire::from_model_ref(artifact.model_ref());
        let asked = v1::GetModelRequest { name, version };
        let staging = tokio::spawn({
            let mut models = models.clone();
            async move { stage(&mut models, artifact).await }
        });
        let mut states = Vec::new();
        while !staging.is_finished() {
            // Before anybody looked, the registry's models are not known.
            if let Ok(got) = models.get_model(asked.clone()).await {
                states.push(got.into_inner().model.unwrap().state());
            }
        }
        staging.await.unwrap().unwrap();
        assert!(states.contains(&v1::ModelState::Staging), "{states:?}");
        let now = models.get_model(asked).await.unwrap().into_inner().model.unwrap();
        assert_eq!(now.state(), v1::ModelState::Challenger);
        promote(&mut models, artifact).await.unwrap();
    }
    drop((models, channel));
    server.stopped().await;
    drop(recorder);
}

/// A server whose deadline passes while it stages version 1, which comes to be the challenger, and version 2, which is
/// rejected.
#[derive(Default)]
struct Slow(AtomicUsize);

#[tonic::async_trait]
impl ModelService for Slow {
    async fn stage_model(&self, _: Request<v1::StageModelRequest>) -> Result<Response<v1::StageModelResponse>, Status> {
        Err(Status::deadline_exceeded("the deadline passed before the answer was ready"))
    }

    async fn get_model(&self, asked: Request<v1::GetModelRequest>) -> Result<Response<v1::GetModelResponse>, Status> {
        let v1::GetModelRequest { name, version } = asked.into_inner();
        let is_staged = self.0.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        let failed = v1::ModelCheck {
            check: "hostile".to_owned(),
            verdict: v1::CheckVerdict::Failed.into(),
            why: "it is".to_owned(),
            ..v1::ModelCheck::default()
        };
        let (state, checks) = match (is_staged, version.as_str()) {
            (false, _) => (v1::ModelState::Staging, Vec::new()),
            (true, "1") => (v1::ModelState::Challenger, Vec::new()),
            (true, _) => (v1::ModelState::Rejected, vec![failed]),
        };
        let r#ref = Some(v1::ModelRef { name, version, digest: "d".to_owned() });
        let model = v1::ModelInfo { r#ref, state: state.into(), checks, ..v1::ModelInfo::default() };
        Ok(Response::new(v1::GetModelResponse { model: Some(model) }))
    }

    async fn list_models(&self, _: Request<v1::ListModelsRequest>) -> Result<Response<v1::ListModelsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn promote_model(
        &self,
        _: Request<v1::PromoteModelRequest>,
    ) -> Result<Response<v1::PromoteModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn set_canary_share(
        &self,
        _: Request<v1::SetCanaryShareRequest>,
    ) -> Result<Response<v1::SetCanaryShareResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn roll_back_model(
        &self,
        _: Request<v1::RollBackModelRequest>,
    ) -> Result<Response<v1::RollBackModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn compare_models(
        &self,
        _: Request<v1::CompareModelsRequest>,
    ) -> Result<Response<v1::CompareModelsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_waits_for_a_server_that_goes_on_staging() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = Server::builder().add_service(ModelServiceServer::new(Slow::default()));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    for (version, code, told) in [
        ("1", 0, "challenger line 1 sha256:d\n"),
        ("2", 1, "parcel-risk: the model did not pass the check hostile: it is\n"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
        command.args(["model", "stage", "--server", &address, "line", version]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert_eq!((output.status.code(), said.as_str()), (Some(code), told));
    }
}
