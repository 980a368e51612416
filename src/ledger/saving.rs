//! History saved for the next start while a server goes on: after a kill a start folds what came since, and not all that came
//! since the last stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::grounds::Grounds;
use super::helper::Background;
use super::past::Past;
use super::record::Head;
use super::saved::{BESIDE_CALLS, Saved};
use super::{LedgerError, Reader};
use crate::history::{History, Workers};
use crate::policy::Flow;
use crate::telemetry::fields;

/// Records after which it is saved again. A start folds one or two hundred thousand a second.
pub const SAVED_EVERY: i64 = 1_000_000;
/// How often it is looked whether there are as many.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What a history that goes on is made again from, beside it: it is never held up.
#[derive(Debug)]
pub struct Unsaved {
    /// Of the ledger.
    pub reader: Reader,
    /// Of the model that decides.
    pub grounds: Grounds,
    /// What that model knows from its training.
    pub genesis: Arc<History>,
    /// Nothing has passed in it yet.
    pub flow: Flow,
    /// The last record that is folded. The disk has it, or a loss of power would make all of this worth nothing.
    pub until: Head,
}

impl Unsaved {
    /// Folds the records since it was saved last, and saves what comes of it; for as long as that takes, there is a second
    /// history in memory. Whether it came to its end, which it does not where `goes_on` says so before.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read, or the file not be written.
    pub fn save(self, goes_on: impl Fn() -> bool) -> Result<bool, LedgerError> {
        let Self { reader, grounds, genesis, flow, until } = self;
        let Some(mut past) = Past::read(&reader, &grounds, &genesis, flow, until.seq, Workers::Own, &|_| goes_on())?
        else {
            return Ok(false);
        };
        let (items, (history, flow)) = (past.items.all(), past.fold.parts());
        drop(past);
        history.catch_up();
        let saved = Saved::of(&until, &grounds, items, &flow, &history);
        drop((history, flow));
        if !goes_on() {
            return Ok(false);
        }
        // Whoever ends the server may write at the same time.
        saved.write(reader.path(), BESIDE_CALLS)?;
        Ok(true)
    }
}

/// Saves from time to time until it is dropped.
#[derive(Debug)]
pub struct Saving(#[expect(dead_code, reason = "held until it is dropped")] Background);

impl Saving {
    /// * `unsaved`: what there is to save now; it is asked again later where there is nothing, or where that failed.
    ///
    /// # Errors
    /// [`LedgerError::Thread`].
    pub fn start(mut unsaved: impl FnMut() -> Option<Unsaved> + Send + 'static) -> Result<Self, LedgerError> {
        let run = move |is_over: &AtomicBool| {
            while !is_over.load(Ordering::SeqCst) {
                match unsaved().map_or(Ok(true), |unsaved| save_apart(unsaved, is_over)) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        tracing::warn!({ fields::ERROR } = %error, "history can't be saved: a start after a kill takes longer");
                    }
                }
                thread::park_timeout(LOOK_EVERY);
            }
        };
        Background::start("ledger-saving", run).map(Self)
    }
}

/// On a thread of its own, with which the memory goes that it took: one that rests would keep it.
fn save_apart(unsaved: Unsaved, is_over: &AtomicBool) -> Result<bool, LedgerError> {
    let save = || unsaved.save(|| !is_over.load(Ordering::Relaxed));
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("ledger-history".to_owned()).spawn_scoped(scope, save);
        // A panic there was told when it happened.
        thread.map_err(LedgerError::Thread)?.join().unwrap_or(Ok(false))
    })
}
