//! The end that writes: whoever waits for a record writes it, with all that others handed over meanwhile.
//!
//! No other thread is woken for a record, which would cost more than the writing. Where another call is at it, the record
//! is left to that one. What nobody waits for is written by the ledger's own thread; so is everything with
//! `sync = "always"`, so that no call's thread waits for the disk.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;

use super::bell::Bell;
use super::clock::Clock;
use super::config::Sync;
use super::fresh::{Fresh, Repeatable};
use super::index::Index;
use super::log::{End, Log, open_to_write};
use super::part::Indexed;
use super::pending::{Appended, Done, Gauge, Submission};
use super::reached::Reached;
use super::record::{Content, Kind};
use super::repeated::known;
use super::shared_index::SharedIndex;
use super::stall::Stall;
use super::whereabouts::Whereabouts;
use super::{LedgerError, note};
use crate::telemetry::{fields, with_causes};

/// Most records that are written together.
const MOST_TOGETHER: usize = 1024;
/// And no more once they have so many bytes, which stand in memory a second time meanwhile.
const MOST_BYTES_TOGETHER: usize = 8 << 20;

/// What all of a ledger's threads share.
pub(super) struct Desk {
    pub(super) path: PathBuf,
    /// The file that was found there.
    pub(super) place: Whereabouts,
    sync: Sync,
    pub(super) clock: Clock,
    pub(super) gauge: Arc<Gauge>,
    pub(super) stall: Stall,
    pub(super) index: Arc<SharedIndex>,
    /// How far it has come.
    pub(super) reached: Reached,
    /// Handed over and not yet taken up, in order.
    incoming: Mutex<Vec<Submission>>,
    writer: Mutex<Writer>,
    /// The thread beside the calls.
    pub(super) thread: OnceLock<Thread>,
    /// Wakes whoever asks the disk, where nobody waits for it.
    pub(super) disk_bell: Bell,
}

/// A record that is not yet written.
struct Waiting {
    recorded_at_micros: i64,
    submission: Submission,
    /// `None` once it was told.
    done: Option<Done>,
}

struct Writer {
    /// `None` while it must be opened anew: after a failure nothing that was written since the disk was last asked can be
    /// relied on.
    log: Option<Log>,
    end: End,
    waiting: VecDeque<Waiting>,
    /// Kept empty, so that its memory is there for what is handed over next.
    taken_up: Vec<Submission>,
    last_micros: i64,
}

/// Where a record went.
enum Place {
    /// It is a new one.
    New { seq: i64 },
    /// The same decision is recorded already, or the same request was answered.
    Known { seq: i64, recorded_at_micros: i64 },
}

impl Desk {
    /// Opens a ledger to write. What is left of a record that was being written when its writer was stopped is cut off; but
    /// nothing is where less is left than was noted.
    pub(super) fn open(path: PathBuf, sync: Sync, clock: Clock, gauge: Gauge) -> Result<Self, LedgerError> {
        let noted = note::noted(&path);
        if let Some(noted) = &noted {
            note::check_there(&path, noted)?;
        }
        let file = open_to_write(&path)?;
        let place = Whereabouts::of(&file).map_err(LedgerError::file("reading", &path))?;
        let known_seq = noted.as_ref().map_or(0, |(seq, _)| *seq);
        let (index, n_torn) = Index::recover(&path, &file, known_seq)?;
        if let Some(noted) = &noted {
            note::check_end(&path, noted, &file, &index)?;
        }
        if n_torn > 0 {
            tracing::warn!({ fields::N_BYTES } = n_torn, "the ledger ends in the middle of a record, which is cut off");
        }
        let end = index.end();
        let log = Log::new(file, end).map_err(LedgerError::file("writing", &path))?;
        // What a server that was killed wrote last may be in the memory of the system and nowhere else.
        log.handle().sync_all().map_err(LedgerError::file("writing", &path))?;
        let reached = Reached::new(log.handle(), end);
        let last_micros = end.head.recorded_at_micros;
        let writer = Writer { log: Some(log), end, waiting: VecDeque::new(), taken_up: Vec::new(), last_micros };
        Ok(Self {
            path,
            place,
            sync,
            clock,
            gauge: Arc::new(gauge),
            stall: Stall::new(),
            index: Arc::new(SharedIndex::new(index)),
            reached,
            incoming: Mutex::default(),
            writer: Mutex::new(writer),
            thread: OnceLock::new(),
            disk_bell: Bell::default(),
        })
    }

    /// Takes a record.
    pub(super) fn hand_over(&self, mut submission: Submission) {
        submission.slot.fill(&submission.content);
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).push(submission);
        match self.sync {
            Sync::Always => self.call_thread(),
            Sync::Batch => self.disk_bell.ring(),
        }
    }

    /// Has the thread look after the ledger now.
    pub(super) fn call_thread(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Writes all that was handed over, unless somebody else is at it, who does so then.
    pub(super) fn work(&self) {
        while self.work_once() {}
    }

    /// As [`Self::work`], but only once: whether something came meanwhile, which was left to whoever is at it.
    pub(super) fn work_once(&self) -> bool {
        if self.sync == Sync::Always {
            // The thread was called.
            return false;
        }
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        writer.turn(self);
        drop(writer);
        self.n_incoming() > 0
    }

    /// Records that nobody has taken up yet.
    pub(super) fn n_incoming(&self) -> usize {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether a write hangs. The first who finds it so says so.
    pub(super) fn hangs(&self) -> bool {
        let hangs = self.stall.is_on();
        if hangs && self.stall.is_news() {
            self.gauge.n_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!({ fields::ERROR } = "a write does not end", "the ledger can't be written");
        }
        hangs
    }

    /// Holds the writer as a write does that hangs.
    pub(super) fn hold_up(&self, is_held: &Sender<()>, ends: &Receiver<()>) {
        self.holding(|writer| {
            self.stall.begins();
            let _ = (is_held.send(()), ends.recv());
            self.stall.ends();
            writer.turn(self);
        });
    }

    /// Holds the writer for a moment. Calls that came meanwhile have left their records to whoever held it.
    fn holding<R>(&self, act: impl FnOnce(&mut Writer) -> R) -> R {
        let acted = act(&mut self.writer.lock().unwrap_or_else(PoisonError::into_inner));
        if self.n_incoming() > 0 {
            self.work();
        }
        acted
    }

    /// Writes what was handed over so far; waits where somebody else is at it. How many records still wait. What is handed over
    /// meanwhile is left to whoever calls this, who has more to look after and would never come to it under load.
    pub(super) fn work_off(&self) -> usize {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.turn(self);
        writer.waiting.len()
    }

    /// Whether all that was handed over is written, and the disk has it.
    pub(super) fn is_quiet(&self) -> bool {
        // In this order: what is on its way counts as one until it is the next.
        self.n_incoming() == 0 && self.gauge.n_pending() == 0 && self.reached.is_on_disk()
    }

    /// Asks the disk for what it is not known to have; whether there was any. For [one thread at a time](Reached::sync).
    pub(super) fn ask_the_disk(&self) -> bool {
        self.reached.sync().unwrap_or_else(|(file, error)| {
            let why = format!("the disk did not take what was written: {error}");
            self.holding(|writer| {
                // What was opened anew meanwhile has written all of that again, and hears of failures of its own.
                if writer.log.as_ref().is_some_and(|log| Arc::ptr_eq(&log.handle(), &file)) {
                    writer.fail(self, &why);
                }
            });
            true
        })
    }

    /// Looks whether the file still is where it was. What is written to one that was moved or removed is lost to whoever opens the
    /// ledger next, so that counts as a failure.
    pub(super) fn look_after_place(&self) {
        if !self.gauge.failing.load(Ordering::Relaxed) && !self.place.is_at(&self.path) {
            self.holding(|writer| writer.fail(self, "its file was moved or removed"));
        }
    }

    /// Tries a ledger again where it could not be written.
    pub(super) fn open_anew(&self) {
        self.holding(|writer| {
            if writer.log.is_some() {
                return;
            }
            let (end, on_disk) = (writer.end, self.reached.on_disk());
            let open = || -> io::Result<Log> {
                let file = self.place.open(&self.path)?;
                if file.metadata()?.len() < end.offset {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "records that were taken are gone"));
                }
                let log = Log::new(file, end)?;
                log.write_anew(on_disk)?;
                Ok(log)
            };
            // It writes too, and may hang as a write does.
            self.stall.begins();
            let opened = open();
            self.stall.ends();
            if let Ok(log) = opened {
                self.reached.opened(log.handle(), end);
                writer.log = Some(log);
            }
            writer.turn(self);
        });
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    /// Takes up what was handed over, and writes all that waits.
    fn turn(&mut self, desk: &Desk) {
        let taken_up = desk.stall.takes_up();
        let mut incoming = std::mem::take(&mut self.taken_up);
        std::mem::swap(&mut *desk.incoming.lock().unwrap_or_else(PoisonError::into_inner), &mut incoming);
        if !incoming.is_empty() {
            self.last_micros = self.last_micros.max(desk.clock.now_micros());
        }
        for mut submission in incoming.drain(..) {
            let done = std::mem::replace(&mut submission.done, Box::new(|_| ()));
            self.waiting.push_back(Waiting { recorded_at_micros: self.last_micros, submission, done: Some(done) });
        }
        self.taken_up = incoming;
        while self.log.is_some() && !self.waiting.is_empty() {
            desk.stall.begins();
            let before = self.end.head.seq;
            let written = self.write_some(desk);
            let n_written = u64::try_from(self.end.head.seq - before).unwrap_or_default();
            desk.gauge.n_written.fetch_add(n_written, Ordering::Relaxed);
            if desk.stall.ends() && written.is_ok() {
                tracing::info!("the ledger can be written again");
            }
            match written {
                Ok(placed) => self.took(placed),
                Err(error) => self.fail(desk, &with_causes(&error)),
            }
        }
        if self.log.is_none() {
            for one in &mut self.waiting {
                if let Some(done) = one.done.take() {
                    done(desk.gauge.unwritten(Some(one.recorded_at_micros)));
                }
            }
        } else if desk.gauge.failing.swap(false, Ordering::Relaxed) {
            // It is not well before all that was decided meanwhile is written: an outcome looks for its decision there.
            tracing::info!("the ledger can be written again");
        }
        if self.waiting.is_empty() {
            desk.stall.wrote_all(taken_up, || desk.n_incoming() == 0);
        }
    }

    /// Writes the first of those that wait, all or none.
    fn write_some(&mut self, desk: &Desk) -> Result<Vec<Place>, LedgerError> {
        let writing = LedgerError::file("writing", &desk.path);
        let Some(log) = &mut self.log else { return Ok(Vec::new()) };
        let n = n_together(&self.waiting);
        let mut places = Vec::with_capacity(n);
        let mut fresh = Fresh::with_capacity(n);
        let mut seq = self.end.head.seq;
        for one in self.waiting.iter().take(n) {
            let content = &one.submission.content;
            let known = known(desk, content, one.submission.is_first, &fresh, self.end.head)?;
            match known {
                None => {
                    seq += 1;
                    places.push(Place::New { seq });
                    fresh.push(one.recorded_at_micros, Repeatable::As(content));
                }
                Some((by_request, known_seq, recorded_at_micros)) => {
                    places.push(Place::Known { seq: known_seq, recorded_at_micros });
                    // The decision stands already, but the request that asked for it again is a new one.
                    if !by_request && content.request.is_some() {
                        seq += 1;
                        let repeat = Content { kind: Kind::Repeat, parcel: None, ..content.clone() };
                        fresh.push(one.recorded_at_micros, Repeatable::Repeat(Box::new(repeat)));
                    }
                }
            }
        }
        let mut indexed = Vec::with_capacity(fresh.len());
        let placed = |offset, _, content: &Content, micros| indexed.push(Indexed::of(offset, micros, content));
        let end = log.write(fresh.iter(), placed).map_err(writing)?;
        if desk.sync == Sync::Always {
            log.ask_the_disk().map_err(LedgerError::file("writing", &desk.path))?;
            desk.reached.synced(end);
        }
        log.take(end);
        self.end = end;
        desk.index.add(&indexed, end);
        desk.reached.wrote(end);
        Ok(places)
    }

    fn took(&mut self, placed: Vec<Place>) {
        let n = placed.len();
        for (place, one) in placed.into_iter().zip(self.waiting.drain(..n)) {
            let Waiting { recorded_at_micros, submission, done } = one;
            // What it held is let go first: whoever was told looks it up in the ledger.
            drop(submission);
            if let Some(done) = done {
                done(match place {
                    Place::New { seq } => Appended::Recorded { seq, recorded_at_micros },
                    Place::Known { seq, recorded_at_micros } => Appended::Known { seq, recorded_at_micros },
                });
            }
        }
    }

    /// Lets the file go. A failed request to the disk is never made again on it: the second would say that all is well.
    fn fail(&mut self, desk: &Desk, why: &str) {
        desk.reached.closed();
        if self.log.take().is_some() && !desk.gauge.failing.swap(true, Ordering::Relaxed) {
            desk.gauge.n_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!({ fields::ERROR } = why, "the ledger can't be written");
            // It tries again.
            desk.call_thread();
        }
    }
}

/// How many of those that wait are written next: one at least, where any does.
fn n_together(waiting: &VecDeque<Waiting>) -> usize {
    let mut n_bytes = 0;
    let fits = |one: &&Waiting| {
        let fits = n_bytes < MOST_BYTES_TOGETHER;
        n_bytes += one.submission.content.n_bytes();
        fits
    };
    waiting.iter().take(MOST_TOGETHER).take_while(fits).count()
}
