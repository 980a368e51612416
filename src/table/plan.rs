//! A mapping compiled against the header of one table: what is done for every row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{MissingColumn, TableError};
use super::field::{CellProblem, Field, Holds, Reading, UnknownField};
use super::labels::LabelCounts;
use super::mapping::{MappedFrom, MappedUse, Mapping, slots};
use super::reject::Reject;
use super::row::{RowPosition, TableRow};
use super::shown::nearest;

/// What is done for every row of a table, in this order.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
    columns: Arc<ColumnNames>,
    /// Of rows so far; shared, since who reads the table asks when it has ended.
    labels: Arc<Mutex<LabelCounts>>,
}

#[derive(Debug)]
struct Step {
    source: Source,
    field: Field,
    reading: Reading,
}

#[derive(Debug)]
enum Source {
    Column { idx: usize, name: String },
    Constant(String),
}

/// Which column fills which field, for messages.
#[derive(Debug, Default)]
pub(super) struct ColumnNames(Vec<(Field, String)>);

impl ColumnNames {
    /// The column that fills the field that a check named.
    pub(super) fn of(&self, violation: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.is_named_by(violation)).map(|(_, column)| column.as_str())
    }
}

impl Plan {
    /// # Errors
    /// ColumnNames of one name, columns that the mapping names and the header lacks, and without a
    /// mapping columns that are no field of the contract.
    pub(super) fn compile(file: &str, mapping: Option<&Mapping>, header: &[String]) -> Result<Self, TableError> {
        refuse_duplicates(file, header)?;
        let contract;
        let uses = match mapping {
            Some(mapping) => &mapping.uses,
            None => {
                contract = contract_uses(file, header)?;
                &contract
            }
        };

        let mut steps = Vec::with_capacity(uses.len());
        let mut missing: Vec<MissingColumn> = Vec::new();
        for MappedUse { from, field, reading } in uses {
            let source = match from {
                MappedFrom::Constant(text) => Source::Constant(text.clone()),
                MappedFrom::Column(name) => match header.iter().position(|column| column == name) {
                    Some(idx) => Source::Column { idx, name: name.clone() },
                    None => {
                        if missing.iter().all(|known| known.column != *name) {
                            let near = nearest(name, header.iter().map(String::as_str)).map(str::to_owned);
                            missing.push(MissingColumn { column: name.clone(), nearest: near });
                        }
                        continue;
                    }
                },
            };
            steps.push(Step { source, field: field.clone(), reading: reading.clone() });
        }
        if !missing.is_empty() {
            return Err(TableError::MissingColumns { file: file.to_owned(), missing });
        }
        // A currency is kept where its amount is stated, so it has to come after it.
        steps.sort_by_key(|step| matches!(step.field.holds(), Holds::Currency(_)));
        let columns = steps.iter().filter_map(|step| Some((step.field.clone(), step.source.column()?.to_owned())));
        let columns = Arc::new(ColumnNames(columns.collect()));
        let label = steps.iter().find(|step| step.states_label());
        let labels = LabelCounts::of_infringements(label.map(|step| step.reading.infringing()).unwrap_or_default());
        Ok(Self { steps, columns, labels: Arc::new(Mutex::new(labels)) })
    }

    /// Which column fills which field.
    pub(super) fn columns(&self) -> Arc<ColumnNames> {
        Arc::clone(&self.columns)
    }

    /// The values of the label, counted as rows are read.
    pub(super) fn labels(&self) -> Arc<Mutex<LabelCounts>> {
        Arc::clone(&self.labels)
    }

    /// The columns that are read, by their place in the header.
    #[cfg(feature = "parquet")]
    pub(super) fn used(&self) -> BTreeSet<usize> {
        let idx = |step: &Step| match step.source {
            Source::Column { idx, .. } => Some(idx),
            Source::Constant(_) => None,
        };
        self.steps.iter().filter_map(idx).collect()
    }

    /// One row, from its cells by their place in the header; an empty cell is not stated.
    ///
    /// # Errors
    /// [`Reject`] for the first cell that can't be read.
    pub(super) fn row<'a>(
        &self,
        position: RowPosition,
        cell: impl Fn(usize) -> Result<&'a str, CellProblem>,
    ) -> Result<TableRow, Reject> {
        let mut row = TableRow::new(position);
        let (mut labeled, mut label) = (false, None);
        for step in &self.steps {
            let text = match &step.source {
                Source::Column { idx, .. } => cell(*idx),
                Source::Constant(text) => Ok(text.as_str()),
            };
            match text {
                Ok(text) => match step.field.set(&mut row, text, &step.reading) {
                    Ok(true) if matches!(step.field.holds(), Holds::Infringement) => {
                        labeled = true;
                        label = Some(text).filter(|_| step.states_label());
                    }
                    Ok(_) => {}
                    Err(problem) => return Err(step.reject(row.position, &problem)),
                },
                Err(problem) => return Err(step.reject(row.position, &problem)),
            }
        }
        if !labeled {
            // When and what, without whether: no outcome is known.
            row.outcome = None;
        }
        if let Some((text, outcome)) = label.zip(row.outcome.as_ref()) {
            let mut labels = self.labels.lock().unwrap_or_else(PoisonError::into_inner);
            labels.met(text.trim_ascii(), outcome.infringement);
        }
        Ok(row)
    }
}

impl Step {
    /// Whether it is the column of the label; a constant one has nothing to tell apart.
    fn states_label(&self) -> bool {
        matches!((&self.source, self.field.holds()), (Source::Column { .. }, Holds::Infringement))
    }

    fn reject(&self, position: RowPosition, problem: &CellProblem) -> Reject {
        Reject {
            position,
            column: self.source.column().map(str::to_owned),
            field: Some(self.field.path.clone()),
            reason: problem.reason(),
            message: problem.to_string(),
        }
    }
}

impl Source {
    fn column(&self) -> Option<&str> {
        match self {
            Self::Column { name, .. } => Some(name),
            Self::Constant(_) => None,
        }
    }
}

fn refuse_duplicates(file: &str, header: &[String]) -> Result<(), TableError> {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&String> = header.iter().filter(|column| !seen.insert(*column)).collect();
    if twice.is_empty() {
        return Ok(());
    }
    Err(TableError::DuplicateColumns { file: file.to_owned(), columns: twice.into_iter().cloned().collect() })
}

/// The mapping of a table whose columns are fields of the contract.
fn contract_uses(file: &str, header: &[String]) -> Result<Vec<MappedUse>, TableError> {
    let (mut uses, mut unknown): (Vec<MappedUse>, Vec<UnknownField>) = (Vec::new(), Vec::new());
    let mut filled: BTreeMap<String, &String> = BTreeMap::new();
    for column in header {
        let field = match Field::parse(column) {
            Ok(field) => field,
            Err(problem) => {
                unknown.push(problem);
                continue;
            }
        };
        for slot in slots(&field) {
            if let Some(first) = filled.insert(slot, column) {
                let (first, second) = (first.clone(), column.clone());
                let field = field.amount_path().unwrap_or(&field.path).to_owned();
                return Err(TableError::FilledTwice { file: file.to_owned(), first, second, field });
            }
        }
        let reading = Reading { numbers: true, ..Reading::default() };
        uses.push(MappedUse { from: MappedFrom::Column(column.clone()), field, reading });
    }
    if unknown.is_empty() { Ok(uses) } else { Err(TableError::UnknownColumns { file: file.to_owned(), unknown }) }
}
