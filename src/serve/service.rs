//! `RiskScoringService` as it is served: its methods by their names, each with a codec of its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::server::{Grpc, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tower_service::Service;

use super::answered::{Encoded, Reply, Results};
use super::codec::{Batch, ScoringCodec, Sent, Streamed};
use super::scoring::{Replies, Scoring};
use crate::wire::v1;
use crate::wire::v1::risk_scoring_service_server::SERVICE_NAME;

/// Its methods.
const SCORE_PARCEL: &str = "/ScoreParcel";
const SCORE_PARCELS: &str = "/ScoreParcels";
const STREAM_PARCELS: &str = "/StreamParcels";

/// The service of the contract.
#[derive(Clone, Debug)]
pub(super) struct ScoringServer {
    scoring: Arc<Scoring>,
    max_in: usize,
    max_out: usize,
}

impl ScoringServer {
    /// * `max_in`, `max_out`: most bytes of a message that is read, and written.
    pub(super) fn new(scoring: Scoring, max_in: usize, max_out: usize) -> Self {
        Self { scoring: Arc::new(scoring), max_in, max_out }
    }

    /// Whether a path is of this service.
    pub(super) fn has(path: &str) -> bool {
        !method_of(path).is_empty()
    }

    fn grpc<D: Sent, E: Encoded>(&self) -> Grpc<ScoringCodec<D, E>> {
        Grpc::new(ScoringCodec::default()).apply_max_message_size_config(Some(self.max_in), Some(self.max_out))
    }
}

/// The part of a path after the service's name, with its slash; empty where that is another.
fn method_of(path: &str) -> &str {
    let method = path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME));
    method.filter(|method| method.starts_with('/')).unwrap_or_default()
}

type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<http::Request<Body>> for ScoringServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match method_of(request.uri().path()) {
            SCORE_PARCEL => {
                let (mut grpc, method) = (self.grpc(), ScoreParcel(Arc::clone(&self.scoring)));
                Box::pin(async move { Ok(grpc.unary(method, request).await) })
            }
            SCORE_PARCELS => {
                let (mut grpc, method) = (self.grpc(), ScoreParcels(Arc::clone(&self.scoring)));
                Box::pin(async move { Ok(grpc.unary(method, request).await) })
            }
            STREAM_PARCELS => {
                let (mut grpc, method) = (self.grpc(), StreamParcels(Arc::clone(&self.scoring)));
                Box::pin(async move { Ok(grpc.streaming(method, request).await) })
            }
            _ => Box::pin(async { Ok(Status::unimplemented("").into_http()) }),
        }
    }
}

struct ScoreParcel(Arc<Scoring>);

impl UnaryService<v1::ScoreParcelRequest> for ScoreParcel {
    type Response = Reply;
    type Future = Later<Response<Reply>, Status>;

    fn call(&mut self, request: Request<v1::ScoreParcelRequest>) -> Self::Future {
        let answer = self.0.score_one(request);
        Box::pin(async move { Ok(Response::new(answer.await?)) })
    }
}

struct ScoreParcels(Arc<Scoring>);

impl UnaryService<Batch> for ScoreParcels {
    type Response = Vec<Results>;
    type Future = Later<Response<Vec<Results>>, Status>;

    fn call(&mut self, request: Request<Batch>) -> Self::Future {
        let scoring = Arc::clone(&self.0);
        Box::pin(async move { scoring.score_batch(request).await })
    }
}

struct StreamParcels(Arc<Scoring>);

impl StreamingService<Streamed> for StreamParcels {
    type Response = Results;
    type ResponseStream = Replies;
    type Future = std::future::Ready<Result<Response<Replies>, Status>>;

    fn call(&mut self, request: Request<Streaming<Streamed>>) -> Self::Future {
        std::future::ready(Ok(Response::new(self.0.score_stream(request))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::methods::Methods;

    #[test]
    fn every_method_of_the_contract_is_served() {
        let mut methods: Vec<_> = Methods::served().unwrap().names().map(method_of).collect();
        methods.retain(|method| !method.is_empty());
        assert_eq!(methods, [SCORE_PARCEL, SCORE_PARCELS, STREAM_PARCELS]);
    }
}
