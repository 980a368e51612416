//! From the file to a mapping that can be used.

use std::collections::BTreeMap;

use super::file::{ColumnUse, MappingFile};
use super::{MappedFrom, MappedUse, MappingError, MappingViolation};
use crate::table::field::{Field, Holds, Reading};
use crate::table::row::{RowPosition, TableRow};
use crate::table::shown::Shown;

/// # Errors
/// [`MappingError::Invalid`] with everything that is wrong.
pub(super) fn check(file: MappingFile) -> Result<Vec<MappedUse>, MappingError> {
    let mut findings = Findings::default();
    for (column, uses) in file.columns {
        for column_use in uses.0 {
            findings.column(&column, column_use);
        }
    }
    for (path, text) in file.constants {
        findings.constant(&path, text);
    }
    findings.twice();
    if findings.violations.is_empty() { Ok(findings.uses) } else { Err(MappingError::Invalid(findings.violations)) }
}

#[derive(Default)]
struct Findings {
    uses: Vec<MappedUse>,
    violations: Vec<MappingViolation>,
}

impl Findings {
    fn violation(&mut self, table: &'static str, key: &str, message: impl Into<String>) {
        self.violations.push(MappingViolation { table, key: key.to_owned(), message: message.into() });
    }

    fn column(&mut self, column: &str, stated: ColumnUse) {
        let amount = Field::parse(&format!("{}.amount", stated.field));
        // `national_codes.x.amount` is a field too, and no amount.
        let amount = amount.ok().filter(|field| matches!(field.holds(), Holds::Amount(_)));
        let field = match amount {
            Some(amount) => {
                self.currency(column, &stated);
                amount
            }
            None => match Field::parse(&stated.field) {
                Ok(field) => {
                    if stated.currency.is_some() || stated.currency_column.is_some() {
                        let message = "a currency belongs to an amount that is named whole, such as contents[0].value";
                        self.violation("columns", column, message);
                    }
                    field
                }
                Err(unknown) => return self.violation("columns", column, unknown.to_string()),
            },
        };
        if stated.unit.is_some() && !matches!(field.holds(), Holds::Mass(_)) {
            self.violation("columns", column, format!("`unit` is for a mass, and {} is none", field.path));
        }
        if stated.infringement.is_some() && stated.codes.is_some() {
            let message = "`infringement` and `codes` exclude each other: list the table's own labels by `infringement`, or \
                           let `codes` mean \"1\" and \"0\"";
            self.violation("columns", column, message);
        }
        match (field.holds(), &stated.infringement) {
            (Holds::Infringement, None) if stated.codes.is_none() => {
                self.violation("columns", column, "`infringement` must list the labels that mean one");
            }
            (Holds::Infringement, Some(labels)) if labels.iter().all(|label| label.trim_ascii().is_empty()) => {
                self.violation(
                    "columns",
                    column,
                    "`infringement` must list a label; an empty cell means none is known",
                );
            }
            (Holds::Infringement, _) | (_, None) => {}
            (_, Some(_)) => self.violation("columns", column, "`infringement` is for outcome.infringement"),
        }
        if stated.otherwise.is_some() && stated.codes.is_none() {
            self.violation("columns", column, "`otherwise` needs `codes` beside it");
        }
        let plain = Reading {
            unit: stated.unit.unwrap_or_default(),
            infringements: stated
                .infringement
                .map(|labels| labels.iter().map(|label| label.trim_ascii().to_owned()).collect()),
            ..Reading::default()
        };
        let meanings = stated.codes.iter().flatten().map(|(code, meaning)| (format!("code {}", Shown(code)), meaning));
        let otherwise = stated.otherwise.iter().map(|meaning| ("`otherwise`".to_owned(), meaning));
        for (what, meaning) in meanings.chain(otherwise) {
            if let Err(problem) = try_out(&field, meaning, &plain) {
                self.violation("columns", column, format!("{what} {problem}"));
            }
        }
        let reading = Reading { codes: stated.codes, otherwise: stated.otherwise, ..plain };
        self.uses.push(MappedUse { from: MappedFrom::Column(column.to_owned()), field, reading });
    }

    /// The currency of an amount that `column` states whole.
    fn currency(&mut self, column: &str, stated: &ColumnUse) {
        let from = match (&stated.currency, &stated.currency_column) {
            (Some(code), None) => MappedFrom::Constant(code.clone()),
            (None, Some(other)) => MappedFrom::Column(other.clone()),
            (None, None) => {
                let message = "an amount needs its `currency`, or the `currency_column` that states it";
                return self.violation("columns", column, message);
            }
            (Some(_), Some(_)) => {
                return self.violation("columns", column, "`currency` and `currency_column` exclude each other");
            }
        };
        if let MappedFrom::Constant(code) = &from
            && let Err(problem) = crate::parcel::codes::Currency::parse(code)
        {
            self.violation("columns", column, format!("`currency` {problem}"));
        }
        match Field::parse(&format!("{}.currency_code", stated.field)) {
            Ok(field) => self.uses.push(MappedUse { from, field, reading: Reading::default() }),
            Err(unknown) => self.violation("columns", column, unknown.to_string()),
        }
    }

    fn constant(&mut self, path: &str, text: String) {
        match Field::parse(path) {
            Err(unknown) => self.violation("constants", path, unknown.to_string()),
            Ok(field) => {
                let reading = Reading::default();
                if text.is_empty() {
                    self.violation("constants", path, "must not be empty");
                } else if let Err(problem) = try_out(&field, &text, &reading) {
                    self.violation("constants", path, problem);
                }
                self.uses.push(MappedUse { from: MappedFrom::Constant(text), field, reading });
            }
        }
    }

    /// No field twice: the later would win in silence.
    fn twice(&mut self) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        let mut twice = Vec::new();
        for one in &self.uses {
            let (table, key) = match &one.from {
                MappedFrom::Column(column) => ("columns", column.clone()),
                MappedFrom::Constant(_) => ("constants", one.field.path.clone()),
            };
            for slot in slots(&one.field) {
                let here = format!("{table}.{}", Shown(&key));
                if let Some(first) = seen.insert(slot, here) {
                    let message = format!("fills {}, as {first} does already", one.field.path);
                    twice.push(MappingViolation { table, key: key.clone(), message });
                    break;
                }
            }
        }
        self.violations.extend(twice);
    }
}

/// What a field fills: an amount is units and nanos at once.
pub(in crate::table) fn slots(field: &Field) -> Vec<String> {
    match (field.holds(), field.amount_path()) {
        (Holds::Amount(_), Some(amount)) => vec![format!("{amount}.units"), format!("{amount}.nanos")],
        _ => vec![field.path.clone()],
    }
}

/// Reads `text` once, to see whether it can be read.
fn try_out(field: &Field, text: &str, reading: &Reading) -> Result<(), String> {
    let mut scratch = TableRow::new(RowPosition { file: "".into(), row: 0, line: None });
    field.set(&mut scratch, text, reading).map(|_stated| ()).map_err(|problem| problem.to_string())
}
