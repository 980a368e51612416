//! Connections as they come in: no more than there is room for, none may sit silent, and running out of files is no
//! reason to spin.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_stream::Stream;

use super::handshake::{Link, Peer, Security};
use super::patience::{Crowd, Patience};
use crate::telemetry::Metrics;

/// How long accepting rests after it failed: long enough for a file to be closed, and to cost nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, with which every HTTP/2 client begins.
const PREFACE_BYTES: usize = 24;

/// Files that are open beside connections: the ledger's, the log's, the admin port's, the runtime's.
const OTHER_FILES: u64 = 64;

/// Room for connections.
#[derive(Clone, Debug)]
pub(super) struct Room {
    limit: usize,
    free: Arc<Semaphore>,
    n_open: Arc<AtomicUsize>,
    n_handshakes: Arc<AtomicUsize>,
}

impl Room {
    /// For as many as are wanted, or as the system's limit of open files allows.
    pub(super) fn for_connections(wanted: usize) -> Self {
        let n_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Self::of(below_file_limit(wanted, n_files))
    }

    fn of(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { limit, free: Arc::new(Semaphore::new(limit)), n_open: Arc::default(), n_handshakes: Arc::default() }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn n_open(&self) -> usize {
        self.n_open.load(Ordering::Relaxed)
    }

    pub(super) fn n_handshakes(&self) -> usize {
        self.n_handshakes.load(Ordering::Relaxed)
    }
}

/// `None` where the system sets no limit.
fn below_file_limit(wanted: usize, n_files: Option<u64>) -> usize {
    let left = n_files.map_or(u64::MAX, |n_files| n_files.saturating_sub(OTHER_FILES).max(1));
    wanted.min(usize::try_from(left).unwrap_or(usize::MAX))
}

/// Where connections come from.
pub(super) trait Accept {
    fn poll_accept(&self, ctx: &mut Context<'_>) -> Poll<io::Result<TcpStream>>;
}

impl Accept for TcpListener {
    fn poll_accept(&self, ctx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        Self::poll_accept(self, ctx).map_ok(|(stream, _)| stream)
    }
}

type Waiting = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A place that is taken before it is needed: whoever finds none waits in the system's queue, which costs no file.
struct Place {
    free: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    waiting: Option<Waiting>,
}

impl Place {
    fn of(free: &Arc<Semaphore>) -> Self {
        Self { free: Arc::clone(free), taken: None, waiting: None }
    }

    fn poll_taken(&mut self, ctx: &mut Context<'_>) -> Poll<()> {
        while self.taken.is_none() {
            let free = &self.free;
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(Arc::clone(free).acquire_owned()));
            // It fails where the semaphore is closed, which nobody does.
            self.taken = ready!(waiting.as_mut().poll(ctx)).ok();
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

/// Accepts connections.
pub(super) struct Incoming<A> {
    listener: A,
    preface_timeout: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    room: Room,
    security: Security,
    /// For the next connection.
    place: Place,
    /// For its handshake, where there are any.
    handshake: Option<Place>,
    metrics: Arc<Metrics>,
}

impl<A> Incoming<A> {
    pub(super) fn new(
        listener: A,
        preface_timeout: Duration,
        room: Room,
        security: Security,
        metrics: Arc<Metrics>,
    ) -> Self {
        let preface_timeout = security.timeout() + preface_timeout;
        let (place, handshake) = (Place::of(&room.free), security.places().as_ref().map(Place::of));
        Self { listener, preface_timeout, pause: None, room, security, place, handshake, metrics }
    }

    fn poll_places(&mut self, ctx: &mut Context<'_>) -> Poll<()> {
        ready!(self.place.poll_taken(ctx));
        self.handshake.as_mut().map_or(Poll::Ready(()), |place| place.poll_taken(ctx))
    }
}

impl<A: Accept + Unpin> Stream for Incoming<A> {
    type Item = io::Result<Spoken<Link>>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(ctx));
                self.pause = None;
            }
            ready!(self.poll_places(ctx));
            match ready!(self.listener.poll_accept(ctx)) {
                Ok(stream) => {
                    // Replies are small and whole: waiting to fill a packet only delays them. It
                    // fails where the client has hung up already, which the first read will tell.
                    let _ = stream.set_nodelay(true);
                    self.metrics.connection_taken();
                    let held = self.place.taken.take().map(|place| Held::new(place, &self.room, &self.metrics));
                    let place = self.handshake.as_mut().and_then(|place| place.taken.take());
                    let link = self.security.secure(stream, place, &self.room.n_handshakes);
                    // None is free: whoever comes next waits for this one.
                    let patience =
                        Patience::new(self.preface_timeout, Some(Crowd::new(Arc::clone(&self.room.free), 0)));
                    return Poll::Ready(Some(Ok(Spoken { held, ..Spoken::new(link, patience) })));
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    self.metrics.accept_paused();
                    tracing::warn!(error = %error, "accepting connections pauses");
                    self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
                }
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// A connection whose client must speak in time.
///
/// Neither HTTP/2 keepalive nor a drain reaches a connection before its preface, so one that never
/// sends it would stay for ever and hold up every stop (hyper issue 4170).
pub(super) struct Spoken<T> {
    io: T,
    /// Until the preface is complete.
    patience: Option<Patience>,
    n_read: usize,
    has_written: bool,
    held: Option<Held>,
}

/// What a connection has until it ends.
struct Held {
    _place: OwnedSemaphorePermit,
    n_open: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

impl Held {
    fn new(place: OwnedSemaphorePermit, room: &Room, metrics: &Arc<Metrics>) -> Self {
        room.n_open.fetch_add(1, Ordering::Relaxed);
        Self { _place: place, n_open: Arc::clone(&room.n_open), metrics: Arc::clone(metrics) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.n_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Spoken<T> {
    fn new(io: T, patience: Patience) -> Self {
        Self { io, patience: Some(patience), n_read: 0, has_written: false, held: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Spoken<T> {
    fn poll_read(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(patience) = &mut self.patience else { return Pin::new(&mut self.io).poll_read(ctx, buf) };
        // First, so that a byte now and then buys no time.
        if patience.poll_over(ctx).is_ready() {
            if let Some(held) = &self.held {
                held.metrics.connection_silent();
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let n_before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(ctx, buf);
        self.n_read += buf.filled().len() - n_before;
        if self.n_read >= PREFACE_BYTES {
            self.patience = None;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Spoken<T> {
    fn poll_write(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.has_written = true;
        Pin::new(&mut self.io).poll_write(ctx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(ctx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(ctx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.has_written = true;
        Pin::new(&mut self.io).poll_write_vectored(ctx, bufs)
    }

    /// Not before the first write. h2 asks then how it is to gather what it writes, and ends a write after every message of
    /// 256 bytes where it may hand over several pieces at once, or of 1,024 where it may not: most answers are between.
    fn is_write_vectored(&self) -> bool {
        self.has_written && self.io.is_write_vectored()
    }
}

impl Spoken<Link> {
    /// Whoever is at the other end.
    pub(super) fn peer(&self) -> Peer {
        self.io.peer.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Fails as a system does that has no file left, and counts how often it was asked.
    #[derive(Default)]
    struct NoFiles(AtomicUsize);

    impl Accept for NoFiles {
        fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            // Or whoever does not rest would never come back.
            if n < 1000 { Poll::Ready(Err(io::Error::from_raw_os_error(24))) } else { Poll::Pending }
        }
    }

    #[tokio::test]
    async fn accepting_rests_where_there_are_no_files() {
        let metrics = Arc::new(Metrics::new([], []));
        let security = Security::new(Arc::default(), Arc::clone(&metrics));
        let mut incoming = Incoming::new(NoFiles::default(), LIMIT, Room::of(1), security, metrics);
        let mut ctx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut incoming).poll_next(&mut ctx).is_pending());
        assert_eq!(incoming.listener.0.into_inner(), 1);
    }

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(below_file_limit(512, None), 512);
        assert_eq!(below_file_limit(512, Some(1024)), 512);
        assert_eq!(below_file_limit(512, Some(256)), 192);
        assert_eq!(below_file_limit(512, Some(10)), 1);
    }

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_client_that_says_nothing_is_cut_off() {
        let (_client, server) = tokio::io::duplex(64);
        let error = Spoken::new(server, Patience::new(LIMIT, None)).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_byte_now_and_then_buys_no_time() {
        let (mut client, server) = tokio::io::duplex(64);
        tokio::spawn(async move {
            while client.write_all(b"P").await.is_ok() {
                tokio::time::sleep(LIMIT / 5).await
            }
        });
        let mut text = Vec::new();
        let error = Spoken::new(server, Patience::new(LIMIT, None)).read_to_end(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(text.len() < PREFACE_BYTES);
    }

    #[tokio::test]
    async fn a_client_that_has_spoken_may_be_silent() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Spoken::new(server, Patience::new(LIMIT, None));
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        server.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        tokio::time::sleep(LIMIT * 2).await;
        client.write_all(b"!").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'!');
    }
}
