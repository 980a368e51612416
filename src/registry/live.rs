//! The last parcels that were decided about, as the ledger has them.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::features::FeatureRow;
use crate::ledger::{Grounds, KeptDecision, Kind, LedgerError, Reader};
use crate::policy::Seen;

/// The features of parcels that were decided about, and what the policy saw of them.
#[derive(Clone, Debug, Default)]
pub struct LiveRows {
    /// SHA-256 of the spec of the features; empty where there are none.
    pub feature_spec_digest: String,
    /// The last ones, oldest first.
    pub rows: Vec<(FeatureRow, Seen)>,
}

/// Records of other kinds lie between decisions: outcomes, and requests made twice.
const RECORDS_A_DECISION: i64 = 4;

impl LiveRows {
    /// The last `most` decisions whose features are those of the grounds that stand now.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub fn read(reader: &Reader, most: usize) -> Result<Self, LedgerError> {
        let last = reader.head()?.seq;
        let after = last - RECORDS_A_DECISION.saturating_mul(i64::try_from(most).unwrap_or(i64::MAX));
        let Some(now) = reader.grounds_of(last)? else { return Ok(Self::default()) };
        let mut on = reader.grounds_of(after.max(0))?.map(Arc::unwrap_or_clone);
        let mut rows = VecDeque::with_capacity(most);
        reader.scan::<LedgerError>(after.max(0), |record| {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            match record.content.kind {
                Kind::Grounds => on = Some(Grounds::from_body(&record.content.body).map_err(unreadable)?),
                Kind::Decision if on.as_ref().is_some_and(|on| on.feature_spec_digest == now.feature_spec_digest) => {
                    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
                    if rows.len() == most {
                        rows.pop_front();
                    }
                    rows.push_back((kept.row, kept.seen));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self { feature_spec_digest: now.feature_spec_digest.clone(), rows: rows.into() })
    }
}
