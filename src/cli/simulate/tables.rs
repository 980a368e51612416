//! The files that a simulation is written to.

use std::path::Path;

use super::{Infringement, Labels};
use crate::parcel::{Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, DraftTime};
use crate::simulate::{Method, Simulated};
use crate::table::{
    Columns, RowOutcome, RowPosition, SheetCell, SheetType, SheetWriter, TableRow, TableWriter, WriteError,
};

const OUTCOMES: &[(&str, SheetType)] = &[
    ("item_id", SheetType::Text),
    ("method", SheetType::Text),
    ("finding", SheetType::Text),
    ("kind", SheetType::Text),
    ("chosen", SheetType::Text),
    ("selection_probability", SheetType::Real),
    ("sensitivity", SheetType::Real),
    ("opened", SheetType::Flag),
    ("inspected_at", SheetType::Text),
    ("known_at", SheetType::Text),
];

const TRUTH: &[(&str, SheetType)] = &[
    ("item_id", SheetType::Text),
    ("advised_at", SheetType::Text),
    ("posted_at", SheetType::Text),
    ("late", SheetType::Flag),
    ("prohibited", SheetType::Flag),
    ("kind", SheetType::Text),
    ("known_at", SheetType::Text),
    ("typology", SheetType::Text),
    ("lookalike_of", SheetType::Text),
    ("actor", SheetType::Text),
    ("regular", SheetType::Text),
    ("mimics", SheetType::Flag),
    ("signs", SheetType::Integer),
    ("links", SheetType::Integer),
    ("actor_known", SheetType::Flag),
    ("oracle_log_odds", SheetType::Real),
];

/// Parcels, outcomes and truth, each in both formats.
#[derive(Debug)]
pub(super) struct Tables {
    parcels: Vec<TableWriter>,
    outcomes: Vec<SheetWriter>,
    truth: Vec<SheetWriter>,
    labels: Labels,
    infringement: Infringement,
    n_rows: u64,
}

/// The endings of the files; a build without Parquet writes no such file.
const ENDINGS: &[&str] = if cfg!(feature = "parquet") { &[".parquet", ".csv.gz"] } else { &[".csv.gz"] };

impl Tables {
    pub(super) fn create(directory: &Path, labels: Labels, infringement: Infringement) -> Result<Self, WriteError> {
        let columns = columns(labels);
        let paths =
            |name: &str| -> Vec<_> { ENDINGS.iter().map(|ending| directory.join(format!("{name}{ending}"))).collect() };
        let sheets = |name: &str, columns: &[(&str, SheetType)]| {
            paths(name).iter().map(|path| SheetWriter::create(path, name, columns)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            parcels: paths("parcels")
                .iter()
                .map(|path| TableWriter::create(path, columns.clone()))
                .collect::<Result<_, _>>()?,
            outcomes: sheets("outcomes", OUTCOMES)?,
            truth: sheets("truth", TRUTH)?,
            labels,
            infringement,
            n_rows: 0,
        })
    }

    /// Writes parcels in their order.
    pub(super) fn write(&mut self, batch: Vec<Simulated>) -> Result<(), WriteError> {
        for simulated in batch {
            let truth = truth(&simulated);
            self.truth.iter_mut().try_for_each(|sheet| sheet.write(&truth))?;
            if let Some(outcome) = outcome(&simulated) {
                self.outcomes.iter_mut().try_for_each(|sheet| sheet.write(&outcome))?;
            }
            drop(truth);
            self.n_rows += 1;
            let row = self.row(simulated, self.n_rows);
            self.parcels.iter_mut().try_for_each(|writer| writer.write(&row))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), WriteError> {
        self.parcels.into_iter().try_for_each(TableWriter::finish)?;
        self.outcomes.into_iter().chain(self.truth).try_for_each(SheetWriter::finish)
    }

    fn row(&self, simulated: Simulated, row: u64) -> TableRow {
        let Simulated { draft, inspection, truth, .. } = simulated;
        let at = |seconds| Some(DraftTime { seconds, nanos: 0 });
        let mut selection_probability = None;
        let outcome = match self.labels {
            Labels::None => None,
            Labels::Full => Some((truth.kind, truth.known_at)),
            // What a scan or documents gave alarm over was opened too, by a chance that nobody knows.
            Labels::Inspected => inspection.as_ref().filter(|inspection| inspection.opened).map(|inspection| {
                let chosen = inspection.method == Method::Open;
                selection_probability = chosen.then_some(inspection.selection_probability);
                (inspection.found, inspection.known_at)
            }),
        };
        let outcome = outcome.map(|(kind, known_at)| RowOutcome {
            infringement: self.infringement.is(kind),
            known_at: at(known_at),
            kind: kind.map(|kind| kind.name().to_owned()),
            ..RowOutcome::default()
        });
        let position = RowPosition { file: "simulation".into(), row, line: None };
        TableRow { draft, outcome, selection_probability, ..TableRow::new(position) }
    }
}

/// Every column that a simulated parcel may fill: what a row with everything states.
fn columns(labels: Labels) -> Columns {
    let text = || "x".to_owned();
    let money = || Some(DraftMoney { currency_code: text(), units: 1, nanos: 1 });
    let party = || DraftParty {
        party_id: String::new(),
        name: text(),
        street: text(),
        locality: text(),
        postcode: text(),
        country: text(),
        phone: text(),
        email: text(),
        kind: 1,
    };
    let line = DraftLine {
        description: text(),
        hs_code: text(),
        quantity: Some(1),
        net_mass_grams: Some(1),
        value: money(),
        origin_country: text(),
    };
    let at = Some(DraftTime { seconds: 1, nanos: 0 });
    let draft = Draft {
        item_id: text(),
        id_scheme: 1,
        advised_at: at,
        origin_country: text(),
        destination_country: text(),
        origin_office: text(),
        destination_office: text(),
        carrier: text(),
        mail_class: 1,
        nature_of_transaction: 1,
        transport_mode: 1,
        sender: Some(party()),
        addressee: Some(party()),
        contents: vec![line; crate::simulate::MAX_LINES],
        gross_mass_grams: Some(1),
        postage_paid: money(),
        insured_value: money(),
        payment_method: 1,
        documents: vec![DraftDocument { kind: 1, number: text() }],
        ..Draft::default()
    };
    let outcome = RowOutcome { infringement: true, known_at: at, kind: Some(text()), ..RowOutcome::default() };
    let position = RowPosition { file: "simulation".into(), row: 0, line: None };
    let row = TableRow {
        draft,
        outcome: (labels != Labels::None).then_some(outcome),
        selection_probability: (labels == Labels::Inspected).then_some(1.0),
        ..TableRow::new(position)
    };
    Columns::of([&row])
}

fn text(text: &str) -> SheetCell<'_> {
    SheetCell::Text(text.into())
}

fn some_text<'a>(of: Option<impl Into<std::borrow::Cow<'a, str>>>) -> SheetCell<'a> {
    of.map_or(SheetCell::Empty, |text| SheetCell::Text(text.into()))
}

fn time(seconds: i64) -> SheetCell<'static> {
    some_text(jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string()))
}

fn outcome(simulated: &Simulated) -> Option<[SheetCell<'_>; 10]> {
    let inspection = simulated.inspection.as_ref()?;
    Some([
        text(&simulated.draft.item_id),
        text(inspection.method.name()),
        text(if inspection.found.is_some() { "INFRINGEMENT" } else { "CLEAN" }),
        some_text(inspection.found.map(|kind| kind.name())),
        text(if inspection.random { "RANDOM" } else { "TARGETED" }),
        SheetCell::Real(inspection.selection_probability),
        SheetCell::Real(inspection.sensitivity),
        SheetCell::Flag(inspection.opened),
        time(inspection.inspected_at),
        time(inspection.known_at),
    ])
}

fn truth(simulated: &Simulated) -> [SheetCell<'_>; 16] {
    let truth = &simulated.truth;
    let persona = |of: Option<u64>| some_text(of.map(|key| format!("{key:016x}")));
    [
        text(&simulated.draft.item_id),
        simulated.draft.advised_at.map_or(SheetCell::Empty, |at| time(at.seconds)),
        time(truth.posted_at),
        SheetCell::Flag(truth.late),
        SheetCell::Flag(truth.is_prohibited()),
        some_text(truth.kind.map(|kind| kind.name())),
        time(truth.known_at),
        some_text(truth.typology.as_deref()),
        some_text(truth.lookalike_of.as_deref()),
        persona(truth.actor),
        persona(truth.regular),
        SheetCell::Flag(truth.mimics),
        SheetCell::Integer(truth.n_signs.into()),
        SheetCell::Integer(truth.n_links.into()),
        SheetCell::Flag(truth.actor_known),
        SheetCell::Real(truth.oracle_log_odds),
    ]
}
