//! HTTP/2 over the connections that come in, until the server stops.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tower_service::Service;

use super::ValidServe;
use super::call::SINGLE;
use super::drain::Drain;
use super::handshake::{Link, Peer};
use super::http2::{self, TurnTimer};
use super::in_hand::{Hand, InHand};
use super::incoming::Spoken;
use super::unread::{Called, Unread};
use super::wakes::Wakes;
use crate::telemetry::fields;

/// Answers the calls of each connection by `service`, until the drain has begun and all connections have ended.
///
/// * `at_leisure`: what a connection does when it has answered all calls that it has in hand.
/// * `unread`: where what is left of calls goes that are answered before they are read.
pub(super) async fn serve<S>(
    incoming: impl Stream<Item = io::Result<Spoken<Link>>>,
    service: S,
    at_leisure: impl Fn() + Clone + Send + Sync + 'static,
    config: &ValidServe,
    (drain, unread): (Drain, Unread),
) where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    // Each connection holds one end, so the other ends with the last of them.
    let (holds, mut all_over) = mpsc::channel::<()>(1);
    {
        // Let go before the last connection ends: whoever comes then is told at once that nobody listens.
        let mut incoming = pin!(incoming);
        let mut draining = drain.begun();
        loop {
            let io = tokio::select! {
                () = &mut draining => break,
                io = incoming.next() => io,
            };
            match io {
                Some(Ok(io)) => {
                    let (service, config, drain) = (service.clone(), config.clone(), drain.clone());
                    let (at_leisure, unread, hold) = (at_leisure.clone(), Arc::new(unread.clone()), holds.clone());
                    tokio::spawn(async move {
                        connection(io, service, at_leisure, &config, (&drain, unread)).await;
                        drop(hold);
                    });
                }
                Some(Err(error)) => tracing::debug!({ fields::ERROR } = %error, "a connection was not taken"),
                None => break,
            }
        }
    }
    drop(holds);
    while all_over.recv().await.is_some() {}
}

/// Answers the calls of one connection, until both have ended.
async fn connection<S>(
    io: Spoken<Link>,
    service: S,
    at_leisure: impl Fn(),
    config: &ValidServe,
    (drain, unread): (&Drain, Arc<Unread>),
) where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let wakes = Wakes::new();
    let mut in_hand = InHand::new(wakes.waker());
    let service = OfPeer { service, peer: io.peer(), hand: in_hand.hand(), unread };
    let timer = TurnTimer::new();
    let connection =
        http2::connections(config, in_hand.hand(), timer.clone()).serve_connection(TokioIo::new(io), service);
    let mut connection = Some(Box::pin(connection));
    let mut draining = Some(drain.begun());
    std::future::poll_fn(|ctx| {
        let polled = wakes.poll(ctx, |ctx| {
            timer.turn();
            // First, so that what they answer is written now.
            in_hand.go_on();
            if let Some(open) = &mut connection {
                if draining.as_mut().is_some_and(|draining| draining.as_mut().poll(ctx).is_ready()) {
                    draining = None;
                    open.as_mut().graceful_shutdown();
                }
                if let Poll::Ready(ended) = open.as_mut().poll(ctx) {
                    if let Err(error) = ended {
                        tracing::debug!({ fields::ERROR } = %error, "a connection failed");
                    }
                    connection = None;
                }
            }
            // What was brought now; what that answers wakes the connection again.
            in_hand.go_on();
            if connection.is_none() && in_hand.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        });
        if in_hand.is_empty() {
            at_leisure();
        }
        polled
    })
    .await;
}

/// The services as one peer calls them.
struct OfPeer<S> {
    service: S,
    peer: Peer,
    hand: Hand,
    unread: Arc<Unread>,
}

impl<S> hyper::service::Service<http::Request<hyper::body::Incoming>> for OfPeer<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = S::Future;

    fn call(&self, request: http::Request<hyper::body::Incoming>) -> S::Future {
        // hyper brings the call next.
        self.hand.next_is_short(request.uri().path() == SINGLE);
        let mut request = request.map(|body| Body::new(Called::new(body, Arc::clone(&self.unread))));
        request.extensions_mut().insert(self.peer.clone());
        // Always ready, as tonic's routes are.
        self.service.clone().call(request)
    }
}
