//! Requests that are being answered: two calls with one identifier get one answer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::status::Refusal;
use crate::ledger::Request;
use crate::wire::v1;

/// The identifiers at work.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<Open>);

#[derive(Debug, Default)]
struct Open {
    /// With what was answered already, where its record waits for the ledger still.
    ids: Mutex<HashMap<String, Option<Arc<Told>>>>,
    one_is_free: Notify,
}

/// An identifier that nobody else answers until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    id: String,
    open: Arc<Open>,
}

/// What a call was told before its record was written. The ledger may take as long as it cannot be written.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) request: Request,
    pub(super) answer: Result<v1::Decision, Refusal>,
}

/// Whose turn it is to answer.
#[derive(Debug)]
pub(super) enum Turn {
    /// That of whoever has this.
    Own(Claim),
    /// Another call's, which was answered already.
    Told(Arc<Told>),
}

impl Requests {
    /// Whose turn it is, where nobody is at work.
    pub(super) fn turn_now(&self, id: &str) -> Option<Turn> {
        match self.0.ids.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(None);
                Some(Turn::Own(Claim { id: id.to_owned(), open: Arc::clone(&self.0) }))
            }
            Entry::Occupied(place) => place.get().clone().map(Turn::Told),
        }
    }

    /// As [`Self::turn_now`]; waits where somebody is at work.
    pub(super) async fn turn(&self, id: &str) -> Turn {
        loop {
            // Made before the look, or a claim that is let go in between would not be heard.
            let freed = self.0.one_is_free.notified();
            if let Some(turn) = self.turn_now(id) {
                return turn;
            }
            freed.await;
        }
    }

    /// Whoever asks for this request again while its record waits is told the same.
    pub(super) fn tell(&self, told: Told) {
        let mut ids = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner);
        // Where it is not there any more it is written.
        if let Some(place) = ids.get_mut(&told.request.id) {
            *place = Some(Arc::new(told));
            drop(ids);
            self.0.one_is_free.notify_waiters();
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

    async fn own(requests: &Requests, id: &str) -> Claim {
        match requests.turn(id).await {
            Turn::Own(claim) => claim,
            Turn::Told(told) => panic!("{told:?}"),
        }
    }

    #[tokio::test]
    async fn a_claim_is_one_callers_until_it_is_let_go() {
        let requests = Requests::default();
        let first = own(&requests, "a").await;
        let other = own(&requests, "b").await;
        let second = tokio::spawn({
            let requests = requests.clone();
            async move { own(&requests, "a").await.id.clone() }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop((first, other));
        assert_eq!(second.await.unwrap(), "a");
    }

    #[tokio::test]
    async fn whoever_waits_is_told_what_was_answered_before_it_was_written() {
        let requests = Requests::default();
        let told = |id: &str| {
            let request = Request { id: id.to_owned(), digest: [7; 16] };
            Told { request, answer: Err(Refusal::Draining) }
        };
        let claim = own(&requests, "a").await;
        let waiting = tokio::spawn({
            let requests = requests.clone();
            async move { requests.turn("a").await }
        });
        tokio::task::yield_now().await;
        requests.tell(told("a"));
        assert!(matches!(waiting.await.unwrap(), Turn::Told(told) if told.answer == Err(Refusal::Draining)));
        drop(claim);
        requests.tell(told("a"));
        own(&requests, "a").await;
    }
}
