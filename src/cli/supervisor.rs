//! What a supervisor such as systemd is told, where it asks (`Type=notify`): when calls are answered, that the process
//! is alive, and when it stops.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::{NotifyState, notify, watchdog_enabled};

use crate::serve::{Phase, Standing};
use crate::telemetry::fields;

/// How often it is looked whether calls are answered yet.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Longest that a stop waits for a supervisor that does not listen.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Tells of a server for as long as the runtime lives; of one that no supervisor asks about, nobody.
pub(super) async fn tell_of(standing: Arc<Standing>) {
    while standing.phase() == Phase::Starting {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tell(NotifyState::Ready).await;
    // On the workers that answer calls: where they hang, so does this, and the supervisor starts the server anew.
    let beat = watchdog_enabled().map_or(Duration::from_secs(1), |limit| limit / 2);
    while standing.phase() == Phase::Serving {
        tell(NotifyState::Watchdog).await;
        tokio::time::sleep(beat.min(Duration::from_secs(1))).await;
    }
}

/// The server was told to stop. Said by whoever hears that first: where nothing is in flight, all is over a moment later.
pub(super) async fn tell_of_stop() {
    // It may not listen any more.
    let _ = tokio::time::timeout(STOP_LIMIT, tell(NotifyState::Stopping)).await;
}

/// One that can't be told is no reason to stop, and one that does not listen none to wait: on a thread that may.
async fn tell(state: NotifyState<'static>) {
    let told = tokio::task::spawn_blocking(move || notify(&[state])).await;
    if let Ok(Err(error)) = told {
        tracing::warn!({ fields::ERROR } = %error, "the supervisor can't be told");
    }
}
