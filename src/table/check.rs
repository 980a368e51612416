//! From a row as stated to a parcel that is believed, with the table's columns in what is wrong.

use std::sync::Arc;

use super::plan::ColumnNames;
use super::reject::{Reject, reason};
use super::row::{RowOutcome, RowPosition, TableRow};
use crate::parcel::{AdvisedAt, InvalidParcel, Parcel, ParcelLimits, Violation};

/// A row whose parcel is well formed.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedRow {
    /// Where it stands.
    pub position: RowPosition,
    /// The parcel.
    pub parcel: Parcel,
    /// What inspection found; `None` where the row has no label.
    pub outcome: Option<RowOutcome>,
    /// How much the row counts in training.
    pub weight: f64,
    /// The chance with which the parcel was chosen for inspection.
    pub selection_probability: Option<f64>,
}

/// Checks the rows of one table.
#[derive(Clone, Debug)]
pub struct RowCheck {
    limits: ParcelLimits,
    columns: Arc<ColumnNames>,
}

impl RowCheck {
    pub(super) fn new(limits: ParcelLimits, columns: Arc<ColumnNames>) -> Self {
        Self { limits, columns }
    }

    /// # Errors
    /// [`Reject`] with the reason, field and column of the first violation, and all of them in the message.
    pub fn check(&self, row: TableRow) -> Result<CheckedRow, Reject> {
        let TableRow { position, draft, outcome, weight, selection_probability } = row;
        let known_at = outcome.as_ref().and_then(|outcome| outcome.known_at);
        let of_outcome = known_at.into_iter().flat_map(AdvisedAt::problems);
        let of_outcome = of_outcome.map(|problem| Violation::new("outcome.known_at", problem)).collect::<Vec<_>>();
        let checked = match (draft.check(&self.limits), of_outcome.is_empty()) {
            (Ok(_), false) => Err(InvalidParcel(of_outcome)),
            (Err(InvalidParcel(of_parcel)), false) => Err(InvalidParcel([of_parcel, of_outcome].concat())),
            (checked, true) => checked,
        };
        match checked {
            Ok(parcel) => Ok(CheckedRow { position, parcel, outcome, weight, selection_probability }),
            Err(InvalidParcel(violations)) => {
                let message = match violations.as_slice() {
                    // The reject itself names the field.
                    [only] => only.problem.to_string(),
                    all => all.iter().map(Violation::to_string).collect::<Vec<_>>().join("; "),
                };
                let first = violations.into_iter().next();
                let field = first.as_ref().map(|violation| violation.field.clone());
                let column = field.as_deref().and_then(|field| self.columns.of(field)).map(str::to_owned);
                let reason = first.map_or(reason::NOT_A_PARCEL, |violation| violation.problem.reason());
                Err(Reject { position, column, field, reason, message })
            }
        }
    }
}
