//! The one thread that writes: what has come together is committed together.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::config::Sync;
use super::pending::{Appended, Done, Gauge, Submission};
use super::record::Head;
use super::store::{Placed, Store};
use super::sync::{SharedHead, Syncer};
use crate::telemetry::fields;

/// Most records of one commit.
const MOST_TOGETHER: usize = 1024;
/// How often a ledger that could not be written is tried again.
const TRY_AGAIN_EVERY: Duration = Duration::from_millis(100);
/// How long a ledger that can't be written is tried before what waits for it is given up, at the end.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// What the writer is told.
pub(super) enum Message {
    /// A record to be written.
    Append(Box<Submission>),
    /// Nothing comes after.
    Close,
}

/// A record that is not yet written.
struct Waiting {
    recorded_at_micros: i64,
    submission: Submission,
    /// `None` once it was told.
    done: Option<Done>,
}

pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) sync: Sync,
    pub(super) clock: Clock,
    pub(super) gauge: Arc<Gauge>,
    pub(super) head: Arc<SharedHead>,
    pub(super) messages: Receiver<Message>,
    pub(super) syncer: Syncer,
    /// `None` while it must be opened anew: after a failure nothing that the old connection says can be believed.
    pub(super) store: Option<Store>,
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut last_micros = self.head.get().recorded_at_micros;
        // How many of those that wait were part of a commit of which nobody knows whether it took place.
        let mut n_in_doubt = 0;
        let mut closing: Option<Instant> = None;
        loop {
            let mut next = if closing.is_some() {
                None
            } else if !waiting.is_empty() && self.store.is_some() {
                self.messages.try_recv().ok()
            } else {
                // Also where nothing waits: the disk may have refused what was written before.
                match self.messages.recv_timeout(TRY_AGAIN_EVERY) {
                    Ok(message) => Some(message),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => Some(Message::Close),
                }
            };
            while let Some(message) = next.take() {
                match message {
                    Message::Close => closing = Some(Instant::now()),
                    Message::Append(submission) => {
                        last_micros = last_micros.max(self.clock.now_micros());
                        let mut submission = *submission;
                        let done = std::mem::replace(&mut submission.done, Box::new(|_| ()));
                        waiting.push_back(Waiting { recorded_at_micros: last_micros, submission, done: Some(done) });
                    }
                }
                if waiting.len() < MOST_TOGETHER || self.store.is_none() {
                    next = self.messages.try_recv().ok();
                }
            }
            if self.syncer.take_failure() {
                self.fail("the disk did not take what was written");
            }
            if self.store.is_none() {
                self.tell_of_failure(&mut waiting);
                self.open_anew(&mut waiting, &mut n_in_doubt);
            }
            if let Some(store) = &mut self.store {
                let n = waiting.len().min(MOST_TOGETHER);
                if n > 0 {
                    let batch = waiting.iter().take(n).map(|one| (one.recorded_at_micros, &one.submission.content));
                    match store.append(batch) {
                        Ok(placed) => {
                            let head = store.head();
                            self.took(head, placed, &mut waiting);
                        }
                        Err(error) => {
                            n_in_doubt = n;
                            self.fail(&error.to_string());
                        }
                    }
                }
            }
            if let Some(since) = closing {
                if waiting.is_empty() {
                    return;
                }
                if self.store.is_none() {
                    if since.elapsed() > LAST_TRIES {
                        tracing::error!(
                            { fields::N_ITEMS } = waiting.len(),
                            "records are lost: the ledger can't be written"
                        );
                        return;
                    }
                    std::thread::sleep(TRY_AGAIN_EVERY);
                }
            }
        }
    }

    fn took(&self, head: Head, placed: Vec<Placed>, waiting: &mut VecDeque<Waiting>) {
        self.head.set(head);
        self.syncer.written(head);
        self.gauge.n_written.fetch_add(placed.len() as u64, Ordering::Relaxed);
        let n = placed.len();
        for (placed, one) in placed.into_iter().zip(waiting.drain(..n)) {
            let Waiting { recorded_at_micros, submission, done } = one;
            // What it held is let go first: whoever was told looks it up in the ledger.
            drop(submission);
            if let Some(done) = done {
                done(match placed {
                    Placed::New { seq } => Appended::Recorded { seq, recorded_at_micros },
                    Placed::Known { seq, recorded_at_micros } => Appended::Known { seq, recorded_at_micros },
                });
            }
        }
        self.is_well_where_none_waits(waiting);
    }

    /// It is not well before all that was decided meanwhile is written: an outcome looks for its decision there.
    fn is_well_where_none_waits(&self, waiting: &VecDeque<Waiting>) {
        if waiting.is_empty() {
            self.gauge.failing.store(false, Ordering::Relaxed);
        }
    }

    /// Lets the connection go. A failed sync is never asked for again on it: the second would say that all is well.
    fn fail(&mut self, why: &str) {
        if self.store.take().is_some() {
            self.gauge.failing.store(true, Ordering::Relaxed);
            self.gauge.n_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!({ fields::ERROR } = why, "the ledger can't be written");
        }
    }

    fn tell_of_failure(&self, waiting: &mut VecDeque<Waiting>) {
        for one in waiting {
            if let Some(done) = one.done.take() {
                done(self.gauge.unwritten(one.recorded_at_micros));
            }
        }
    }

    fn open_anew(&mut self, waiting: &mut VecDeque<Waiting>, n_in_doubt: &mut usize) {
        let Ok(store) = Store::open(&self.path, self.sync) else { return };
        if store.write_through().is_err() {
            return;
        }
        let (was, is) = (self.head.get(), store.head());
        // Nobody else writes, and a commit is whole: so the end has moved by all that was in doubt, or not at all.
        if is.seq > was.seq {
            for one in waiting.drain(..*n_in_doubt) {
                drop(one);
                self.gauge.n_written.fetch_add(1, Ordering::Relaxed);
            }
        } else if is != was {
            tracing::error!("the ledger has lost records that it had taken");
        }
        *n_in_doubt = 0;
        self.head.set(is);
        self.store = Some(store);
        tracing::info!("the ledger can be written again");
        self.is_well_where_none_waits(waiting);
    }
}
