//! All services behind an address, of which the one that scores is found first.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::future::Either;
use tonic::body::Body;
use tonic::service::Routes;
use tower_service::Service;

use super::service::ScoringServer;

/// Hands a call to its service. A router has what is sent and what is answered boxed three times on the way, which takes a
/// microsecond a call.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// `None` where parcels are scored elsewhere.
    pub(super) scoring: Option<ScoringServer>,
    pub(super) others: Routes,
}

impl Service<http::Request<Body>> for Served {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Either<
        <ScoringServer as Service<http::Request<Body>>>::Future,
        <Routes as Service<http::Request<Body>>>::Future,
    >;

    fn poll_ready(&mut self, ctx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The one that scores always is.
        Service::<http::Request<Body>>::poll_ready(&mut self.others, ctx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match &mut self.scoring {
            Some(scoring) if ScoringServer::has(request.uri().path()) => Either::Left(scoring.call(request)),
            _ => Either::Right(self.others.call(request)),
        }
    }
}
