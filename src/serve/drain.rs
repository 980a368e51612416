//! The word that the server is about to stop, for all who must hear it.

use std::pin::Pin;

use tokio::sync::watch;

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
