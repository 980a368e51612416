//! From the fields of a row to cells, for writing.

use std::borrow::Cow;
use std::fmt;

use super::{CATALOGUE, Field, FieldSpec, Holds, NATIONAL_CODE, NATIONAL_FIGURE};
use crate::parcel::{DraftMoney, Problem};
use crate::table::row::TableRow;
use crate::table::time;

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::table) enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Real(f64),
    Flag(bool),
}

/// What the cells of one column hold, each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(feature = "parquet")]
pub(in crate::table) enum CellType {
    Text,
    Integer,
    Real,
    Flag,
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(value) => value.fmt(f),
            // The shortest text that reads back as the same float.
            Self::Real(value) => value.fmt(f),
            Self::Flag(value) => value.fmt(f),
        }
    }
}

impl Field {
    /// What every cell of a column of this field holds.
    #[cfg(feature = "parquet")]
    pub(in crate::table) fn cell_type(&self) -> CellType {
        match self.holds() {
            Holds::Mass(_) | Holds::Count(_) | Holds::Units(_) | Holds::Nanos(_) => CellType::Integer,
            Holds::NationalFigure | Holds::OutcomeRevenue | Holds::Weight | Holds::SelectionProbability => {
                CellType::Real
            }
            Holds::Infringement => CellType::Flag,
            Holds::Text(_)
            | Holds::Code(..)
            | Holds::Time(_)
            | Holds::Amount(_)
            | Holds::Currency(_)
            | Holds::NationalCode
            | Holds::OutcomeKind => CellType::Text,
        }
    }

    /// The cell of this field; `None` where it is not stated.
    ///
    /// # Errors
    /// The problem of a value that text cannot carry: an amount whose parts contradict each other,
    /// a time outside the years that can be written, a figure that is not finite.
    pub(in crate::table) fn value<'a>(&self, row: &'a TableRow) -> Result<Option<Value<'a>>, Problem> {
        value(self.spec, self.idx, &self.key, row)
    }

    /// Whether `row` states a number here that the field's list does not have.
    pub(in crate::table) fn has_unknown_code(&self, row: &TableRow) -> bool {
        match self.holds() {
            Holds::Code(access, list) => {
                (access.get)(row, self.idx).is_some_and(|number| *number != 0 && (list.name)(*number).is_none())
            }
            _ => false,
        }
    }
}

/// Every field that `row` states, each with its place in the catalogue.
pub(in crate::table) fn stated(row: &TableRow) -> Vec<Field> {
    let mut fields = Vec::new();
    for (rank, spec) in CATALOGUE.iter().enumerate() {
        for idx in 0..n_entries(spec, row) {
            // What can't be written is stated all the same; writing it says why it can't be.
            if !matches!(value(spec, idx, "", row), Ok(None)) {
                fields.push(Field::listed(rank, spec, idx));
            }
        }
    }
    let n = CATALOGUE.len();
    fields.extend(row.draft.national_codes.keys().map(|key| Field::national(n, &NATIONAL_CODE, key)));
    fields.extend(row.draft.national_figures.keys().map(|key| Field::national(n + 1, &NATIONAL_FIGURE, key)));
    fields
}

/// How many entries the list of a field has in `row`; 1 for a field of no list.
fn n_entries(spec: &FieldSpec, row: &TableRow) -> usize {
    match spec.pattern {
        pattern if pattern.starts_with("contents[") => row.draft.contents.len(),
        pattern if pattern.starts_with("documents[") => row.draft.documents.len(),
        _ => 1,
    }
}

/// The first field that `row` states and that `is_known` does not know, by its place in the catalogue,
/// its list index and its national key. What is known is not looked at.
pub(in crate::table) fn first_unknown(row: &TableRow, is_known: impl Fn(usize, usize, &str) -> bool) -> Option<Field> {
    for (rank, spec) in CATALOGUE.iter().enumerate() {
        for idx in (0..n_entries(spec, row)).filter(|idx| !is_known(rank, *idx, "")) {
            if !matches!(value(spec, idx, "", row), Ok(None)) {
                return Some(Field::listed(rank, spec, idx));
            }
        }
    }
    let n = CATALOGUE.len();
    let code = row.draft.national_codes.keys().find(|key| !is_known(n, 0, key));
    let figure = row.draft.national_figures.keys().find(|key| !is_known(n + 1, 0, key));
    code.map(|key| Field::national(n, &NATIONAL_CODE, key))
        .or_else(|| figure.map(|key| Field::national(n + 1, &NATIONAL_FIGURE, key)))
}

fn value<'a>(spec: &FieldSpec, idx: usize, key: &str, row: &'a TableRow) -> Result<Option<Value<'a>>, Problem> {
    if matches!(spec.holds, Holds::NationalCode | Holds::NationalFigure) && !(1..=64).contains(&key.len()) {
        return Err(Problem::BadKey);
    }
    let money = |stated: Option<&'a Option<DraftMoney>>| stated.and_then(Option::as_ref);
    Ok(match &spec.holds {
        Holds::Text(access) => (access.get)(row, idx).and_then(|stated| text(stated)),
        Holds::Code(access, list) => (access.get)(row, idx)
            .filter(|number| **number != 0)
            .map(|number| Value::Text((list.name)(*number).map_or_else(|| number.to_string().into(), Cow::Borrowed))),
        Holds::Mass(access) | Holds::Count(access) => (access.get)(row, idx).copied().flatten().map(Value::Integer),
        Holds::Time(access) => match (access.get)(row, idx).copied().flatten() {
            Some(stated) => Some(Value::Text(time::write(stated)?.into())),
            None => None,
        },
        Holds::Amount(access) => match money((access.get)(row, idx)) {
            Some(stated) => Some(Value::Text(amount(stated)?.into())),
            None => None,
        },
        // An amount is stated by its units, also where they are zero; nanos may stay away.
        Holds::Units(access) => money((access.get)(row, idx)).map(|stated| Value::Integer(stated.units)),
        Holds::Nanos(access) => money((access.get)(row, idx))
            .filter(|stated| stated.nanos != 0)
            .map(|stated| Value::Integer(stated.nanos.into())),
        Holds::Currency(access) => money((access.get)(row, idx)).and_then(|stated| text(&stated.currency_code)),
        Holds::NationalCode => row.draft.national_codes.get(key).and_then(|stated| text(stated)),
        Holds::NationalFigure => match row.draft.national_figures.get(key) {
            Some(figure) if !figure.is_finite() => return Err(Problem::NotFinite),
            figure => figure.copied().map(Value::Real),
        },
        Holds::Infringement => row.outcome.as_ref().map(|outcome| Value::Flag(outcome.infringement)),
        Holds::OutcomeRevenue => row.outcome.as_ref().and_then(|outcome| outcome.revenue).map(Value::Real),
        Holds::OutcomeKind => row.outcome.as_ref().and_then(|outcome| outcome.kind.as_deref()).and_then(text),
        Holds::Weight => (row.weight != 1.0).then_some(Value::Real(row.weight)),
        Holds::SelectionProbability => row.selection_probability.map(Value::Real),
    })
}

fn text(stated: &str) -> Option<Value<'_>> {
    (!stated.is_empty()).then_some(Value::Text(Cow::Borrowed(stated)))
}

/// `units + nanos / 1e9` as a decimal number, with no more digits than it needs.
fn amount(money: &DraftMoney) -> Result<String, Problem> {
    let (units, nanos) = (money.units, money.nanos);
    let contradicts = (units > 0 && nanos < 0) || (units < 0 && nanos > 0);
    if contradicts || nanos.unsigned_abs() > 999_999_999 {
        return Err(Problem::MoneyNanos);
    }
    let sign = if units < 0 || nanos < 0 { "-" } else { "" };
    let exact = format!("{sign}{}.{:09}", units.unsigned_abs(), nanos.unsigned_abs());
    Ok(exact.trim_end_matches('0').trim_end_matches('.').to_owned())
}
