//! TLS at the beginning of a connection: in time, no more than a few at once, and by the certificate of now.
//!
//! Not tonic's: that one never changes its certificate, and lets handshakes take as long, and be as many, as clients like.
//! The handshake is done by the connection's own task when it first reads or writes, so a slow one holds up nobody else.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use super::patience::{Crowd, Patience};
use super::stalled::HangUp;
use crate::identity::{Caller, Identity};
use crate::telemetry::Metrics;

/// What connections are secured by.
#[derive(Debug)]
pub(super) struct Security {
    identity: Arc<Identity>,
    places: Arc<Semaphore>,
    n_places: usize,
    timeout: Duration,
    metrics: Arc<Metrics>,
}

/// Whoever is at the other end; known once the handshake is done, and for as long as the connection lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    caller: Arc<OnceLock<Caller>>,
    hang_up: Arc<HangUp>,
}

impl Peer {
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.caller.get()
    }

    /// What ends the connection from outside.
    pub(super) fn hang_up(&self) -> Arc<HangUp> {
        Arc::clone(&self.hang_up)
    }
}

impl Security {
    pub(super) fn new(identity: Arc<Identity>, metrics: Arc<Metrics>) -> Self {
        let config = identity.config();
        let n_places =
            usize::try_from(config.max_pending_handshakes()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let timeout = Duration::from_secs(config.handshake_timeout_seconds().into());
        let places = Arc::new(Semaphore::new(n_places));
        Self { identity, places, n_places, timeout, metrics }
    }

    /// Places for handshakes; none where there are none.
    pub(super) fn places(&self) -> Option<Arc<Semaphore>> {
        self.identity.tls().map(|_| Arc::clone(&self.places))
    }

    /// How long a connection may take before its protocol begins.
    pub(super) fn timeout(&self) -> Duration {
        self.identity.tls().map_or(Duration::ZERO, |_| self.timeout)
    }

    /// Begins the handshake where there is one, in the place that was taken for it.
    pub(super) fn secure(
        &self,
        stream: TcpStream,
        place: Option<OwnedSemaphorePermit>,
        n_handshakes: &Arc<AtomicUsize>,
    ) -> Link {
        let state = match self.identity.tls() {
            None => State::Plain(stream),
            Some(tls) => State::Shaking(Box::new(Shaking {
                accept: TlsAcceptor::from(tls.config()).accept(stream),
                // Half of the places are for those who do not hurry.
                patience: Patience::new(
                    self.timeout,
                    Some(Crowd::new(Arc::clone(&self.places), self.n_places.saturating_sub(1) / 2)),
                ),
                identity: Arc::clone(&self.identity),
                metrics: Arc::clone(&self.metrics),
                _pending: Pending::new(place, n_handshakes),
            })),
        };
        Link { state, peer: Peer::default() }
    }
}

/// The way to a client, plain or not.
pub(super) struct Link {
    state: State,
    pub(super) peer: Peer,
}

enum State {
    Plain(TcpStream),
    Shaking(Box<Shaking>),
    Tls(Box<TlsStream<TcpStream>>),
    Failed,
}

struct Shaking {
    accept: Accept<TcpStream>,
    patience: Patience,
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    _pending: Pending,
}

/// A handshake that counts until it is done, however it ends.
struct Pending {
    _place: Option<OwnedSemaphorePermit>,
    n: Arc<AtomicUsize>,
}

impl Pending {
    fn new(place: Option<OwnedSemaphorePermit>, n: &Arc<AtomicUsize>) -> Self {
        n.fetch_add(1, Ordering::Relaxed);
        Self { _place: place, n: Arc::clone(n) }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.n.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shaking {
    fn poll(&mut self, ctx: &mut Context<'_>) -> Poll<io::Result<TlsStream<TcpStream>>> {
        // First, so that a byte now and then buys no time.
        if self.patience.poll_over(ctx).is_ready() {
            self.metrics.handshake_failed("timeout");
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let shaken = ready!(Pin::new(&mut self.accept).poll(ctx));
        Poll::Ready(shaken.inspect_err(|_| self.metrics.handshake_failed("refused")))
    }
}

impl Link {
    fn poll_shaken(&mut self, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Shaking(shaking) = &mut self.state else { return Poll::Ready(Ok(())) };
        match ready!(shaking.poll(ctx)) {
            Ok(stream) => {
                let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
                if let Some(caller) = certificate.and_then(|der| shaking.identity.of_certificate(der)) {
                    // Nobody else sets it.
                    let _ = self.peer.caller.set(caller);
                }
                self.state = State::Tls(Box::new(stream));
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.state = State::Failed;
                Poll::Ready(Err(error))
            }
        }
    }
}

fn failed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Link {
    fn poll_read(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.peer.hang_up.is_wanted(ctx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        ready!(self.poll_shaken(ctx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_read(ctx, buf),
            State::Tls(stream) => Pin::new(&mut **stream).poll_read(ctx, buf),
            State::Shaking(_) | State::Failed => failed(),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_shaken(ctx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_write(ctx, buf),
            State::Tls(stream) => Pin::new(&mut **stream).poll_write(ctx, buf),
            State::Shaking(_) | State::Failed => failed(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_flush(ctx),
            State::Tls(stream) => Pin::new(&mut **stream).poll_flush(ctx),
            // Nothing was written yet.
            State::Shaking(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_shutdown(ctx),
            State::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(ctx),
            State::Shaking(_) | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_shaken(ctx))?;
        match &mut self.state {
            State::Plain(stream) => Pin::new(stream).poll_write_vectored(ctx, bufs),
            State::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(ctx, bufs),
            State::Shaking(_) | State::Failed => failed(),
        }
    }

    fn is_write_vectored(&self) -> bool {
        // Asked once, before the handshake: it must hold for what comes after. Both take several texts at once.
        !matches!(self.state, State::Failed)
    }
}
