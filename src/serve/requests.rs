//! Requests that are being answered: two calls with one identifier get one answer.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The identifiers at work.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Open>);

#[derive(Debug, Default)]
struct Open {
    ids: Mutex<HashSet<String>>,
    one_is_free: Notify,
}

/// An identifier that nobody else answers until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    id: String,
    open: Arc<Open>,
}

impl Requests {
    /// Waits until nobody else answers it.
    pub(super) async fn claim(&self, id: &str) -> Claim {
        loop {
            // Made before the look, or a claim that is let go in between would not be heard.
            let freed = self.0.one_is_free.notified();
            let is_new = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
            if is_new {
                return Claim { id: id.to_owned(), open: Arc::clone(&self.0) };
            }
            freed.await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.open.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.open.one_is_free.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_claim_is_one_callers_until_it_is_let_go() {
        let requests = Requests::default();
        let first = requests.claim("a").await;
        let other = requests.claim("b").await;
        let second = tokio::spawn({
            let requests = requests.clone();
            async move { requests.claim("a").await.id.clone() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop((first, other));
        assert_eq!(second.await.unwrap(), "a");
    }
}
