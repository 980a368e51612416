//! What a client still sends of a call that is answered before it is read.
//!
//! A call is refused, or a message of it is too long. To answer before it is read, and to leave it, has HTTP/2 reset its
//! stream. What of it is under way then comes for a stream that is no longer known, and counts as an error of the client; so
//! many of those, over the life of a connection, are taken for an attack, and the connection ends with every call on it. A
//! client that does nothing but try again would be hung up on. So what is under way is read to its end and thrown away: by one task for all calls, since there are many where
//! calls are refused, and a timer and a wakeup for each would cost more than the reading.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::body::Body;

/// When it is looked at: what is under way has come by then, and is read in one go and not frame by frame.
const AFTER: Duration = Duration::from_millis(5);
/// Longest that it is waited for. A client ends a call when it is told that it is refused.
const LIMIT: Duration = Duration::from_secs(2);
/// Most that are looked at together.
const MOST_TOGETHER: usize = 1024;

/// Where calls go that nobody reads. As many wait as streams are open, at most: each is one.
#[derive(Clone, Debug)]
pub(super) struct Unread(UnboundedSender<Body>);

impl Unread {
    /// Begins to read; it ends with the last of those that hand calls over.
    ///
    /// * `most_bytes`: of one call that are waited for. A client that keeps to the largest message that is taken ends by itself.
    pub(super) fn start(most_bytes: usize) -> Self {
        let (bodies, handed_over) = unbounded_channel();
        tokio::spawn(read_all(handed_over, most_bytes));
        Self(bodies)
    }

    /// Takes what is under way of a call, and drops it.
    fn throw_away(&self, body: Incoming) {
        if !body.is_end_stream() {
            // Where nobody reads any more, the server has ended.
            let _ = self.0.send(Body::new(body));
        }
    }
}

/// What a client sends of a call. Dropped before its end, the rest of it goes where nobody reads it.
pub(super) struct Called {
    /// `None` once it has ended.
    body: Option<Incoming>,
    /// That of a connection: one of all would be written to by all of their threads, with each call.
    unread: Arc<Unread>,
}

impl Called {
    pub(super) fn new(body: Incoming, unread: Arc<Unread>) -> Self {
        Self { body: Some(body), unread }
    }
}

impl http_body::Body for Called {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(ctx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            self.body = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Called {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.unread.throw_away(body);
        }
    }
}

async fn read_all(mut handed_over: UnboundedReceiver<Body>, most_bytes: usize) {
    let mut bodies = Vec::new();
    while handed_over.recv_many(&mut bodies, MOST_TOGETHER).await > 0 {
        tokio::time::sleep(AFTER).await;
        for mut body in bodies.drain(..) {
            if !has_ended(&mut body) {
                tokio::spawn(tokio::time::timeout(LIMIT, read(body, most_bytes)));
            }
        }
    }
}

/// Reads what has come. Whether that was all.
fn has_ended(body: &mut Body) -> bool {
    let mut ctx = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut *body).poll_frame(&mut ctx) {
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(_) => return true,
            Poll::Pending => return false,
        }
    }
}

async fn read(mut body: Body, most_bytes: usize) {
    let mut n_bytes = 0;
    while n_bytes < most_bytes
        && let Some(Ok(frame)) = body.frame().await
    {
        n_bytes += frame.data_ref().map_or(0, |data| data.len());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::StreamBody;

    use super::*;

    #[tokio::test]
    async fn no_more_of_a_call_is_read_than_it_could_be_let_in_with() {
        let n_read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&n_read);
        let frames = (0..50).map(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(&[0; 100])))
        });
        read(Body::new(StreamBody::new(tokio_stream::iter(frames))), 1000).await;
        assert_eq!(n_read.load(Ordering::Relaxed), 10);
    }
}
