//! Labeled tables, read whole and put in order of time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{KeptParcel, RowsReader};
use crate::artifact::Reading;
use crate::features::{ExchangeRates, FeaturePlan, ParcelKeys, RecordedKeys, hex};
use crate::history::{Bucket, BucketWidth, EntityKey, KeyHasher};
use crate::parcel::codes::InfringementKind;
use crate::parcel::{Draft, ParcelLimits};
use crate::table::{LabelCounts, Mapping, RejectCounts, RowPosition, TableError, TableReader};

/// Parcels of one or more tables, earliest first; of the same instant, in the order of the files.
#[derive(Debug)]
pub struct Dataset {
    /// The parcels that could be read.
    pub rows: Vec<LabeledParcel>,
    /// The rows that could not.
    pub rejects: RejectCounts,
    /// The values of the label, as the tables have them.
    pub labels: LabelCounts,
    /// SHA-256 over the bytes of the files, in their order, in lower-case hexadecimal.
    pub digest: String,
    /// How they became parcels.
    pub reading: Reading,
}

/// A parcel and what is known of its outcome.
#[derive(Clone, Debug)]
pub struct LabeledParcel {
    /// The parcel.
    pub parcel: KeptParcel,
    /// What inspection found, where it is known.
    pub outcome: Option<KnownOutcome>,
    /// What its infringement is worth in the base currency, where the table says.
    pub revenue: Option<f64>,
    /// How much it counts.
    pub weight: f64,
    /// The chance with which it was chosen for inspection, where the table says.
    pub selection_probability: Option<f64>,
    /// Where it stands.
    pub position: RowPosition,
    /// What history knows it by, where its parties are kept under pseudonyms.
    pub recorded: Option<Arc<RecordedKeys>>,
}

/// An outcome and when it became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownOutcome {
    /// Whether inspection found an infringement.
    pub infringement: bool,
    /// Of which kind it was; `None` where that is not stated. A word that the contract does not have is
    /// [`InfringementKind::Other`].
    pub kind: Option<InfringementKind>,
    /// Seconds since 1970; `None`: the label delay after the parcel was advised.
    pub known_at_seconds: Option<i64>,
}

impl LabeledParcel {
    /// Its keys: those that were recorded when it was decided about, where `parcel` holds pseudonyms in place of its parties.
    pub fn keys(&self, plan: &FeaturePlan, rates: &ExchangeRates) -> ParcelKeys {
        let mut keys = ParcelKeys::default();
        self.keys_into(plan, rates, &mut keys);
        keys
    }

    /// As [`LabeledParcel::keys`], in place of what was in `keys`.
    pub fn keys_into(&self, plan: &FeaturePlan, rates: &ExchangeRates, keys: &mut ParcelKeys) {
        plan.keys_into(&self.parcel.get(), rates, keys);
        if let Some(recorded) = &self.recorded {
            *keys = recorded.over(std::mem::take(keys));
        }
    }

    /// Names the item, so that one advised twice counts once.
    pub fn item(&self) -> EntityKey {
        item(self.parcel.item_id())
    }

    /// Names the item and the second of its advice: an identifier may be used again.
    pub fn advice(&self) -> EntityKey {
        advice(self.parcel.item_id(), self.parcel.advised_at.seconds())
    }

    /// Days from the parcel's advice to its outcome, where the table says.
    pub fn stated_delay_days(&self) -> Option<f64> {
        let known_at = self.outcome?.known_at_seconds?;
        Some(known_at.saturating_sub(self.parcel.advised_at.seconds()) as f64 / 86_400.0)
    }

    /// The bucket in which the outcome becomes known, and the outcome. Never before the bucket in which the parcel is advised,
    /// whatever the row says: no parcel is to know more of another by its label than by its advice.
    pub fn due(&self, width: BucketWidth, label_delay_days: u32) -> Option<(Bucket, bool)> {
        let outcome = self.outcome?;
        let second = outcome
            .known_at_seconds
            .unwrap_or_else(|| self.parcel.advised_at.seconds().saturating_add(i64::from(label_delay_days) * 86_400));
        let second = second.max(self.parcel.advised_at.seconds());
        Some((width.bucket_of_second(second), outcome.infringement))
    }
}

/// What history knows the item of this identifier by.
pub fn item(item_id: &str) -> EntityKey {
    let mut hasher = KeyHasher::new("item");
    hasher.part(item_id.as_bytes());
    hasher.finish()
}

/// How many of `rows` are of an item that another of them is of: history knows an item once, and nothing of the rest.
pub fn n_repeated(rows: &[LabeledParcel]) -> u64 {
    let mut items: Vec<_> = rows.par_iter().map(LabeledParcel::item).collect();
    items.par_sort_unstable();
    items.dedup();
    (rows.len() - items.len()) as u64
}

pub(super) fn advice(item_id: &str, advised_at_seconds: i64) -> EntityKey {
    let mut hasher = KeyHasher::new("advice");
    hasher.part(item_id.as_bytes());
    hasher.part(&advised_at_seconds.to_le_bytes());
    hasher.finish()
}

/// Why tables cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A table as a whole.
    #[error("reading {path}", path = path.display())]
    Table {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: TableError,
    },
    /// A file.
    #[error("reading {path}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More unreadable rows than allowed.
    #[error("{n_rejected} of {n_rows} rows could not be read, more than the {max_percent} % allowed\n{shown}")]
    TooManyRejects {
        /// Unreadable rows.
        n_rejected: u64,
        /// All rows.
        n_rows: u64,
        /// Limit in percent.
        max_percent: f64,
        /// Counts by reason and examples.
        shown: String,
    },
    /// Nothing to work on.
    #[error("there is no readable row in {path}", path = path.display())]
    Empty {
        /// The first file.
        path: PathBuf,
    },
}

impl Dataset {
    /// Reads tables; `on_row` is told of each row, for progress.
    ///
    /// # Errors
    /// [`DatasetError`] where a file or its mapping is unusable, no row is readable, or more than
    /// `max_reject_share` of the rows are not.
    pub fn read(
        paths: &[PathBuf],
        mapping: Option<&Mapping>,
        limits: &ParcelLimits,
        max_reject_share: f64,
        mut on_row: impl FnMut(),
    ) -> Result<Self, DatasetError> {
        let mut digest = Sha256::new();
        for path in paths {
            hash_file(path, &mut digest).map_err(|source| DatasetError::Io { path: path.clone(), source })?;
        }
        let mut reader = RowsReader::new(paths, mapping, limits);
        let mut rows = Vec::new();
        loop {
            let mut some = reader.next_rows(&mut on_row)?;
            if some.is_empty() {
                break;
            }
            some.par_iter_mut().for_each(|row| row.parcel.pack());
            rows.extend(some);
        }
        let labels = reader.labels().clone();
        let rejects = reader.finish(max_reject_share)?;
        if rows.is_empty() {
            return Err(DatasetError::Empty { path: paths.first().cloned().unwrap_or_default() });
        }
        rows.sort_by_key(|row| row.parcel.advised_at);
        let mapping_digest = mapping.map(|mapping| hex(&Sha256::digest(mapping.text())));
        let reading = Reading { mapping_digest, limits: limits.clone(), ledger: None };
        Ok(Self { rows, rejects, labels, digest: hex(&digest.finalize()), reading })
    }

    /// Whether a row was advised at this second or earlier.
    pub fn begins_by(&self, second: i64) -> bool {
        self.rows.first().is_some_and(|row| row.parcel.advised_at.seconds() <= second)
    }

    /// Gives each row whose item `recorded` knows what was recorded of it, under the hash of its identifier.
    pub fn know_by(&mut self, recorded: &HashMap<EntityKey, Arc<RecordedKeys>>) {
        for row in &mut self.rows {
            row.recorded = recorded.get(&row.item()).cloned();
        }
    }

    /// Lets each labeled row stand for as many parcels as its chance of inspection says, `most` at most: what is labeled is
    /// what was chosen, and by itself would teach what was chosen. Returns how many rows were clipped.
    ///
    /// Inverse propensity weights; clipped they are a little biased and far less noisy. A row that states no chance stands
    /// for itself. Source: Horvitz and Thompson, JASA 47 (1952); Ionides, JCGS 17 (2008), for the clipping.
    pub fn weigh_by_selection(&mut self, most: f64) -> u64 {
        let mut n_clipped = 0;
        for row in self.rows.iter_mut().filter(|row| row.outcome.is_some()) {
            let Some(chance) = row.selection_probability.filter(|chance| *chance > 0.0) else { continue };
            let weight = 1.0 / chance;
            n_clipped += u64::from(weight > most);
            row.weight *= weight.min(most);
        }
        n_clipped
    }
}

/// Reads the rows at `positions` again, as they were stated, in the order of the positions.
///
/// # Errors
/// [`DatasetError`] where a table cannot be read any more.
pub fn drafts_at(
    paths: &[PathBuf],
    mapping: Option<&Mapping>,
    positions: &[&RowPosition],
) -> Result<Vec<Draft>, DatasetError> {
    let mut found: Vec<Option<Draft>> = vec![None; positions.len()];
    for path in paths {
        let table = |source| DatasetError::Table { path: path.clone(), source };
        for row in TableReader::open(path, mapping).map_err(table)? {
            let Ok(row) = row.map_err(table)? else { continue };
            for (slot, _) in found.iter_mut().zip(positions).filter(|(_, wanted)| ***wanted == row.position) {
                *slot = Some(row.draft.clone());
            }
        }
    }
    Ok(found.into_iter().flatten().collect())
}

fn hash_file(path: &Path, digest: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            n => digest.update(&buffer[..n]),
        }
    }
}
