//! Every limit of a connection, set on purpose.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;

use super::ValidServe;
use super::answer::MOST_HELD_BYTES;
use super::in_hand::Hand;

/// Resets of the server's own making that one connection may provoke. Without a limit a client has the
/// server reset streams as fast as it can send (CVE-2025-8671).
const MAX_LOCAL_ERROR_RESETS: usize = 1024;

/// Headers of one call: a token and a trace fit in it, a flood of metadata does not.
const MAX_HEADER_BYTES: u32 = 8 << 10;

/// What one call may have under way: a batch fills a path of 40 Mbit/s and 50 ms with it.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;

/// What all calls of a connection may have under way, and so what it may cost in memory unread.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// The smallest that HTTP/2 allows: a larger one only lets one call delay the others.
const MAX_FRAME_BYTES: u32 = 16 << 10;

/// Connections with all limits, whose calls `hand` is brought. `timer` is to know of each turn of theirs.
pub(super) fn connections(config: &ValidServe, hand: Hand, timer: TurnTimer) -> Builder<Hand> {
    let mut builder = Builder::new(hand);
    builder
        .timer(timer)
        // Unlimited by default.
        .max_concurrent_streams(config.max_concurrent_streams())
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESETS)
        // Resets by the client of calls not yet taken up (CVE-2023-44487): it may take all back that it has open.
        .max_pending_accept_reset_streams(config.max_concurrent_streams() as usize)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        // Grows the windows with the path, and so a connection's memory with what its client claims.
        .adaptive_window(false)
        .max_frame_size(MAX_FRAME_BYTES)
        // An answer is over when all of it is handed on: what is held then is sent without anybody seeing to it.
        .max_send_buf_size(MOST_HELD_BYTES)
        // Finds clients that went away without a word; off by default.
        .keep_alive_interval(config.keepalive())
        .keep_alive_timeout(config.keepalive_timeout());
    builder
}

/// The runtime's timer, by a clock that is read once a turn of a connection: hyper asks five times a call what time it is, to
/// know when its client was heard of last.
#[derive(Clone)]
pub(super) struct TurnTimer {
    timer: TokioTimer,
    origin: Instant,
    /// From the origin to the turn, which is at hand.
    turn_micros: Arc<AtomicU64>,
}

impl TurnTimer {
    pub(super) fn new() -> Self {
        let timer = TokioTimer::new();
        Self { origin: timer.now(), timer, turn_micros: Arc::default() }
    }

    /// Another turn begins.
    pub(super) fn turn(&self) {
        let since = self.timer.now().saturating_duration_since(self.origin);
        self.turn_micros.store(u64::try_from(since.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Timer for TurnTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep_until(deadline)
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.timer.reset(sleep, deadline);
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_micros(self.turn_micros.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stands_still_within_a_turn_and_goes_on_with_the_next() {
        let timer = TurnTimer::new();
        let before = timer.now();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(timer.now(), before);
        timer.clone().turn();
        assert!(timer.now() >= before + Duration::from_millis(2));
    }
}
