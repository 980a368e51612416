//! The fields that a column may fill: their paths, and where in a row each one lives.
//!
//! Reading, with or without a mapping, and writing go through [`CATALOGUE`] alone, so that what is
//! written is what is read.

mod catalogue;
mod cell;
mod set;

use super::row::TableRow;
use super::shown::{Shown, nearest};
use crate::parcel::{DraftMoney, DraftTime};
use catalogue::{CATALOGUE, NATIONAL_CODE, NATIONAL_FIGURE};

#[cfg(feature = "parquet")]
pub(super) use cell::CellType;
pub(super) use cell::{Value, first_unknown, stated};
pub(super) use set::{CellProblem, MassUnit, Reading};

/// The most entries of a list that a path may name: the contract's own limit.
const MAX_LIST_ENTRIES: usize = 99;

/// What a field holds, and how to reach it; `usize` is the list index where its path has one.
#[derive(Debug)]
pub(super) enum Holds {
    Text(Access<String>),
    Code(Access<i32>, &'static CodeList),
    Mass(Access<Option<i64>>),
    Count(Access<Option<i64>>),
    Time(Access<Option<DraftTime>>),
    /// An amount as one decimal number: `units` and `nanos` together.
    Amount(Access<Option<DraftMoney>>),
    Units(Access<Option<DraftMoney>>),
    Nanos(Access<Option<DraftMoney>>),
    Currency(Access<Option<DraftMoney>>),
    NationalCode,
    NationalFigure,
    Infringement,
    OutcomeKind,
    OutcomeRevenue,
    Weight,
    SelectionProbability,
}

/// A way to one value of a row.
#[derive(Debug)]
pub(super) struct Access<T: 'static> {
    /// The value, where the part of the parcel that would hold it exists.
    get: fn(&TableRow, usize) -> Option<&T>,
    /// The value, with every part on the way to it made where it is missing.
    at: fn(&mut TableRow, usize) -> &mut T,
}

/// The names and numbers of a closed list of the contract.
#[derive(Debug)]
pub(super) struct CodeList {
    number: fn(&str) -> Option<i32>,
    name: fn(i32) -> Option<&'static str>,
    names: fn() -> Vec<&'static str>,
}

impl CodeList {
    /// Every name, as messages list them.
    pub(super) fn names(&self) -> Vec<&'static str> {
        (self.names)()
    }
}

/// One line of the catalogue.
#[derive(Debug)]
pub(super) struct FieldSpec {
    /// The path, with `[]` where a list index stands.
    pattern: &'static str,
    holds: Holds,
}

/// One field of the contract or of the label, by its path.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) path: String,
    spec: &'static FieldSpec,
    /// Place in the catalogue, for order.
    rank: usize,
    idx: usize,
    key: String,
}

impl Field {
    /// # Errors
    /// [`UnknownField`] where no field has this path, with the nearest that exists.
    pub(super) fn parse(path: &str) -> Result<Self, UnknownField> {
        for (rank, spec) in [(CATALOGUE.len(), &NATIONAL_CODE), (CATALOGUE.len() + 1, &NATIONAL_FIGURE)] {
            if let Some(key) = path.strip_prefix(spec.pattern).and_then(|rest| rest.strip_prefix('.'))
                && (1..=64).contains(&key.len())
            {
                return Ok(Self::national(rank, spec, key));
            }
        }
        let unknown = || UnknownField { path: path.to_owned(), nearest: nearest_path(path) };
        let (pattern, idx) = pattern_of(path).ok_or_else(unknown)?;
        let (rank, spec) =
            CATALOGUE.iter().enumerate().find(|(_, spec)| spec.pattern == pattern).ok_or_else(unknown)?;
        Ok(Self::listed(rank, spec, idx))
    }

    fn listed(rank: usize, spec: &'static FieldSpec, idx: usize) -> Self {
        Self { path: path_of(spec.pattern, idx), spec, rank, idx, key: String::new() }
    }

    fn national(rank: usize, spec: &'static FieldSpec, key: &str) -> Self {
        Self { path: format!("{}.{key}", spec.pattern), spec, rank, idx: 0, key: key.to_owned() }
    }

    /// What it holds.
    pub(super) fn holds(&self) -> &'static Holds {
        &self.spec.holds
    }

    /// The path of the amount that this is a part of.
    pub(super) fn amount_path(&self) -> Option<&str> {
        match self.holds() {
            Holds::Amount(_) | Holds::Units(_) | Holds::Nanos(_) | Holds::Currency(_) => {
                self.path.rsplit_once('.').map(|(amount, _)| amount)
            }
            _ => None,
        }
    }

    /// Whether [`Draft::check`](crate::parcel::Draft::check) may name this field by `violation`.
    pub(super) fn is_named_by(&self, violation: &str) -> bool {
        match self.holds() {
            Holds::NationalCode | Holds::NationalFigure => {
                violation == format!("{}[{:?}]", self.spec.pattern, self.key)
            }
            // An amount column fills `units` and `nanos`, and a problem may be about both.
            Holds::Amount(_) => self.amount_path().is_some_and(|amount| {
                violation == amount
                    || [".units", ".nanos"].iter().any(|part| violation.strip_suffix(part) == Some(amount))
            }),
            Holds::Units(_) => violation == self.path || self.amount_path() == Some(violation),
            _ => violation == self.path,
        }
    }

    /// Its place in the catalogue, its list index and its national key.
    pub(super) fn place(&self) -> (usize, usize, &str) {
        (self.rank, self.idx, &self.key)
    }

    /// Where the column stands in a contract table: fields in the order of the contract, list by
    /// list, entry by entry.
    pub(super) fn order(&self) -> (usize, usize, usize, &str) {
        let list = self.spec.pattern.split_once("[]").map(|(list, _)| list);
        let first = list.map_or(self.rank, |list| {
            CATALOGUE.iter().position(|spec| spec.pattern.starts_with(list)).unwrap_or(self.rank)
        });
        (first, self.idx, self.rank, &self.key)
    }
}

/// A path that is no field's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownField {
    /// As it was written.
    pub path: String,
    /// The field that was probably meant.
    pub nearest: Option<String>,
}

impl std::fmt::Display for UnknownField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is no field of a parcel", Shown(&self.path))?;
        self.nearest.as_ref().map_or(Ok(()), |nearest| write!(f, "; did you mean {}?", Shown(nearest)))
    }
}

/// `contents[2].hs_code` as `contents[].hs_code` and 2.
fn pattern_of(path: &str) -> Option<(String, usize)> {
    let Some((list, rest)) = path.split_once('[') else { return Some((path.to_owned(), 0)) };
    let (digits, leaf) = rest.split_once(']')?;
    // One way to write each path: `[0]`, never `[00]` or `[+0]`.
    let idx = digits.parse().ok().filter(|idx: &usize| *idx < MAX_LIST_ENTRIES && idx.to_string() == digits)?;
    Some((format!("{list}[]{leaf}"), idx))
}

fn path_of(pattern: &str, idx: usize) -> String {
    pattern.replacen("[]", &format!("[{idx}]"), 1)
}

fn nearest_path(path: &str) -> Option<String> {
    let idx = pattern_of(path).map_or(0, |(_, idx)| idx);
    let mut candidates: Vec<String> = CATALOGUE.iter().map(|spec| path_of(spec.pattern, idx)).collect();
    if let Some((_, key)) = path.split_once('.')
        && !key.is_empty()
    {
        candidates.extend([&NATIONAL_CODE, &NATIONAL_FIGURE].map(|spec| format!("{}.{key}", spec.pattern)));
    }
    nearest(path, candidates.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_catalogue_is_read_back() {
        for (rank, spec) in CATALOGUE.iter().enumerate() {
            let path = path_of(spec.pattern, 7);
            let field = Field::parse(&path).unwrap();
            assert_eq!((field.path.as_str(), field.rank), (path.as_str(), rank));
        }
    }

    #[test]
    fn an_unknown_path_names_the_nearest() {
        let message = |path: &str| Field::parse(path).unwrap_err().to_string();
        expect_test::expect![[r#""contents[2].hscode" is no field of a parcel; did you mean "contents[2].hs_code"?"#]]
            .assert_eq(&message("contents[2].hscode"));
        expect_test::expect![[
            r#""national_code.tax_type" is no field of a parcel; did you mean "national_codes.tax_type"?"#
        ]]
        .assert_eq(&message("national_code.tax_type"));
        expect_test::expect![[r#""Importer" is no field of a parcel"#]].assert_eq(&message("Importer"));
        for path in
            ["contents[99].hs_code", "contents[00].hs_code", "contents[].hs_code", "contents[0", "national_codes."]
        {
            assert!(Field::parse(path).is_err(), "{path}");
        }
    }
}
