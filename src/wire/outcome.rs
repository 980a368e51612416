//! Results of inspections on their way in.

use pbjson_types::Timestamp;
use uuid::Uuid;

use super::v1;
use crate::parcel::{AdvisedAt, DraftTime, InvalidParcel, Problem, Violation};

/// A result that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedOutcome {
    /// As it was stated.
    pub stated: v1::Outcome,
    /// The decision that led to it, where it is stated.
    pub decision_id: Option<Uuid>,
    /// When the inspection ended.
    pub inspected_at: AdvisedAt,
    /// Whether an infringement was found; `None` where it could not be told.
    pub infringement: Option<bool>,
}

/// Longest item identifier, in bytes: that of a parcel's.
const MAX_ITEM_ID_BYTES: usize = 64;

/// Checks a result.
///
/// # Errors
/// Every malformed field, as a parcel's are told.
pub fn check_outcome(stated: v1::Outcome, max_text_bytes: usize) -> Result<CheckedOutcome, InvalidParcel> {
    let mut violations = Vec::new();
    let mut wrong = |field: &str, problem| violations.push(Violation::new(field, problem));
    let is_id = |text: &str| text.len() <= MAX_ITEM_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    match stated.item_id.as_str() {
        "" => wrong("item_id", Problem::Required),
        text if !is_id(text) => wrong("item_id", Problem::NotCarrierId),
        _ => {}
    }
    let decision_id = if stated.decision_id.is_empty() { None } else { Uuid::try_parse(&stated.decision_id).ok() };
    if decision_id.is_none() && !stated.decision_id.is_empty() {
        wrong("decision_id", Problem::Unreadable { expected: "a decision's identifier, a UUID" });
    }
    let inspected_at = match stated.inspected_at {
        None => Err(Problem::Required),
        Some(Timestamp { seconds, nanos }) => AdvisedAt::new(DraftTime { seconds, nanos }),
    };
    let inspected_at = inspected_at.map_err(|problem| wrong("inspected_at", problem)).ok();
    let infringement = match v1::Finding::try_from(stated.finding) {
        Ok(v1::Finding::Clean) => Some(false),
        Ok(v1::Finding::Infringement) => Some(true),
        Ok(v1::Finding::Inconclusive) => None,
        Ok(v1::Finding::Unspecified) => {
            wrong("finding", Problem::Required);
            None
        }
        Err(_) => {
            // To record a finding that nobody here understands as none would lose it.
            wrong("finding", Problem::Unreadable { expected: "a finding of the contract" });
            None
        }
    };
    if stated.infringement != 0 && infringement != Some(true) {
        wrong("infringement", Problem::Unreadable { expected: "left out where no infringement was found" });
    }
    for (field, text) in [("recorded_by", &stated.recorded_by), ("override_reason", &stated.override_reason)] {
        if text.len() > max_text_bytes {
            wrong(field, Problem::TooLong { got: text.len(), max: max_text_bytes });
        }
    }
    match inspected_at {
        Some(inspected_at) if violations.is_empty() => {
            Ok(CheckedOutcome { stated, decision_id, inspected_at, infringement })
        }
        _ => Err(InvalidParcel(violations)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_malformed_field_is_named() {
        let stated = v1::Outcome {
            item_id: "A B".to_owned(),
            decision_id: "12".to_owned(),
            finding: 9,
            infringement: 1,
            recorded_by: "x".repeat(11),
            ..v1::Outcome::default()
        };
        let InvalidParcel(violations) = check_outcome(stated, 10).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["item_id", "decision_id", "inspected_at", "finding", "infringement", "recorded_by"]);
    }

    #[test]
    fn what_could_not_be_told_is_no_label() {
        let stated = v1::Outcome {
            item_id: "RB123456785CN".to_owned(),
            inspected_at: Some(Timestamp { seconds: 1_790_000_000, nanos: 0 }),
            finding: v1::Finding::Inconclusive as i32,
            ..v1::Outcome::default()
        };
        assert_eq!(check_outcome(stated, 10).unwrap().infringement, None);
    }
}
