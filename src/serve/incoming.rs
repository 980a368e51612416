//! Connections as they come in: none may sit silent, and running out of files is no reason to spin.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// How long accepting rests after it failed: long enough for a file to be closed, and to cost nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, with which every HTTP/2 client begins.
const PREFACE_BYTES: usize = 24;

/// Accepts connections.
pub(super) struct Incoming {
    listener: TcpListener,
    preface_timeout: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Incoming {
    pub(super) fn new(listener: TcpListener, preface_timeout: Duration) -> Self {
        Self { listener, preface_timeout, pause: None }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Spoken<TcpStream>>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(ctx));
                self.pause = None;
            }
            match ready!(self.listener.poll_accept(ctx)) {
                Ok((stream, _)) => {
                    // Replies are small and whole: waiting to fill a packet only delays them. It
                    // fails where the client has hung up already, which the first read will tell.
                    let _ = stream.set_nodelay(true);
                    return Poll::Ready(Some(Ok(Spoken::new(stream, self.preface_timeout))));
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
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
    deadline: Option<Pin<Box<Sleep>>>,
    n_read: usize,
}

impl<T> Spoken<T> {
    fn new(io: T, preface_timeout: Duration) -> Self {
        Self { io, deadline: Some(Box::pin(tokio::time::sleep(preface_timeout))), n_read: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Spoken<T> {
    fn poll_read(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(deadline) = &mut self.deadline else { return Pin::new(&mut self.io).poll_read(ctx, buf) };
        // First, so that a byte now and then buys no time.
        if deadline.as_mut().poll(ctx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let n_before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(ctx, buf);
        self.n_read += buf.filled().len() - n_before;
        if self.n_read >= PREFACE_BYTES {
            self.deadline = None;
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Spoken<T> {
    fn poll_write(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
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
        Pin::new(&mut self.io).poll_write_vectored(ctx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl Connected for Spoken<TcpStream> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_client_that_says_nothing_is_cut_off() {
        let (_client, server) = tokio::io::duplex(64);
        let error = Spoken::new(server, LIMIT).read_u8().await.unwrap_err();
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
        let error = Spoken::new(server, LIMIT).read_to_end(&mut text).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(text.len() < PREFACE_BYTES);
    }

    #[tokio::test]
    async fn a_client_that_has_spoken_may_be_silent() {
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Spoken::new(server, LIMIT);
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        server.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        tokio::time::sleep(LIMIT * 2).await;
        client.write_all(b"!").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'!');
    }
}
