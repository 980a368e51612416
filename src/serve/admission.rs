//! How much may be worked on at once, over all connections: what is beyond it is refused at once and cheaply.
//!
//! A call counts from its arrival on, before anything of it is read, and so while it waits for a processor too. A batch
//! counts each of its parcels. A stream counts those in hand, and waits for room instead of being refused.
//!
//! Where callers are known, one may hold at most a multiple of the room that is free (the dynamic threshold of Choudhury and
//! Hahne, 1998, made for the buffers of switches): alone it has nearly everything, and each further one that wants much
//! brings all to equal shares, with some room left for whoever comes next. Nobody has to be counted or told of for that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::access::Allowed;
use super::limit::AdaptiveLimit;
use super::respite::Respite;
use super::status::Refusal;
use crate::telemetry::{Criticality, Metrics};

/// Says how much a call matters: `critical` or `critical_plus`; anything else is usual.
const HEADER: &str = "x-criticality";

/// How long whoever waits goes without looking: whoever was woken in its place may not have been let in.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How much may be in flight, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) limit: usize,
    /// The lowest that the limit becomes where it follows latency; `None`: it is fixed.
    pub(super) floor: Option<usize>,
    /// Of the limit, only for calls that matter most.
    pub(super) kept: usize,
    /// How many times the free room one caller may hold; zero: all.
    pub(super) times_free: usize,
}

/// Counts what is in flight.
#[derive(Debug)]
pub(super) struct Admission {
    bounds: Bounds,
    adaptive: Option<AdaptiveLimit>,
    in_flight: AtomicUsize,
    /// By caller; only who holds something.
    held: Mutex<HashMap<Arc<str>, usize>>,
    freed: Notify,
    respite: Respite,
    metrics: Arc<Metrics>,
}

/// Who asks for room.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub(super) criticality: Criticality,
    /// Where callers are known.
    pub(super) caller: Option<Arc<str>>,
}

impl Asking {
    pub(super) fn of(headers: &HeaderMap, allowed: Option<&Allowed>) -> Self {
        let caller = allowed.and_then(|allowed| allowed.caller.as_ref()).map(|caller| Arc::clone(&caller.name));
        Self { criticality: criticality(headers), caller }
    }
}

/// Room for some parcels; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    admission: Arc<Admission>,
    n: usize,
    caller: Option<Arc<str>>,
}

impl Admission {
    pub(super) fn new(bounds: Bounds, metrics: Arc<Metrics>) -> Self {
        let adaptive = bounds.floor.map(|floor| AdaptiveLimit::new(floor, bounds.limit));
        let (in_flight, held) = (AtomicUsize::new(0), Mutex::default());
        Self { bounds, adaptive, in_flight, held, freed: Notify::new(), respite: Respite::default(), metrics }
    }

    /// Most that may be in flight for a call of this criticality to come in.
    pub(super) fn limit(&self, criticality: Criticality) -> usize {
        let limit = self.adaptive.as_ref().map_or(self.bounds.limit, AdaptiveLimit::now);
        match criticality {
            Criticality::Critical => limit,
            Criticality::Usual => limit.saturating_sub(self.bounds.kept),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// For a thread that has nothing to do: whether it rested before it looks for more, since calls are refused.
    pub(super) fn rest(&self) -> bool {
        self.respite.rest()
    }

    /// A call for one parcel was answered after this long.
    pub(super) fn took(&self, latency: Duration) {
        if let Some(adaptive) = &self.adaptive {
            adaptive.took(latency, self.in_flight(), Instant::now());
        }
    }

    /// Room for `n` parcels.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] where there is none, [`Refusal::OverShare`] where there is none for this caller.
    pub(super) fn admit(self: &Arc<Self>, n: usize, asking: &Asking) -> Result<Permit, Refusal> {
        self.try_admit(n, asking).inspect_err(|refusal| {
            self.respite.refused();
            self.metrics.shed(asking.criticality);
            if *refusal == Refusal::OverShare {
                self.metrics.shed_over_share();
            }
        })
    }

    /// Room for `n` parcels, as soon as there is.
    pub(super) async fn wait(self: Arc<Self>, n: usize, asking: Asking) -> Permit {
        loop {
            // Made before the look, or room that is given back in between would not be heard of.
            let freed = self.freed.notified();
            if let Ok(permit) = self.try_admit(n, &asking) {
                // Whoever gave room back woke one; there may be room for another.
                self.freed.notify_one();
                return permit;
            }
            let _ = tokio::time::timeout(LOOK_EVERY, freed).await;
        }
    }

    pub(super) fn try_admit(self: &Arc<Self>, n: usize, asking: &Asking) -> Result<Permit, Refusal> {
        let limit = self.limit(asking.criticality);
        let fits = |in_flight: usize| Some(in_flight.saturating_add(n)).filter(|sum| *sum <= limit);
        let take = || self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        let caller = asking.caller.as_ref().filter(|_| self.bounds.times_free > 0);
        match caller {
            None => {
                take().map_err(|_| Refusal::Overloaded)?;
            }
            Some(name) => {
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                let free = limit.saturating_sub(self.in_flight());
                let holds = held.get(name).copied().unwrap_or(0).saturating_add(n);
                if n > free {
                    return Err(Refusal::Overloaded);
                }
                if holds > free.saturating_mul(self.bounds.times_free) {
                    return Err(Refusal::OverShare);
                }
                take().map_err(|_| Refusal::Overloaded)?;
                held.insert(Arc::clone(name), holds);
            }
        }
        Ok(Permit { admission: Arc::clone(self), n, caller: caller.cloned() })
    }
}

impl Permit {
    /// What it was taken for is done, by a thread other than that which answers.
    pub(super) fn is_worked_off(&self) {
        self.admission.respite.has_answers();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(name) = &self.caller {
            let mut held = self.admission.held.lock().unwrap_or_else(PoisonError::into_inner);
            match held.get_mut(name) {
                Some(holds) if *holds > self.n => *holds -= self.n,
                _ => drop(held.remove(name)),
            }
        }
        self.admission.in_flight.fetch_sub(self.n, Ordering::Relaxed);
        self.admission.freed.notify_one();
    }
}

/// How much a call matters, as it says.
fn criticality(headers: &HeaderMap) -> Criticality {
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

    const USUAL: Asking = Asking { criticality: Criticality::Usual, caller: None };
    const CRITICAL: Asking = Asking { criticality: Criticality::Critical, caller: None };

    fn admission(limit: usize, kept: usize) -> Arc<Admission> {
        let bounds = Bounds { limit, floor: None, kept, times_free: 4 };
        Arc::new(Admission::new(bounds, Arc::new(Metrics::new([], []))))
    }

    fn of(name: &str) -> Asking {
        Asking { criticality: Criticality::Usual, caller: Some(name.into()) }
    }

    /// As much as it gets, one by one.
    fn all_for(name: &str, admission: &Arc<Admission>) -> Vec<Permit> {
        std::iter::from_fn(|| admission.admit(1, &of(name)).ok()).collect()
    }

    #[test]
    fn one_caller_leaves_room_for_the_next() {
        let admission = admission(1000, 0);
        let greedy = all_for("a", &admission);
        assert_eq!(greedy.len(), 800);
        assert_eq!(admission.try_admit(1, &of("a")).unwrap_err(), Refusal::OverShare);
        let modest: Vec<_> = (0..9).map(|n| admission.admit(10, &of(&n.to_string())).unwrap()).collect();
        drop((greedy, modest));
        assert!(admission.held.lock().unwrap().is_empty());
        assert_eq!(admission.in_flight(), 0);
    }

    #[test]
    fn greedy_callers_come_to_equal_shares() {
        let admission = admission(900, 0);
        let mut first = all_for("a", &admission);
        let mut second = Vec::new();
        // As calls end, each asks for more at once.
        for _ in 0..2000 {
            drop(first.pop());
            second.extend(all_for("b", &admission));
            first.extend(all_for("a", &admission));
            drop(second.pop());
            first.extend(all_for("a", &admission));
            second.extend(all_for("b", &admission));
        }
        assert!(first.len().abs_diff(second.len()) <= 8, "{} and {}", first.len(), second.len());
        assert_eq!(first.len() + second.len(), admission.in_flight());
    }

    #[test]
    fn room_is_given_back_and_a_share_of_it_is_for_critical_calls() {
        let admission = admission(10, 2);
        let most = admission.admit(8, &USUAL).unwrap();
        assert_eq!(admission.admit(1, &USUAL).unwrap_err(), Refusal::Overloaded);
        let kept = admission.admit(2, &CRITICAL).unwrap();
        assert_eq!(admission.admit(1, &CRITICAL).unwrap_err(), Refusal::Overloaded);
        drop(most);
        // What critical calls hold counts for the others too.
        assert!(admission.admit(7, &USUAL).is_err());
        assert!(admission.admit(6, &USUAL).is_ok());
        drop(kept);
        assert_eq!(admission.in_flight(), 0);
    }

    #[tokio::test]
    async fn whoever_waits_comes_in_when_there_is_room() {
        let admission = admission(1, 0);
        let first = admission.admit(1, &USUAL).unwrap();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let room = Arc::clone(&admission).wait(1, USUAL);
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
