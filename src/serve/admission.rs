//! How much may be worked on at once, over all connections: what is beyond it is refused at once and cheaply.
//!
//! A call counts from its arrival on, before anything of it is read, and so while it waits for a processor too. A batch
//! counts each of its parcels. A stream counts those in hand, and waits for room instead of being refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;
use tokio::sync::Notify;

use super::status::Refusal;
use crate::telemetry::{Criticality, Metrics};

/// Says how much a call matters: `critical` or `critical_plus`; anything else is usual.
const HEADER: &str = "x-criticality";

/// Counts what is in flight.
#[derive(Debug)]
pub(super) struct Admission {
    limit: usize,
    /// Of these, only for calls that matter most.
    kept: usize,
    in_flight: AtomicUsize,
    freed: Notify,
    metrics: Arc<Metrics>,
}

/// Room for some parcels; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    n: usize,
}

impl Admission {
    pub(super) fn new(limit: usize, kept: usize, metrics: Arc<Metrics>) -> Self {
        Self { limit, kept, in_flight: AtomicUsize::new(0), freed: Notify::new(), metrics }
    }

    /// Most that may be in flight for a call of this criticality to come in.
    pub(super) fn limit(&self, criticality: Criticality) -> usize {
        match criticality {
            Criticality::Critical => self.limit,
            Criticality::Usual => self.limit.saturating_sub(self.kept),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Room for `n` parcels.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] where there is none.
    pub(super) fn admit(self: &Arc<Self>, n: usize, criticality: Criticality) -> Result<Permit, Refusal> {
        self.try_admit(n, criticality).ok_or_else(|| {
            self.metrics.shed(criticality);
            Refusal::Overloaded
        })
    }

    /// Room for `n` parcels, as soon as there is.
    pub(super) async fn wait(self: Arc<Self>, n: usize, criticality: Criticality) -> Permit {
        loop {
            // Made before the look, or room that is given back in between would not be heard of.
            let freed = self.freed.notified();
            if let Some(permit) = self.try_admit(n, criticality) {
                // Whoever gave room back woke one; there may be room for another.
                self.freed.notify_one();
                return permit;
            }
            freed.await;
        }
    }

    pub(super) fn try_admit(self: &Arc<Self>, n: usize, criticality: Criticality) -> Option<Permit> {
        let limit = self.limit(criticality);
        let fits = |in_flight: usize| Some(in_flight.saturating_add(n)).filter(|sum| *sum <= limit);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Permit { admission: Arc::clone(self), n })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.in_flight.fetch_sub(self.n, Ordering::Relaxed);
        self.admission.freed.notify_one();
    }
}

/// How much a call matters, as it says.
pub(super) fn criticality(headers: &HeaderMap) -> Criticality {
    let said = headers.get(HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The words of Google's SRE book, chapter 21.
    if ["critical", "critical_plus"].iter().any(|word| said.eq_ignore_ascii_case(word)) {
        Criticality::Critical
    } else {
        Criticality::Usual
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limit: usize, kept: usize) -> Arc<Admission> {
        Arc::new(Admission::new(limit, kept, Arc::new(Metrics::new([], []))))
    }

    #[test]
    fn room_is_given_back_and_a_share_of_it_is_for_critical_calls() {
        let admission = admission(10, 2);
        let most = admission.admit(8, Criticality::Usual).unwrap();
        assert_eq!(admission.admit(1, Criticality::Usual).unwrap_err(), Refusal::Overloaded);
        let kept = admission.admit(2, Criticality::Critical).unwrap();
        assert_eq!(admission.admit(1, Criticality::Critical).unwrap_err(), Refusal::Overloaded);
        drop(most);
        // What critical calls hold counts for the others too.
        assert!(admission.admit(7, Criticality::Usual).is_err());
        assert!(admission.admit(6, Criticality::Usual).is_ok());
        drop(kept);
        assert_eq!(admission.in_flight(), 0);
    }

    #[tokio::test]
    async fn whoever_waits_comes_in_when_there_is_room() {
        let admission = admission(1, 0);
        let first = admission.admit(1, Criticality::Usual).unwrap();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let room = Arc::clone(&admission).wait(1, Criticality::Usual);
                tokio::spawn(async { drop(room.await) })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|one| !one.is_finished()));
        drop(first);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn only_the_words_for_it_make_a_call_critical() {
        let said = |word: &str| criticality(&HeaderMap::from_iter([(HEADER.parse().unwrap(), word.parse().unwrap())]));
        assert_eq!(criticality(&HeaderMap::new()), Criticality::Usual);
        for (word, expected) in [
            ("CRITICAL", Criticality::Critical),
            ("critical_plus", Criticality::Critical),
            ("sheddable", Criticality::Usual),
            ("critical!", Criticality::Usual),
        ] {
            assert_eq!(said(word), expected, "{word}");
        }
    }
}
