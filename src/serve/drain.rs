//! The word that the server is about to stop, for all who must hear it.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Says that the drain has begun. Dropping it says so too.
#[derive(Debug)]
pub(super) struct StartDrain(watch::Sender<bool>);

/// Hears it.
#[derive(Clone, Debug)]
pub(super) struct Drain(watch::Receiver<bool>);

/// Resolves when the drain begins.
pub(super) type Draining = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn drain() -> (StartDrain, Drain) {
    let (sender, receiver) = watch::channel(false);
    (StartDrain(sender), Drain(receiver))
}

/// How long no call must have been open: for the last answer to leave, and for a client to be told to go elsewhere.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Resolves when no call was open for a while.
///
/// A connection ends when its client has answered that it knows of the end. One that never does, having said no more than that it
/// speaks HTTP/2, would hold up the stop until it is found dead.
pub(super) async fn quiet(n_calls_open: impl Fn() -> i64) {
    let mut since = Instant::now();
    while since.elapsed() < QUIET {
        if n_calls_open() > 0 {
            since = Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl StartDrain {
    pub(super) fn start(&self) {
        self.0.send_replace(true);
    }
}

impl Drain {
    pub(super) fn begun(&self) -> Draining {
        let mut receiver = self.0.clone();
        Box::pin(async move {
            // An error means that the server is gone altogether: the same to whoever waits.
            let _ = receiver.wait_for(|draining| *draining).await;
        })
    }
}
