//! What is written reaches the disk, and the end of the chain is noted beside it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::LedgerError;
use super::config::{Sync, beside};
use super::record::Head;
use crate::features::hex;

/// What is written at most this long ago may be lost with the power, where `ledger.sync` is `batch`.
const SYNC_EVERY: Duration = Duration::from_millis(10);
/// How often the end of the chain is noted.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// The thread that asks the disk.
#[derive(Debug)]
pub(super) struct Syncer {
    written: Option<mpsc::Sender<Head>>,
    thread: Option<JoinHandle<()>>,
    /// Whether the disk refused: what it had been given may be lost, and must be written anew.
    has_failed: Arc<AtomicBool>,
}

impl Syncer {
    pub(super) fn start(path: &Path, sync: Sync) -> Result<Self, LedgerError> {
        let (written, heads) = mpsc::channel();
        let has_failed = Arc::new(AtomicBool::new(false));
        let (path, failed) = (path.to_owned(), Arc::clone(&has_failed));
        let thread = thread::Builder::new()
            .name("ledger-sync".to_owned())
            .spawn(move || run(&path, sync, &heads, &failed))
            .map_err(LedgerError::Thread)?;
        Ok(Self { written: Some(written), thread: Some(thread), has_failed })
    }

    /// Tells it that there is something new.
    pub(super) fn written(&self, head: Head) {
        // It ends only with this value.
        let _ = self.written.as_ref().map(|written| written.send(head));
    }

    /// Whether the disk has refused since this was asked last.
    pub(super) fn take_failure(&self) -> bool {
        self.has_failed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.written = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

fn run(path: &Path, sync: Sync, heads: &Receiver<Head>, has_failed: &AtomicBool) {
    let wal = beside(path, "-wal");
    let mut noted = Instant::now();
    let mut latest: Option<Head> = None;
    loop {
        let mut is_over = false;
        match heads.recv_timeout(NOTE_EVERY) {
            Ok(head) => latest = Some(head),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => is_over = true,
        }
        latest = heads.try_iter().last().or(latest);
        if sync == Sync::Batch && latest.is_some() && ask_the_disk(&wal).is_err() {
            has_failed.store(true, Ordering::Release);
        }
        if let Some(head) = latest
            && (is_over || noted.elapsed() >= NOTE_EVERY)
        {
            // A help for `verify`, and no more: the ledger itself is whole without.
            let _ = note(path, &head);
            (noted, latest) = (Instant::now(), None);
        }
        if is_over {
            return;
        }
        thread::sleep(SYNC_EVERY);
    }
}

/// Where there is no file, all of it is in the database already.
fn ask_the_disk(wal: &Path) -> io::Result<()> {
    match File::open(wal) {
        Ok(file) => file.sync_data(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
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

/// A head that others can wait for.
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
