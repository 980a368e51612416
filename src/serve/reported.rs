//! Results of inspections on their way into the ledger.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{PoisonError, mpsc};

use super::Recorder;
use super::status::Refusal;
use crate::ledger::{Appended, Item, KeptOutcome, Slot, Submission, Unavailable};
use crate::wire::{self, CheckedOutcome, v1};

impl Recorder {
    /// Records results, and says of each what is wrong with it. Waits until the ledger has them.
    ///
    /// # Errors
    /// [`Refusal`] where the ledger can't be read or written: a result is on record, or it is not acknowledged.
    pub(super) fn record_outcomes(
        &self,
        outcomes: Vec<v1::Outcome>,
        max_text_bytes: usize,
    ) -> Result<Vec<Option<v1::ItemError>>, Refusal> {
        let is_well = || match self.ledger().is_failing() {
            true => Err(Refusal::LedgerUnavailable(Unavailable::Failing)),
            false => Ok(()),
        };
        // Before too: nobody is to wait behind one that waits for a disk that hangs.
        is_well()?;
        let _one_at_a_time = self.outcomes().lock().unwrap_or_else(PoisonError::into_inner);
        is_well()?;
        let mut items: HashMap<String, Item> = HashMap::new();
        let mut errors = Vec::with_capacity(outcomes.len());
        let (tell, became) = mpsc::channel();
        let mut n_submitted = 0;
        let handed_over = outcomes.into_iter().try_for_each(|stated| {
            let checked = match wire::check_outcome(stated, max_text_bytes) {
                Ok(checked) => checked,
                Err(invalid) => {
                    errors.push(Some(Refusal::from(invalid).into()));
                    return Ok(());
                }
            };
            errors.push(None);
            let item_id = checked.stated.item_id.clone();
            let item = match items.entry(item_id) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let read = Item::read(self.reader(), entry.key(), &self.grounds());
                    entry.insert(read.map_err(|error| Refusal::unreadable(&error))?)
                }
            };
            if let Some(kept) = item.with(&checked) {
                let slot = self.ledger().reserve().map_err(Refusal::LedgerUnavailable)?;
                self.submit_outcome(&checked, &kept, slot, tell.clone());
                n_submitted += 1;
            }
            Ok(())
        });
        // Also where the rest found no room: whoever is refused sends all of them again, and these must be found then.
        self.ledger().write_out();
        for _ in 0..n_submitted {
            if !matches!(self.ledger().told(&became), Some(Appended::Recorded { .. })) {
                return Err(Refusal::LedgerUnavailable(Unavailable::Failing));
            }
        }
        handed_over.map(|()| errors)
    }

    fn submit_outcome(&self, checked: &CheckedOutcome, kept: &KeptOutcome, slot: Slot, tell: mpsc::Sender<Appended>) {
        self.live().in_bucket(self.bucket_of(checked.inspected_at), |at| {
            let content = kept.to_content(at);
            let done = Box::new(move |appended| {
                let _ = tell.send(appended);
            });
            self.ledger().submit(Submission { content, slot, done, held: None, is_first: false });
            if let Some((infringement, keys)) = kept.label() {
                self.lanes().found(at, &keys, infringement);
            }
        });
    }
}
