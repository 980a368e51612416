//! A decision as it is kept: with all that is needed to make it again, whatever was kept of its parcel.

use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::LedgerError;
use super::record::Record;
use crate::engine::Explanation;
use crate::features::{FeatureRow, KeptKeys, ParcelKeys};
use crate::history::{Counts, EntityKey, KeyHasher};
use crate::policy::{RouteCause, Seen};
use crate::wire::{timestamp_micros, v1};

/// The body of a decision's record.
///
/// Names and addresses are in the parcel beside it. Here are the keys under which history counts, the features, and the
/// reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDecision {
    /// The decision as replied, in the contract's encoding; without its time, which is the record's.
    #[serde(with = "serde_bytes")]
    pub reply: Vec<u8>,
    /// How much was explained, by the contract's number.
    pub explanation: i32,
    /// When the parcel was advised: seconds since 1970, and nanoseconds.
    pub advised_at: (i64, u32),
    /// Whether it counts in history: an item that is advised twice counts once.
    pub counts: bool,
    /// The keys of its history.
    pub keys: KeptKeys,
    /// What the policy saw.
    pub seen: Seen,
    /// What chose the route, by the contract's number.
    pub route_cause: i64,
    /// Its features, shape `(n_features,)`; NaN where missing.
    pub values: Vec<f32>,
    /// What was known under each of its keys, as whole numbers, which is how reasons tell of it: parcels seen, inspected,
    /// infringements.
    pub known: Vec<Option<[u32; 3]>>,
}

/// The number by which the contract calls an explanation.
fn explanation_number(explanation: Explanation) -> i32 {
    match explanation {
        Explanation::WhereDue => 0,
        Explanation::None => 1,
        Explanation::Reasons => 2,
        Explanation::Full => 3,
    }
}

impl KeptDecision {
    /// Keys and features as kept.
    pub fn new(reply: Vec<u8>, explanation: Explanation, advised_at: (i64, u32), counts: bool) -> Self {
        let explanation = explanation_number(explanation);
        Self {
            reply,
            explanation,
            advised_at,
            counts,
            keys: KeptKeys::default(),
            seen: Seen::default(),
            route_cause: RouteCause::Score as i64,
            values: Vec::new(),
            known: Vec::new(),
        }
    }

    /// With the grounds that the decision rests on.
    #[must_use]
    pub fn with_grounds(self, keys: &ParcelKeys, row: &FeatureRow) -> Self {
        let known = |counts: &Option<Counts>| {
            let whole = |count: f64| count.round() as u32;
            counts.map(|Counts { seen, inspected, infringements }| [seen, inspected, infringements].map(whole))
        };
        Self { keys: keys.into(), values: row.values.clone(), known: row.counts.iter().map(known).collect(), ..self }
    }

    /// With what the policy saw and how it chose.
    #[must_use]
    pub fn with_routing(self, seen: Seen, cause: RouteCause) -> Self {
        Self { seen, route_cause: cause as i64, ..self }
    }

    /// The features that the decision rests on.
    pub fn row(&self) -> FeatureRow {
        let known = |counts: &Option<[u32; 3]>| {
            counts.map(|[seen, inspected, infringements]| Counts {
                seen: seen.into(),
                inspected: inspected.into(),
                infringements: infringements.into(),
            })
        };
        let mut row = FeatureRow::default();
        row.values.clone_from(&self.values);
        row.counts = self.known.iter().map(known).collect();
        row
    }

    /// As bytes.
    pub fn to_body(&self) -> Vec<u8> {
        let room = Vec::with_capacity(self.reply.len() + 8 * self.values.len() + 1024);
        postcard::to_extend(self, room).expect("numbers and bytes always encode")
    }

    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        let (kept, rest) = postcard::take_from_bytes(body).map_err(|error| error.to_string())?;
        if rest.is_empty() { Ok(kept) } else { Err("bytes are left over".to_owned()) }
    }
}

/// Names an item, so that one advised twice counts once, and its records are found.
pub fn item_key(item_id: &str) -> EntityKey {
    let mut hasher = KeyHasher::new("item");
    hasher.part(item_id.as_bytes());
    hasher.finish()
}

/// The decision of a record as it was replied, with its time.
///
/// # Errors
/// [`LedgerError::Record`] where it can't be unpacked.
pub fn recorded_decision(record: &Record) -> Result<v1::Decision, LedgerError> {
    let unreadable = |what| LedgerError::Record { seq: record.seq, what };
    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
    let mut decision = v1::Decision::decode(kept.reply.as_slice()).map_err(|error| unreadable(error.to_string()))?;
    decision.decided_at = Some(timestamp_micros(record.recorded_at_micros));
    Ok(decision)
}
