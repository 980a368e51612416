//! From the text of a cell to the value of a field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{CodeList, Field, Holds};
use crate::parcel::{DraftMoney, Problem};
use crate::table::decimal::{self, NotDecimal};
use crate::table::reject::reason;
use crate::table::row::TableRow;
use crate::table::time;

const NANOS_PER_UNIT: i128 = 1_000_000_000;
const DECIMAL: Problem = Problem::Unreadable { expected: "a decimal number" };
const TOO_LARGE: Problem = Problem::Unreadable { expected: "a number of at most 18 digits before the point" };

/// How a column's cells are to be read, beyond what its field says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::table) struct Reading {
    /// Codes of the table and what each means; what is not among them is `otherwise` or a reject.
    pub(in crate::table) codes: Option<BTreeMap<String, String>>,
    pub(in crate::table) otherwise: Option<String>,
    pub(in crate::table) unit: MassUnit,
    /// The labels that mean an infringement; every other means none.
    pub(in crate::table) infringements: Option<BTreeSet<String>>,
    /// Whether a code may also be the contract's number. Not through a mapping: the numbers of
    /// somebody's own list would read as ours in silence.
    pub(in crate::table) numbers: bool,
}

impl Reading {
    /// The texts of a column of labels that mean an infringement, where a mapping lists them.
    pub(in crate::table) fn infringing(&self) -> Vec<String> {
        let means = |text: &str| flag(text.trim_ascii()) == Ok(true);
        match (&self.codes, &self.infringements) {
            // A mapping has one of both.
            (Some(codes), _) => codes.iter().filter(|(_, text)| means(text)).map(|(code, _)| code.clone()).collect(),
            // An empty cell is no label.
            (None, Some(values)) => values.iter().filter(|value| !value.is_empty()).cloned().collect(),
            (None, None) => Vec::new(),
        }
    }
}

/// The unit of a column of masses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(in crate::table) enum MassUnit {
    /// Grams.
    #[default]
    #[serde(rename = "g")]
    Grams,
    /// Kilograms.
    #[serde(rename = "kg")]
    Kilograms,
}

/// Why a cell is not what its field holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::table) enum CellProblem {
    Field(Problem),
    NotInMapping,
    NotInList(&'static CodeList),
    NotUtf8,
}

impl CellProblem {
    pub(in crate::table) fn reason(&self) -> &'static str {
        match self {
            Self::Field(problem) => problem.reason(),
            Self::NotInMapping | Self::NotInList(_) => reason::UNKNOWN_CODE,
            Self::NotUtf8 => reason::NOT_UTF8,
        }
    }
}

impl fmt::Display for CellProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(problem) => problem.fmt(f),
            Self::NotInMapping => f.write_str("must be one of the codes that the mapping translates"),
            Self::NotInList(list) => write!(f, "must be one of {}", list.names().join(", ")),
            Self::NotUtf8 => f.write_str("must be UTF-8"),
        }
    }
}

impl PartialEq for CodeList {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl From<Problem> for CellProblem {
    fn from(problem: Problem) -> Self {
        Self::Field(problem)
    }
}

impl Field {
    /// Reads `text` into this field of `row`; `false` where it turns out to state nothing.
    ///
    /// A currency is kept only where the amount is already stated: a constant currency must not
    /// make an amount of zero out of an empty cell. So currencies come after amounts.
    pub(in crate::table) fn set(&self, row: &mut TableRow, text: &str, reading: &Reading) -> Result<bool, CellProblem> {
        let text = match &reading.codes {
            None => text,
            // An empty cell states nothing, whatever every other code means.
            Some(_) if text.is_empty() => text,
            Some(codes) => {
                codes.get(text.trim_ascii()).or(reading.otherwise.as_ref()).ok_or(CellProblem::NotInMapping)?
            }
        };
        let trimmed = text.trim_ascii();
        // Spaces may be a text, if a strange one, but they are no number.
        let is_text =
            matches!(self.holds(), Holds::Text(_) | Holds::Currency(_) | Holds::NationalCode | Holds::OutcomeKind);
        if text.is_empty() || (trimmed.is_empty() && !is_text) {
            return Ok(false);
        }
        let idx = self.idx;
        match self.holds() {
            Holds::Text(access) => *(access.at)(row, idx) = text.to_owned(),
            Holds::Code(access, list) => *(access.at)(row, idx) = code(trimmed, list, reading.numbers)?,
            Holds::Mass(access) => *(access.at)(row, idx) = Some(mass(trimmed, reading.unit)?),
            Holds::Count(access) => *(access.at)(row, idx) = Some(whole(trimmed)?),
            Holds::Time(access) => *(access.at)(row, idx) = Some(time::read(trimmed).ok_or(BAD_TIME)?),
            Holds::Amount(access) => {
                let (units, nanos) = amount(trimmed)?;
                let money = (access.at)(row, idx).get_or_insert_default();
                (money.units, money.nanos) = (units, nanos);
            }
            Holds::Units(access) => {
                let units = whole(trimmed)?;
                (access.at)(row, idx).get_or_insert_default().units = units;
            }
            Holds::Nanos(access) => {
                let nanos = i32::try_from(whole(trimmed)?).map_err(|_| Problem::MoneyNanos)?;
                (access.at)(row, idx).get_or_insert_default().nanos = nanos;
            }
            Holds::Currency(access) => {
                if (access.get)(row, idx).is_some_and(Option::is_some) {
                    let money: &mut DraftMoney = (access.at)(row, idx).get_or_insert_default();
                    money.currency_code = text.to_owned();
                }
            }
            Holds::NationalCode => {
                row.draft.national_codes.insert(self.key.clone(), text.to_owned());
            }
            Holds::NationalFigure => {
                let figure = decimal::float(trimmed).map_err(|_| DECIMAL)?;
                row.draft.national_figures.insert(self.key.clone(), figure);
            }
            Holds::Infringement => {
                let infringement = match &reading.infringements {
                    Some(values) => values.contains(trimmed),
                    None => flag(trimmed)?,
                };
                row.outcome.get_or_insert_default().infringement = infringement;
            }
            Holds::OutcomeKind => row.outcome.get_or_insert_default().kind = Some(text.to_owned()),
            Holds::OutcomeRevenue => {
                let revenue = within(trimmed, |amount| (0.0..=MAX_REVENUE).contains(&amount), REVENUE)?;
                row.outcome.get_or_insert_default().revenue = Some(revenue);
            }
            Holds::Weight => row.weight = within(trimmed, is_weight, WEIGHT)?,
            Holds::SelectionProbability => {
                row.selection_probability = Some(within(trimmed, |chance| chance > 0.0 && chance <= 1.0, PROBABILITY)?);
            }
        }
        Ok(true)
    }
}

const BAD_TIME: Problem = Problem::Unreadable { expected: time::EXPECTED };
/// As many units as an amount of the contract can have.
const MAX_REVENUE: f64 = 1e15;
const REVENUE: Problem = Problem::Unreadable { expected: "a decimal number from 0 to 1e15" };
/// Sums and products of them stay within what can be fitted and measured, also where `retrain` multiplies them.
const WEIGHT: Problem = Problem::Unreadable { expected: "0, or a decimal number from 1e-6 to 1e6" };
const PROBABILITY: Problem = Problem::Unreadable { expected: "a decimal number above 0 and at most 1" };

fn is_weight(weight: f64) -> bool {
    weight == 0.0 || (1e-6..=1e6).contains(&weight)
}

fn code(text: &str, list: &'static CodeList, numbers: bool) -> Result<i32, CellProblem> {
    (list.number)(text)
        // A number that the list does not have is kept: the check gives a notice, as on the wire.
        .or_else(|| text.parse().ok().filter(|_| numbers))
        .ok_or(CellProblem::NotInList(list))
}

fn mass(text: &str, unit: MassUnit) -> Result<i64, Problem> {
    let places = match unit {
        MassUnit::Grams => 0,
        MassUnit::Kilograms => 3,
    };
    let grams = decimal::scaled(text, places).map_err(not_decimal)?;
    i64::try_from(grams).map_err(|_| TOO_LARGE)
}

fn whole(text: &str) -> Result<i64, Problem> {
    let expected = Problem::Unreadable { expected: "a whole number" };
    let value = decimal::exact(text, 0).map_err(|problem| match problem {
        NotDecimal::Syntax => expected.clone(),
        NotDecimal::TooLarge => TOO_LARGE,
    })?;
    i64::try_from(value.ok_or(expected)?).map_err(|_| TOO_LARGE)
}

fn amount(text: &str) -> Result<(i64, i32), Problem> {
    let nanos = decimal::scaled(text, 9).map_err(not_decimal)?;
    // Both parts take the sign of the whole, as the contract wants it.
    let units = i64::try_from(nanos / NANOS_PER_UNIT).map_err(|_| TOO_LARGE)?;
    let nanos = i32::try_from(nanos % NANOS_PER_UNIT).map_err(|_| TOO_LARGE)?;
    Ok((units, nanos))
}

fn flag(text: &str) -> Result<bool, Problem> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Problem::Unreadable { expected: "true, false, 1 or 0" }),
    }
}

fn within(text: &str, allowed: fn(f64) -> bool, problem: Problem) -> Result<f64, Problem> {
    match decimal::float(text) {
        Ok(value) if value.is_finite() && allowed(value) => Ok(value),
        _ => Err(problem),
    }
}

fn not_decimal(problem: NotDecimal) -> Problem {
    match problem {
        NotDecimal::Syntax => DECIMAL,
        NotDecimal::TooLarge => TOO_LARGE,
    }
}
