//! What history knows the parcels of a ledger by, where the ledger itself does not know who sent them.

use std::collections::HashMap;
use std::sync::Arc;

use super::config::Parties;
use super::imported::KeptImport;
use super::kept::KeptDecision;
use super::record::Kind;
use super::{Grounds, LedgerError, Reader};
use crate::features::{FeaturePlan, RecordedKeys};
use crate::history::EntityKey;

/// Of each item, up to record `until`: the keys and numbers that were recorded with its first decision, by the hash of its
/// identifier. Items whose parties are kept as they were stated are left out, since they can be read again; so are those
/// recorded under another feature spec than that of `plan`, whose keys say nothing to it.
///
/// Memory grows with the items: some kilobyte each.
///
/// # Errors
/// [`LedgerError`] where a record can't be read.
pub fn recorded_keys(
    reader: &Reader,
    until: i64,
    plan: &FeaturePlan,
) -> Result<HashMap<EntityKey, Arc<RecordedKeys>>, LedgerError> {
    let spec_digest = plan.spec().digest();
    let (n_numbers, n_features) = (plan.n_numbers(), plan.features().len());
    let mut is_needed = false;
    let mut recorded = HashMap::new();
    reader.scan::<LedgerError>(0, |record| {
        if record.seq > until {
            return Ok(());
        }
        let unreadable = |what| LedgerError::Record { seq: record.seq, what };
        let body = &record.content.body;
        if record.content.kind == Kind::Grounds {
            let on = Grounds::from_body(body).map_err(unreadable)?;
            is_needed = on.parties != Parties::Plain && on.feature_spec_digest == spec_digest;
        }
        let Some(item) = record.content.item.map(EntityKey).filter(|_| is_needed) else { return Ok(()) };
        let kept = match record.content.kind {
            Kind::Decision => {
                let kept = KeptDecision::from_body(body).map_err(unreadable)?;
                let values = Some(kept.row.values.as_slice()).filter(|values| values.len() == n_features);
                kept.counts.then(|| RecordedKeys::new(kept.keys, values, n_numbers))
            }
            Kind::Imported => {
                let kept = KeptImport::from_body(body).map_err(unreadable)?;
                Some(RecordedKeys::new(kept.keys, None, n_numbers))
            }
            _ => None,
        };
        if let Some(kept) = kept {
            recorded.entry(item).or_insert_with(|| Arc::new(kept));
        }
        Ok(())
    })?;
    Ok(recorded)
}
