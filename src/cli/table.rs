//! `table`: what a table holds once mapped, and the same in another format.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::output;
use super::progress::Progress;
use super::settings::{self, ConfigFlag, Flags};
use crate::history::EntityKey;
use crate::parcel::{ContentLine, Parcel};
use crate::table::{Columns, LabelCounts, Mapping, RejectCounts, RowOutcome, TableReader, TableWriter};
use crate::train::item;

/// Subcommands of `table`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Count what a table holds: parcels, labels, rejects by reason, notices, what is missing.
    Check(CheckArgs),
    /// Write a table as JSON lines, CSV or Parquet under the contract's field paths.
    Convert(ConvertArgs),
}

/// Flags of `table check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Table: .csv, .csv.gz, .parquet or .jsonl.
    file: PathBuf,
    /// How its columns become parcels.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlag,
}

/// Flags of `table convert`.
#[derive(Debug, clap::Args)]
pub(super) struct ConvertArgs {
    /// Table: .csv, .csv.gz, .parquet or .jsonl.
    file: PathBuf,
    /// How its columns become parcels.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Where to write, in the format of its ending: .jsonl, .csv, .csv.gz or .parquet; - for JSON lines
    /// on standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(args) => check(&args),
        Command::Convert(args) => convert(&args),
    }
}

/// Fields whose absence a reader of `table check` wants to know of.
type IsStated = fn(&Parcel) -> bool;
const FIELDS: &[(&str, IsStated)] = &[
    ("origin_country", |p| p.origin_country.is_some()),
    ("destination_country", |p| p.destination_country.is_some()),
    ("origin_office", |p| p.origin_office.is_some()),
    ("destination_office", |p| p.destination_office.is_some()),
    ("carrier", |p| p.carrier.is_some()),
    ("declarant", |p| p.declarant.is_some()),
    ("mail_class", |p| p.mail_class.is_some()),
    ("nature_of_transaction", |p| p.nature_of_transaction.is_some()),
    ("transport_mode", |p| p.transport_mode.is_some()),
    ("sender", |p| p.sender.is_some()),
    ("addressee", |p| p.addressee.is_some()),
    ("gross_mass_grams", |p| p.gross_mass.is_some()),
    ("postage_paid", |p| p.postage_paid.is_some()),
    ("insured_value", |p| p.insured_value.is_some()),
    ("payment_method", |p| p.payment_method.is_some()),
    ("documents", |p| !p.documents.is_empty()),
    ("contents", |p| !p.contents.is_empty()),
    ("contents.description", |p| any_line(p, |line| line.description.is_some())),
    ("contents.hs_code", |p| any_line(p, |line| line.hs_code.is_some())),
    ("contents.quantity", |p| any_line(p, |line| line.quantity.is_some())),
    ("contents.net_mass_grams", |p| any_line(p, |line| line.net_mass.is_some())),
    ("contents.value", |p| any_line(p, |line| line.value.is_some())),
    ("contents.origin_country", |p| any_line(p, |line| line.origin_country.is_some())),
];

fn any_line(parcel: &Parcel, is_stated: fn(&ContentLine) -> bool) -> bool {
    parcel.contents.iter().any(is_stated)
}

#[derive(Default)]
struct Tally {
    rejects: RejectCounts,
    parcels: u64,
    /// Of parcels read so far, as history knows them.
    items: HashSet<EntityKey>,
    labeled: u64,
    infringements: u64,
    /// Labels that are said to be known before their parcels were advised.
    known_before: u64,
    labels: LabelCounts,
    first_second: Option<i64>,
    last_second: Option<i64>,
    notices: BTreeMap<&'static str, u64>,
    missing: BTreeMap<&'static str, u64>,
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let config = settings::load(&args.config, Flags::default())?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let mut table = TableReader::open(&args.file, mapping.as_ref())?;
    let row_check = table.row_check(config.limits().clone());
    let mut progress = Progress::new();
    progress.begin("reading", None);
    let mut tally = Tally::default();
    for row in &mut table {
        progress.tick();
        if let Some(row) = tally.rejects.count(row?.and_then(|row| row_check.check(row))) {
            tally.add(&row.parcel, row.outcome.as_ref());
        }
    }
    progress.end();
    tally.labels = table.labels();
    output::print(&tally.to_text())?;
    output::fail_if_too_many(&tally.rejects, config.train().get().max_reject_share)
}

impl Tally {
    fn add(&mut self, parcel: &Parcel, outcome: Option<&RowOutcome>) {
        self.parcels += 1;
        self.items.insert(item(parcel.item_id.as_str()));
        let second = parcel.advised_at.seconds();
        self.labeled += u64::from(outcome.is_some());
        self.infringements += u64::from(outcome.is_some_and(|outcome| outcome.infringement));
        let known_at = outcome.and_then(|outcome| outcome.known_at);
        self.known_before += u64::from(known_at.is_some_and(|known_at| known_at.seconds < second));
        self.first_second = Some(self.first_second.map_or(second, |first| first.min(second)));
        self.last_second = Some(self.last_second.map_or(second, |last| last.max(second)));
        for notice in &parcel.notices {
            *self.notices.entry(notice.code.as_str()).or_default() += 1;
        }
        for (field, is_stated) in FIELDS {
            *self.missing.entry(field).or_default() += u64::from(!is_stated(parcel));
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        let time = |second: Option<i64>| {
            let time = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
            time.map_or_else(|| "-".to_owned(), |time| time.to_string())
        };
        let _ = writeln!(text, "parcels {}", self.parcels);
        let _ = writeln!(text, "labeled {}", self.labeled);
        let _ = writeln!(text, "infringements {}", self.infringements);
        text += &self.labels.to_string();
        for doubt in self.labels.doubts() {
            let _ = writeln!(text, "{doubt}");
        }
        if self.known_before > 0 {
            let (n, of) = (self.known_before, self.labeled);
            let _ =
                writeln!(text, "{n} of {of} labels were known before the parcel was advised, and count from then on");
        }
        let _ = writeln!(text, "advised from {} until {}", time(self.first_second), time(self.last_second));
        let _ = writeln!(text, "{}", self.rejects.with_examples());
        if let Some(repeats) = output::repeats(self.parcels - self.items.len() as u64, self.parcels) {
            let _ = writeln!(text, "{repeats}");
        }
        for (code, n) in &self.notices {
            let _ = writeln!(text, "notice {code} {n}");
        }
        for (field, _) in FIELDS {
            let n = self.missing.get(field).copied().unwrap_or_default();
            let share = if self.parcels == 0 { 0.0 } else { 100.0 * n as f64 / self.parcels as f64 };
            let _ = writeln!(text, "not stated {field} {n} ({share:.1} %)");
        }
        text
    }
}

fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    let read = [Some(&args.file), args.mapping.as_ref(), args.config.config.as_ref()];
    output::refuse_input_as_output("--out", Some(&args.out), read.into_iter().flatten().map(PathBuf::as_path))?;
    let config = settings::load(&args.config, Flags::default())?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    TableWriter::check_place(&args.out)?;
    let columns = columns(&args.file, mapping.as_ref())?;
    let mut writer = TableWriter::create(&args.out, columns)?;
    let table = TableReader::open(&args.file, mapping.as_ref())?;
    let row_check = table.row_check(config.limits().clone());
    let mut rejects = RejectCounts::default();
    let mut n_labels = 0_u64;
    let mut progress = Progress::new();
    progress.begin("writing", None);
    for row in table {
        progress.tick();
        // Only what could be a parcel is written; the row itself stays as it was stated.
        if let Some(row) = rejects.count(row?.and_then(|row| row_check.check(row.clone()).map(|_| row))) {
            writer.write(&row)?;
            n_labels += u64::from(row.outcome.is_some());
        }
    }
    writer.finish()?;
    progress.end();
    let has_labels = args.out.extension().is_some_and(|ending| ending != "jsonl");
    if n_labels > 0 && !has_labels {
        eprintln!("JSON lines hold parcels only: the labels of {n_labels} rows were left out");
    }
    if rejects.n_rejected() > 0 {
        eprintln!("{}", rejects.with_examples());
    }
    output::fail_if_too_many(&rejects, config.train().get().max_reject_share)
}

/// The columns that the table needs, which a writer must know before its first row. Standard
/// input can be read only once, and goes to formats that need none.
fn columns(file: &Path, mapping: Option<&Mapping>) -> anyhow::Result<Columns> {
    let mut columns = Columns::default();
    if file == Path::new("-") {
        return Ok(columns);
    }
    for row in TableReader::open(file, mapping)? {
        if let Ok(row) = row? {
            columns.note(&row);
        }
    }
    Ok(columns)
}
