//! The thread beside the calls: it writes what nobody waits for, tries again what failed, and notes the end of the chain.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::checkpoint::Signing;
use super::disk::Disk;
use super::note::note;
use super::record::Head;
use super::writer::Desk;
use crate::telemetry::fields;

/// How often a ledger that could not be written is tried again, and one at work is looked after.
const TRY_AGAIN_EVERY: Duration = Duration::from_millis(100);
/// How often the end of the chain that the disk has is noted, and records in memory and the file's place are looked after.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long a ledger that can't be written is tried before what waits for it is given up, at the end.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// Looks after a ledger until it is closed and nothing waits.
///
/// * `disk`: where somebody else asks it meanwhile, `ledger.sync` being `batch`.
pub(super) fn look_after(desk: &Desk, is_closing: &AtomicBool, signing: Option<&Signing>, mut disk: Option<Disk>) {
    let mut signed = (0, Instant::now());
    let (mut noted, mut tried) = (Head::default(), Instant::now());
    let mut looked = Instant::now();
    let mut closing_since: Option<Instant> = None;
    loop {
        if is_closing.load(Ordering::SeqCst) {
            closing_since.get_or_insert_with(Instant::now);
        }
        let mut n_waiting = desk.work_off();
        if desk.gauge.failing.load(Ordering::Relaxed) && tried.elapsed() >= TRY_AGAIN_EVERY {
            desk.open_anew();
            tried = Instant::now();
            n_waiting = desk.work_off();
        }
        if closing_since.is_some() && !desk.gauge.failing.load(Ordering::Relaxed) {
            // One after the other, for both would ask the same file.
            if disk.take().is_none_or(|disk| disk.end_within(LAST_TRIES)) {
                desk.ask_the_disk();
            } else {
                tracing::error!({ fields::ERROR } = "the disk does not answer", "the ledger can't be written");
                return;
            }
        }
        if looked.elapsed() >= NOTE_EVERY || closing_since.is_some() {
            looked = Instant::now();
            if closing_since.is_none() {
                desk.look_after_place();
            }
            // Never ahead of what the disk has: after a loss of power the ledger would seem to have been cut.
            let head = desk.reached.on_disk().head;
            if head != noted {
                // The ledger itself is whole without.
                let _ = note(&desk.path, &head);
                noted = head;
            }
            seal(desk);
            if let Some(signing) = signing
                && (signed.1.elapsed() >= signing.every || closing_since.is_some())
            {
                signed = (sign(signing, &desk.reached.on_disk().head, signed.0), Instant::now());
            }
        }
        let is_failing = desk.gauge.failing.load(Ordering::Relaxed);
        if let Some(since) = closing_since {
            if n_waiting == 0 && desk.n_incoming() == 0 && !is_failing {
                return;
            }
            if since.elapsed() > LAST_TRIES && is_failing {
                if n_waiting > 0 {
                    tracing::error!({ fields::N_ITEMS } = n_waiting, "records are lost: the ledger can't be written");
                }
                return;
            }
        }
        // Left here by calls that found it at work.
        if desk.n_incoming() > 0 {
            continue;
        }
        // Whoever asks the disk calls it where nobody waits for a record; but not while the disk is slow to answer.
        thread::park_timeout(if is_failing || closing_since.is_some() || !desk.is_quiet() {
            TRY_AGAIN_EVERY
        } else {
            NOTE_EVERY.saturating_sub(looked.elapsed())
        });
    }
}

/// Moves what is looked up by from memory to disk, where enough has come together. It can be made again from the ledger, so
/// a failure costs no more than memory.
fn seal(desk: &Desk) {
    loop {
        match desk.index.seal_one() {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!({ fields::ERROR } = %error, "what records are found by can't be written");
                return;
            }
        }
    }
}

/// Signs the end of the ledger where it is another than the one signed last; the number of the record that now is.
fn sign(signing: &Signing, head: &Head, signed: i64) -> i64 {
    if head.seq <= signed {
        return signed;
    }
    match signing.sign(head) {
        Ok(()) => head.seq,
        Err(error) => {
            tracing::warn!({ fields::ERROR } = %error, "a checkpoint of the ledger can't be written");
            signed
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Clock, Content, Kind, LedgerConfig, Submission, Sync};
    use super::*;
    use crate::history::Bucket;
    use crate::ledger::note::noted;
    use crate::ledger::pending::Gauge;

    /// Hands over a record that is followed by `n_more`, each when the one before is written.
    fn hand_over(desk: &Arc<Desk>, n_more: usize) {
        let next = Arc::clone(desk);
        let done = Box::new(move |_| {
            if n_more > 0 {
                hand_over(&next, n_more - 1);
            }
        });
        let (slot, content) = (desk.gauge.reserve(false).unwrap(), Content::new(Kind::Model, Bucket(1), Vec::new()));
        desk.hand_over(Submission { content, slot, done, held: None, is_first: false });
    }

    #[test]
    fn whoever_looks_after_a_ledger_does_not_stay_where_records_never_end() {
        let dir = tempfile::tempdir().unwrap();
        let config = LedgerConfig::default();
        let gauge = Gauge::new(config.max_pending, config.on_failure);
        let desk = Arc::new(Desk::open(dir.path().join("ledger.db"), Sync::Batch, Clock::system(), gauge).unwrap());
        hand_over(&desk, 9);
        assert_eq!(desk.work_off(), 0);
        assert_eq!((desk.reached.written().head.seq, desk.n_incoming()), (1, 1), "the next is left for later");
        // And none is left for good.
        look_after(&desk, &AtomicBool::new(true), None, None);
        assert_eq!((desk.reached.on_disk().head.seq, desk.n_incoming()), (10, 0));
    }

    #[test]
    fn the_end_that_is_noted_is_one_that_the_disk_has() {
        let dir = tempfile::tempdir().unwrap();
        let (path, config) = (dir.path().join("ledger.db"), LedgerConfig::default());
        let gauge = Gauge::new(config.max_pending, config.on_failure);
        let desk = Desk::open(path.clone(), Sync::Batch, Clock::system(), gauge).unwrap();
        let is_closing = AtomicBool::new(false);
        let noted_now = || {
            thread::sleep(NOTE_EVERY * 3 / 2);
            noted(&path).map_or(0, |(seq, _)| seq)
        };
        let (slot, done) = (desk.gauge.reserve(false).unwrap(), Box::new(|_| ()));
        let content = Content::new(Kind::Model, Bucket(1), Vec::new());
        desk.hand_over(Submission { content, slot, done, held: None, is_first: false });
        desk.work();
        let (written, asked) = thread::scope(|scope| {
            // Nobody else asks the disk.
            scope.spawn(|| look_after(&desk, &is_closing, None, None));
            let written = noted_now();
            desk.ask_the_disk();
            let asked = noted_now();
            is_closing.store(true, Ordering::SeqCst);
            (written, asked)
        });
        assert_eq!((written, asked), (0, 1));
    }
}
