//! What is saved of history while calls go on.

use std::sync::{Arc, Weak};

use super::Recorder;
use crate::history::HistorySize;
use crate::ledger::{LedgerError, SAVED_EVERY, Saving, Unsaved};
use crate::telemetry::{fields, spare_bytes};

/// So many times what history takes must there be to spare: one is made beside it, and its bytes.
const MEMORY_FACTOR: usize = 4;

impl Recorder {
    /// Saves history from time to time, for a start after a kill, until that is dropped. The recorder is not held.
    ///
    /// # Errors
    /// [`LedgerError`] where there is no thread for it.
    pub fn keep_saved(self: &Arc<Self>) -> Result<Saving, LedgerError> {
        let (mut saved, mut model) = (self.n_saved(), self.lane().grounds.model_digest.clone());
        let (recorder, mut is_told) = (Arc::downgrade(self), false);
        Saving::start(move || {
            let recorder = Weak::upgrade(&recorder)?;
            let lane = recorder.lane();
            // What was saved of another model is worth nothing to the one that decides now.
            let saved_of_it = if lane.grounds.model_digest == model { saved } else { 0 };
            if recorder.ledger().head_on_disk().seq - saved_of_it <= SAVED_EVERY {
                return None;
            }
            let HistorySize { counts, activity, norms } = lane.history.size();
            let needed = (MEMORY_FACTOR * (counts.bytes + activity.bytes + norms.bytes)) as u64;
            if spare_bytes().is_some_and(|spare| spare < needed) {
                if !std::mem::replace(&mut is_told, true) {
                    tracing::warn!(
                        { fields::N_BYTES } = needed,
                        "history is not saved while calls go on: there is too little memory"
                    );
                }
                return None;
            }
            is_told = false;
            // Where it can't be read now, it can another time.
            let unsaved = recorder.unsaved().ok()?;
            // Where it fails, it is tried again after as many more.
            (saved, model) = (unsaved.until.seq, unsaved.grounds.model_digest.clone());
            Some(unsaved)
        })
    }

    /// What history as it stands on the disk now is made again from.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be opened to read.
    pub fn unsaved(&self) -> Result<Unsaved, LedgerError> {
        let lane = self.lane();
        Ok(Unsaved {
            reader: self.ledger().reader()?,
            // Of the model of the lane, whichever decides by now.
            grounds: lane.grounds.clone(),
            genesis: Arc::clone(&lane.genesis),
            flow: lane.flow.begun_anew(),
            until: self.ledger().head_on_disk(),
        })
    }
}
