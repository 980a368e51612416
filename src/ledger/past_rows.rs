//! Rows of a past, parcels and results, as they will be kept.

use super::Keeping;
use super::imported::KeptImport;
use crate::engine::Engine;
use crate::features::KeptKeys;
use crate::parcel::codes::InfringementKind;
use crate::parcel::{AdvisedAt, DraftTime, InvalidParcel, Parcel};
use crate::table::RowOutcome;
use crate::wire::{CheckedOutcome, check_outcome, timestamp, v1};

/// A parcel of the past, as it will be kept: much less than what its row said.
#[derive(Clone, Debug)]
pub struct PastParcel {
    pub(super) item_id: String,
    pub(super) advised_at: AdvisedAt,
    pub(super) body: Vec<u8>,
    pub(super) parcel: Vec<u8>,
    pub(super) outcome: Option<Box<PastOutcome>>,
}

impl PastParcel {
    /// Of a parcel as it was `stated` and as it is believed, with its result where its row has one, and the chance with which
    /// it had been chosen for inspection where that is known. `engine` and `keeping` are those it will be recorded with.
    pub fn of(
        mut stated: v1::Parcel,
        parcel: &Parcel,
        selection_probability: Option<f64>,
        outcome: Option<PastOutcome>,
        (engine, keeping): (&Engine, &Keeping),
    ) -> Self {
        let (item_id, advised_at) = (parcel.item_id.as_str().to_owned(), parcel.advised_at);
        let keys = engine.plan().keys(parcel, engine.rates());
        let kept = KeptImport {
            item_id: item_id.clone(),
            advised_at: (advised_at.seconds(), advised_at.nanos()),
            keys: KeptKeys::from(&keys),
            selection_probability,
        };
        let (body, mut parcel) = (kept.to_body(), keeping.keep(&mut stated));
        // Millions may wait.
        parcel.shrink_to_fit();
        Self { item_id, advised_at, body, parcel, outcome: outcome.map(Box::new) }
    }

    /// When it was advised.
    pub fn advised_at(&self) -> AdvisedAt {
        self.advised_at
    }
}

/// A result of the past.
#[derive(Clone, Debug)]
pub struct PastOutcome {
    pub(super) checked: CheckedOutcome,
    /// Where it is not known yet when it became known: how many days after its parcel was advised.
    pub(super) delay_days: Option<u32>,
}

/// Stands for a time that is not known yet.
const NO_TIME: i64 = 946_684_800;

impl PastOutcome {
    /// Of a table's row; `delay_days` after the parcel was advised where the row does not say when it became known. Without
    /// `advised_at` that is left until the parcel is met.
    ///
    /// # Errors
    /// [`InvalidParcel`] with every malformed field.
    pub fn of(
        item_id: &str,
        outcome: &RowOutcome,
        advised_at: Option<AdvisedAt>,
        delay_days: u32,
    ) -> Result<Self, InvalidParcel> {
        let finding = if outcome.infringement { v1::Finding::Infringement } else { v1::Finding::Clean };
        let kind = outcome.kind.as_deref();
        let kind = kind.map(|kind| InfringementKind::from_name(kind).unwrap_or(InfringementKind::Other));
        let known_at = outcome.known_at.map(|time| time.seconds);
        let known_at = known_at.or_else(|| advised_at.map(|at| delayed(at, delay_days)));
        let stated = v1::Outcome {
            item_id: item_id.to_owned(),
            inspected_at: Some(timestamp(known_at.unwrap_or(NO_TIME))),
            finding: finding.into(),
            ..v1::Outcome::default()
        };
        let mut checked = check_outcome(stated, usize::MAX).map_err(by_columns)?;
        // A call states a kind with an infringement alone; a table's row has one without too, and a head is trained by it.
        checked.stated.infringement = kind.map_or(0, InfringementKind::number);
        Ok(Self { checked, delay_days: known_at.is_none().then_some(delay_days) })
    }

    /// The same, where it has no time yet, known so long after its parcel was advised; `None` where that time is beyond all
    /// that a parcel may state.
    pub(super) fn after(mut self, advised_at: AdvisedAt) -> Option<Self> {
        if let Some(delay_days) = self.delay_days.take() {
            let seconds = delayed(advised_at, delay_days);
            self.checked.inspected_at = AdvisedAt::new(DraftTime { seconds, nanos: 0 }).ok()?;
            self.checked.stated.inspected_at = Some(timestamp(seconds));
        }
        Some(self)
    }
}

fn delayed(advised_at: AdvisedAt, days: u32) -> i64 {
    advised_at.seconds() + i64::from(days) * 86_400
}

/// What is wrong with a result, by the names that a table has.
fn by_columns(InvalidParcel(mut violations): InvalidParcel) -> InvalidParcel {
    for violation in violations.iter_mut().filter(|violation| violation.field == "inspected_at") {
        "outcome.known_at".clone_into(&mut violation.field);
    }
    InvalidParcel(violations)
}
