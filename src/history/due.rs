//! Outcomes that are still to come, column by column.

use serde::{Deserialize, Serialize};

use super::SnapshotError::{self, Inconsistent};
use super::{Bucket, DueOutcome, EntityKey};

#[derive(Serialize, Deserialize)]
pub(super) struct DueColumns {
    at: Vec<u32>,
    infringement: Vec<bool>,
    keys: Vec<Vec<u64>>,
}

impl DueColumns {
    pub(super) fn of(due: &[DueOutcome]) -> Self {
        Self {
            at: due.iter().map(|due| due.at.0).collect(),
            infringement: due.iter().map(|due| due.infringement).collect(),
            keys: due.iter().map(|due| due.keys.iter().map(|key| key.0).collect()).collect(),
        }
    }

    pub(super) fn check(self) -> Result<Vec<DueOutcome>, SnapshotError> {
        let n_due = self.at.len();
        if self.infringement.len() != n_due || self.keys.len() != n_due {
            return Err(Inconsistent("columns of different lengths"));
        }
        let due = self.at.into_iter().zip(self.infringement).zip(self.keys);
        Ok(due
            .map(|((at, infringement), keys)| DueOutcome {
                at: Bucket(at),
                infringement,
                keys: keys.into_iter().map(EntityKey).collect(),
            })
            .collect())
    }
}
