//! Tables of a past: looked through once before anything is recorded, then read in order of time.

use std::fs;
use std::iter;
use std::path::Path;

use anyhow::Context as _;
use itertools::Itertools as _;
use rayon::prelude::*;

use crate::cli::progress::Progress;
use crate::config::ValidConfig;
use crate::engine::Engine;
use crate::ledger::{Keeping, PastOutcome, PastParcel};
use crate::parcel::{AdvisedAt, InvalidParcel, Parcel};
use crate::table::{Mapping, Reject, RejectCounts, RowCheck, RowOutcome, RowPosition, TableReader, TableRow, reason};
use crate::wire::{from_draft, v1};

/// How tables of parcels are read.
pub(super) struct Parcels<'a> {
    pub(super) mapping: Option<&'a Mapping>,
    pub(super) config: &'a ValidConfig,
}

/// A table that was looked through.
pub(super) enum Table<'a> {
    /// Its rows stand in order of time: they are read as they are needed.
    InOrder(&'a Path),
    /// They don't: they are held in memory, as they will be kept.
    OutOfOrder(&'a Path),
    /// It can be read but once: standard input.
    Held(Vec<Row>),
}

/// A row of a past, checked.
pub(super) struct Row {
    stated: v1::Parcel,
    parcel: Parcel,
    selection_probability: Option<f64>,
    outcome: Option<PastOutcome>,
}

type InTime<'a> = Box<dyn Iterator<Item = anyhow::Result<PastParcel>> + 'a>;

impl<'a> Parcels<'a> {
    /// Looks a table through: counts what can't be taken in, and whether it stands in order of time.
    pub(super) fn look_through<'t>(
        &self,
        file: &'t Path,
        rejects: &mut RejectCounts,
        progress: &Progress,
    ) -> anyhow::Result<Table<'t>> {
        let mut held = Vec::new();
        let can_be_read_again = fs::metadata(file).is_ok_and(|file| file.is_file());
        let mut last = None;
        let mut in_order = true;
        for row in self.rows(file, |row| row)? {
            progress.tick();
            let Some(row) = rejects.count(row?) else { continue };
            let at = Some(row.parcel.advised_at);
            in_order &= last <= at;
            last = at;
            if !can_be_read_again {
                held.push(row);
            }
        }
        Ok(match (can_be_read_again, in_order) {
            (false, _) => Table::Held(held),
            (true, true) => Table::InOrder(file),
            (true, false) => Table::OutOfOrder(file),
        })
    }

    /// The parcels of all tables in the order in which they were advised; of one time, in the order of the tables.
    pub(super) fn in_order(
        &self,
        tables: Vec<Table<'a>>,
        (engine, keeping): (&'a Engine, &'a Keeping),
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<PastParcel>>> {
        let kept = move |row: Row| {
            PastParcel::of(row.stated, &row.parcel, row.selection_probability, row.outcome, (engine, keeping))
        };
        let read = |file: &Path| -> anyhow::Result<_> {
            // What can't be taken in was counted when the table was looked through.
            Ok(self.rows(file, kept)?.filter_map(|row| row.map(Result::ok).transpose()))
        };
        let sorted = |mut parcels: Vec<PastParcel>| {
            parcels.sort_by_key(PastParcel::advised_at);
            Box::new(parcels.into_iter().map(Ok)) as InTime
        };
        let tables = tables.into_iter().map(|table| match table {
            Table::InOrder(file) => Ok(Box::new(read(file)?) as InTime),
            Table::OutOfOrder(file) => Ok(sorted(read(file)?.collect::<anyhow::Result<_>>()?)),
            Table::Held(rows) => Ok(sorted(rows.into_par_iter().map(kept).collect())),
        });
        let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
        // A failure comes before all else.
        let at =
            |parcel: &anyhow::Result<PastParcel>| -> Option<AdvisedAt> { Some(parcel.as_ref().ok()?.advised_at()) };
        Ok(tables.into_iter().kmerge_by(move |one, other| at(one) <= at(other)))
    }

    /// What `made` makes of each row of a table that can be taken in.
    fn rows<T: Send, M: Fn(Row) -> T + Sync>(
        &self,
        file: &Path,
        made: M,
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Result<T, Reject>>> + use<T, M>> {
        let context = || format!("reading {}", file.display());
        let mut table = TableReader::open(file, self.mapping).with_context(context)?;
        let check = table.row_check(self.config.limits().clone());
        let delay_days = self.config.train().get().label_delay_days;
        let next = move || table.next_some(|row| checked(row, &check, delay_days).map(&made));
        Ok(iter::repeat_with(next)
            .take_while(|rows| !matches!(rows, Ok(rows) if rows.is_empty()))
            .flatten_ok()
            .map(|row| Ok(row?)))
    }
}

fn checked(row: TableRow, check: &RowCheck, delay_days: u32) -> Result<Row, Reject> {
    let stated = from_draft(&row.draft);
    let checked = check.check(row)?;
    let rejected = |invalid| rejected(&checked.position, invalid);
    let stated = stated.map_err(rejected)?;
    let parcel = checked.parcel;
    let outcome = checked.outcome.as_ref().map(|outcome| {
        PastOutcome::of(parcel.item_id.as_str(), outcome, Some(parcel.advised_at), delay_days).map_err(rejected)
    });
    Ok(Row { stated, outcome: outcome.transpose()?, parcel, selection_probability: checked.selection_probability })
}

/// The results in a table of them; none where a row states none. One that states no time is known `delay_days` after its
/// parcel was advised.
pub(super) fn outcomes(
    file: &Path,
    mapping: Option<&Mapping>,
    delay_days: u32,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Result<Option<PastOutcome>, Reject>>>> {
    let table = TableReader::open(file, mapping).with_context(|| format!("reading {}", file.display()))?;
    let past = move |TableRow { position, draft, outcome, .. }: TableRow| {
        let of = |outcome: RowOutcome| PastOutcome::of(&draft.item_id, &outcome, None, delay_days);
        outcome.map(of).transpose().map_err(|invalid| rejected(&position, invalid))
    };
    Ok(table.map(move |row| Ok(row?.and_then(past))))
}

fn rejected(position: &RowPosition, InvalidParcel(violations): InvalidParcel) -> Reject {
    let message = violations.iter().map(ToString::to_string).join("; ");
    let first = violations.into_iter().next();
    let reason = first.as_ref().map_or(reason::NOT_A_PARCEL, |violation| violation.problem.reason());
    Reject { position: position.clone(), column: None, field: first.map(|violation| violation.field), reason, message }
}
