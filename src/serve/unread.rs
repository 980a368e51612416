//! What a client still sends of a call that is refused.
//!
//! To answer before a call is read, and to leave it, has HTTP/2 reset its stream. What of it is under way then comes for a
//! stream that is no longer known, and counts as an error of the client; so many of those, over the life of a connection, are
//! taken for an attack, and the connection ends with every call on it. A client that does nothing but try again would be
//! hung up on. So what is under way is read to its end and thrown away.

use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use tonic::body::Body;

/// Most that is read of one call, in bytes: what its client could send before it had leave to go on.
const MOST_BYTES: usize = super::http2::STREAM_WINDOW_BYTES as usize;
/// When it is looked at: what is under way has come by then, and is read in one go and not frame by frame.
const AFTER: Duration = Duration::from_millis(10);
/// Longest that it is waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// Takes what is under way of a call, and drops it.
pub(super) fn throw_away(body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(LIMIT, read(body)));
}

async fn read(mut body: Body) {
    tokio::time::sleep(AFTER).await;
    let mut n_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        n_bytes += frame.data_ref().map_or(0, |data| data.len());
        if n_bytes >= MOST_BYTES {
            return;
        }
    }
}
