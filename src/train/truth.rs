//! What a simulation knows of parcels, brought beside the scores that they were given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::dataset::{DatasetError, advice};
use crate::evaluation::{Baseline, Columns, ScoredRow, Slice};
use crate::history::EntityKey;
use crate::table::{Mapping, TableReader, TableRow};

/// How the columns of the table are read.
const MAPPING: &str = include_str!("../../models/mappings/simulated-truth.toml");
/// Added to the odds of an actor's parcel once one of that actor's was found: above all odds.
const KNOWN: f64 = 1e3;
/// The odds of a parcel that the table does not have: below all odds.
const UNTOLD: f64 = -1e3;

/// The truth of simulated parcels.
#[derive(Debug, Default)]
pub struct Truth {
    by_advice: HashMap<EntityKey, True>,
    /// Names that parcels refer to by their place.
    names: Vec<String>,
    /// Those of them that no parcel was of until training ended.
    late: BTreeSet<usize>,
}

/// What is true of one parcel.
#[derive(Clone, Copy, Debug)]
struct True {
    typology: Option<usize>,
    lookalike_of: Option<usize>,
    actor_known: bool,
    mimics: bool,
    log_odds: f64,
}

impl Truth {
    /// Reads the `truth` table of a simulation.
    /// * `trained_until`: seconds since 1970; typologies of which no parcel was advised until then are late. None is, where the
    ///   table has no parcel of a typology from before.
    ///
    /// # Errors
    /// [`DatasetError`] where the table can't be read or lacks a column.
    pub fn read(path: &Path, trained_until: i64) -> Result<Self, DatasetError> {
        let of_table = |source| DatasetError::Table { path: path.to_owned(), source };
        let mapping = Mapping::parse(MAPPING).expect("the mapping is part of the program and tested");
        let mut truth = Self::default();
        let mut places = BTreeMap::new();
        let mut early = BTreeSet::new();
        for row in TableReader::open(path, Some(&mapping)).map_err(of_table)? {
            // A row that can't be read tells nothing of its parcel.
            let Ok(row) = row.map_err(of_table)? else { continue };
            let Some(at) = row.draft.advised_at else { continue };
            let told = truth.told(&row, &mut places);
            if at.seconds <= trained_until {
                early.extend(told.typology);
            }
            truth.late.extend(told.typology);
            truth.by_advice.insert(advice(&row.draft.item_id, at.seconds), told);
        }
        truth.late.retain(|typology| !early.contains(typology));
        // A table that begins after the training does not tell what was there before.
        if early.is_empty() {
            truth.late.clear();
        }
        Ok(truth)
    }

    fn told(&mut self, row: &TableRow, places: &mut BTreeMap<String, usize>) -> True {
        let code = |name: &str| row.draft.national_codes.get(name).map(String::as_str);
        let mut place = |name: &str| {
            let name = code(name)?;
            Some(*places.entry(name.to_owned()).or_insert_with(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }))
        };
        let (typology, lookalike_of) = (place("typology"), place("lookalike_of"));
        let is = |name: &str| code(name) == Some("true");
        let log_odds = row.draft.national_figures.get("oracle_log_odds").copied();
        True {
            typology,
            lookalike_of,
            actor_known: is("actor_known"),
            mimics: is("mimics"),
            log_odds: log_odds.unwrap_or(UNTOLD),
        }
    }

    /// Adds groups and baselines for the rows that `advices` names, in their order.
    pub(super) fn add_to(&self, columns: &mut Columns, rows: &[ScoredRow], advices: &[EntityKey]) {
        let told: Vec<Option<&True>> = advices.iter().map(|advice| self.by_advice.get(advice)).collect();
        let mut add = |dimension: &str, value: &str, of: &dyn Fn(&True, &ScoredRow) -> bool| {
            let is = |(told, row): (&Option<&True>, &ScoredRow)| told.is_some_and(|told| of(told, row));
            let members: Vec<bool> = told.iter().zip(rows).map(is).collect();
            if members.contains(&true) {
                columns.opened.push(Slice { dimension: dimension.into(), value: value.into(), rows: members });
            }
        };
        let by_name: BTreeMap<&str, usize> =
            self.names.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        for (name, place) in &by_name {
            add("typology", name, &|told, row| row.infringement && told.typology == Some(*place));
        }
        let illicit = |told: &True, row: &ScoredRow| row.infringement && told.typology.is_some();
        add("infringements", "actor found before", &|told, row| illicit(told, row) && told.actor_known);
        add("infringements", "actor not found before", &|told, row| illicit(told, row) && !told.actor_known);
        add("infringements", "typology new since training", &|told, row| {
            illicit(told, row) && told.typology.is_some_and(|typology| self.late.contains(&typology))
        });
        add("infringements", "copies ordinary parcels", &|told, row| illicit(told, row) && told.mimics);
        for (name, place) in &by_name {
            add("lookalike_of", name, &|told, row| !row.infringement && told.lookalike_of == Some(*place));
        }
        add("lookalike_of", "none", &|told, row| {
            !row.infringement && told.lookalike_of.is_none() && told.typology.is_none()
        });
        let odds = || told.iter().map(|told| told.map_or(UNTOLD, |told| told.log_odds));
        let known = told.iter().map(|told| told.is_some_and(|told| told.actor_known));
        let knowledge = odds().zip(known).map(|(odds, known)| odds + if known { KNOWN } else { 0.0 });
        let knowledge = Baseline { name: "generators_knowledge".into(), scores: knowledge.collect() };
        columns.baselines.push(Baseline { name: "generators_odds".into(), scores: odds().collect() });
        columns.baselines.push(knowledge);
    }
}
