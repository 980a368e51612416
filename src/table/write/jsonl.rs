//! JSON lines: a `Parcel` in proto3 JSON a line.

use std::io::{self, Write};

use super::RowError;
use crate::parcel::{Draft, InvalidParcel, Problem, Violation};
use crate::table::field::stated;
use crate::table::row::TableRow;
use crate::table::time;
use crate::wire;

const UNKNOWN_CODE: Problem = Problem::Unreadable { expected: "a code of this release to be written in JSON" };

pub(super) fn write_line(out: &mut impl Write, row: &TableRow) -> Result<(), RowError> {
    // The encoder would fail without a field, or write `null` for a figure that is not finite.
    if let Some(violation) = unwritable(row) {
        return Err(RowError::Unwritable(violation));
    }
    let parcel = wire::from_draft(&row.draft).map_err(|InvalidParcel(violations)| {
        // An invalid parcel is never without a violation.
        let nothing = || Violation::new("item_id", Problem::Required);
        RowError::Unwritable(violations.into_iter().next().unwrap_or_else(nothing))
    })?;
    serde_json::to_writer(&mut *out, &parcel).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// The first value that the contract has and its JSON has not.
fn unwritable(row: &TableRow) -> Option<Violation> {
    let Draft { advised_at, national_figures, .. } = &row.draft;
    if let Some(problem) = advised_at.and_then(|at| time::write(at).err()) {
        return Some(Violation::new("advised_at", problem));
    }
    if let Some((key, _)) = national_figures.iter().find(|(_, figure)| !figure.is_finite()) {
        return Some(Violation::new(format!("national_figures[{key:?}]"), Problem::NotFinite));
    }
    let unknown = stated(row).into_iter().find(|field| field.has_unknown_code(row))?;
    Some(Violation::new(unknown.path, UNKNOWN_CODE))
}
