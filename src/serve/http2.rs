//! Every limit of a connection, set on purpose: what tonic does not set, it switches off.

use tonic::transport::Server;

use super::ValidServe;

/// Resets of the server's own making that one connection may provoke. tonic's default is no limit,
/// which lets a client have the server reset streams as fast as it can send (CVE-2025-8671).
const MAX_LOCAL_ERROR_RESETS: usize = 1024;

/// Resets by the client of calls not yet taken up: h2's own limit, named so that no default decides
/// (CVE-2023-44487).
const MAX_PENDING_ACCEPT_RESETS: usize = 20;

/// Headers of one call: a token and a trace fit in it, a flood of metadata does not.
const MAX_HEADER_BYTES: u32 = 8 << 10;

/// What one call may have under way: a batch fills a path of 40 Mbit/s and 50 ms with it.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;

/// What all calls of a connection may have under way, and so what it may cost in memory unread.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// The smallest that HTTP/2 allows: a larger one only lets one call delay the others.
const MAX_FRAME_BYTES: u32 = 16 << 10;

/// A server with all limits.
///
/// No `max_connection_age_grace`, ever: tonic kills calls in flight with it, without a GOAWAY.
pub(super) fn server(config: &ValidServe) -> Server {
    Server::builder()
        // Unlimited by default.
        .max_concurrent_streams(config.max_concurrent_streams())
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_ERROR_RESETS))
        .http2_max_pending_accept_reset_streams(Some(MAX_PENDING_ACCEPT_RESETS))
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // Grows the windows with the path, and so a connection's memory with what its client claims.
        .http2_adaptive_window(Some(false))
        .max_frame_size(MAX_FRAME_BYTES)
        // Finds clients that went away without a word; off by default.
        .http2_keepalive_interval(Some(config.keepalive()))
        .http2_keepalive_timeout(Some(config.keepalive_timeout()))
        // Another protocol is another parser to attack, and no gRPC client speaks it.
        .accept_http1(false)
}
