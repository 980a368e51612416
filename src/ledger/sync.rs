//! The thread beside the calls: it has the disk asked, tries again what failed, and notes the end of the chain.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::checkpoint::Signing;
use super::config::{Sync, beside};
use super::disk::Disk;
use super::record::Head;
use super::writer::Desk;
use crate::features::hex;
use crate::telemetry::fields;

/// What is written at most this long ago may be lost with the power, where `ledger.sync` is `batch`.
const SYNC_EVERY: Duration = Duration::from_millis(10);
/// How often a ledger that could not be written is tried again.
const TRY_AGAIN_EVERY: Duration = Duration::from_millis(100);
/// How often the end of the chain is noted, and records in memory are looked through.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How long a ledger that can't be written is tried before what waits for it is given up, at the end.
const LAST_TRIES: Duration = Duration::from_secs(2);

/// Looks after a ledger until it is closed and nothing waits.
///
/// * `disk`: where nobody waits for it, `ledger.sync` being `batch`.
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
        if desk.gauge.failing.load(Ordering::Relaxed) {
            if tried.elapsed() >= TRY_AGAIN_EVERY {
                desk.open_anew();
                tried = Instant::now();
                n_waiting = desk.work_off();
            }
        } else if let Some(disk) = &mut disk {
            desk.ask_the_disk(disk, closing_since.is_some());
        }
        if looked.elapsed() >= NOTE_EVERY || closing_since.is_some() {
            looked = Instant::now();
            let head = desk.head.get();
            if head != noted {
                // A help for `verify`, and no more: the ledger itself is whole without.
                let _ = note(&desk.path, &head);
                noted = head;
            }
            seal(desk);
            if let Some(signing) = signing
                && (signed.1.elapsed() >= signing.every || closing_since.is_some())
            {
                signed = (sign(signing, &desk.on_disk(), signed.0), Instant::now());
            }
        }
        if let Some(since) = closing_since {
            if n_waiting == 0 && !desk.gauge.failing.load(Ordering::Relaxed) {
                return;
            }
            if since.elapsed() > LAST_TRIES {
                if n_waiting > 0 {
                    tracing::error!({ fields::N_ITEMS } = n_waiting, "records are lost: the ledger can't be written");
                }
                return;
            }
        }
        rest(desk, noted, closing_since.is_some());
    }
}

/// Until there is something to do.
fn rest(desk: &Desk, noted: Head, is_closing: bool) {
    let is_failing = desk.gauge.failing.load(Ordering::Relaxed);
    match desk.sync {
        // Each record calls it.
        Sync::Always => thread::park_timeout(if is_failing || is_closing { TRY_AGAIN_EVERY } else { NOTE_EVERY }),
        Sync::Batch if is_failing => thread::sleep(SYNC_EVERY),
        Sync::Batch if desk.has_work() => thread::sleep(SYNC_EVERY),
        Sync::Batch if desk.head.get() != noted && !is_closing => thread::sleep(SYNC_EVERY),
        Sync::Batch => {
            desk.is_idle.store(true, Ordering::SeqCst);
            // A record that came before it said so called nobody.
            if !desk.has_work() {
                thread::park_timeout(NOTE_EVERY);
            }
            desk.is_idle.store(false, Ordering::SeqCst);
        }
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

fn note_path(ledger: &Path) -> PathBuf {
    beside(ledger, ".head")
}

fn note(ledger: &Path, head: &Head) -> io::Result<()> {
    let (path, new) = (note_path(ledger), beside(ledger, ".head.new"));
    let mut file = File::create(&new)?;
    writeln!(file, "{} {}", head.seq, hex(&head.digest))?;
    fs::rename(new, path)
}

/// The end of the chain as it was noted last: a number and a digest.
pub(super) fn noted(ledger: &Path) -> Option<(i64, String)> {
    let text = fs::read_to_string(note_path(ledger)).ok()?;
    let (seq, digest) = text.trim_end().split_once(' ')?;
    Some((seq.parse().ok()?, digest.to_owned()))
}

/// A head that others can look at.
#[derive(Debug, Default)]
pub(super) struct SharedHead(Mutex<Head>);

impl SharedHead {
    pub(super) fn get(&self) -> Head {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, head: Head) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }
}
