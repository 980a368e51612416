//! `ledger import`: parcels and results of the past into a ledger.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::ledger::LedgerFlag;
use super::output;
use super::progress::Progress;
use super::settings;
use crate::config::ValidConfig;
use crate::ledger::{Clock, Grounds, Imported, Keeping, Ledger, LedgerConfig, PastOutcome, PastParcel, Sync, import};
use crate::parcel::{AdvisedAt, Violation};
use crate::table::{CheckedRow, Mapping, Reject, RejectCounts, RowOutcome, RowPosition, TableReader, TableRow, reason};
use crate::wire::{from_draft, v1};

/// Flags of `ledger import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    ledger: LedgerFlag,
    /// Tables of parcels, labeled or not: .csv, .csv.gz, .parquet or .jsonl.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// How their columns become parcels.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Table of results: `item_id` and the columns of `outcome.`, under those names.
    #[arg(long, value_name = "FILE")]
    outcomes: Option<PathBuf>,
    /// Artifact whose features name what history counts; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

#[derive(Default)]
struct Past {
    parcels: Vec<PastParcel>,
    outcomes: Vec<PastOutcome>,
    rejects: RejectCounts,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (config, path) = args.ledger.load()?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let artifact = settings::artifact(args.model.as_deref())?;
    let engine = settings::policed_engine(&artifact, &config)?;
    let mut past = Past::default();
    let mut progress = Progress::new();
    progress.begin("reading", None);
    for file in &args.data {
        past.read_parcels(file, mapping.as_ref(), &config, &mut progress)?;
    }
    if let Some(file) = &args.outcomes {
        past.read_outcomes(file, &mut progress)?;
    }
    progress.end();
    if past.rejects.n_rejected() > 0 {
        output::print(&past.rejects.with_examples())?;
    }
    output::fail_if_too_many(&past.rejects, config.train().get().max_reject_share)?;
    // Nobody waits for a reply, and the end waits for the disk.
    let ledger_config = LedgerConfig { sync: Sync::Batch, ..config.ledger().clone() };
    let keeping = Keeping::new(&ledger_config)?;
    let ledger = Ledger::open(&path, &ledger_config, Clock::system())?;
    let until_seconds = artifact.manifest().data.until_seconds;
    let grounds = Grounds::new(&engine, until_seconds, &ledger_config, config.history());
    let imported = import(&ledger, &engine, &grounds, &keeping, past.parcels, past.outcomes)?;
    drop(ledger);
    output::print(&told(&imported))
}

impl Past {
    fn read_parcels(
        &mut self,
        file: &Path,
        mapping: Option<&Mapping>,
        config: &ValidConfig,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let table = TableReader::open(file, mapping).with_context(|| format!("reading {}", file.display()))?;
        let row_check = table.row_check(config.limits().clone());
        for row in table {
            progress.tick();
            let taken = row?.and_then(|row| {
                let stated = from_draft(&row.draft);
                let checked = row_check.check(row)?;
                let stated = stated.map_err(|invalid| rejected(&checked.position, invalid.0))?;
                self.take(stated, checked, config.train().get().label_delay_days)
            });
            self.count(taken);
        }
        Ok(())
    }

    fn take(&mut self, stated: v1::Parcel, row: CheckedRow, delay_days: u32) -> Result<(), Reject> {
        let CheckedRow { position, parcel, outcome, selection_probability, .. } = row;
        if let Some(outcome) = outcome {
            let (item_id, at) = (parcel.item_id.as_str(), Some(parcel.advised_at));
            self.outcomes.push(past_outcome(&position, item_id, &outcome, at, delay_days)?);
        }
        self.parcels.push(PastParcel { stated, parcel, selection_probability });
        Ok(())
    }

    fn read_outcomes(&mut self, file: &Path, progress: &mut Progress) -> anyhow::Result<()> {
        for row in TableReader::open(file, None).with_context(|| format!("reading {}", file.display()))? {
            progress.tick();
            let taken = row?.and_then(|row: TableRow| {
                if let Some(outcome) = &row.outcome {
                    self.outcomes.push(past_outcome(&row.position, &row.draft.item_id, outcome, None, 0)?);
                }
                Ok(())
            });
            self.count(taken);
        }
        Ok(())
    }

    fn count(&mut self, taken: Result<(), Reject>) {
        match taken {
            Ok(()) => self.rejects.accepted(),
            Err(reject) => self.rejects.rejected(reject),
        }
    }
}

fn past_outcome(
    position: &RowPosition,
    item_id: &str,
    outcome: &RowOutcome,
    advised_at: Option<AdvisedAt>,
    delay_days: u32,
) -> Result<PastOutcome, Reject> {
    let past = PastOutcome::of(item_id, outcome, advised_at, delay_days);
    past.map_err(|invalid| rejected(position, invalid.0))
}

fn rejected(position: &RowPosition, violations: Vec<Violation>) -> Reject {
    let message = violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("; ");
    let first = violations.into_iter().next();
    let reason = first.as_ref().map_or(reason::NOT_A_PARCEL, |violation| violation.problem.reason());
    Reject { position: position.clone(), column: None, field: first.map(|violation| violation.field), reason, message }
}

fn told(imported: &Imported) -> String {
    let Imported { parcels, outcomes, known_parcels, known_outcomes, before_model, of_unknown_items } = imported;
    let mut text = format!("{parcels} parcels and {outcomes} results were taken in\n");
    for (n, what) in [
        (known_parcels + known_outcomes, "were there already"),
        (
            *before_model,
            "are from before the end of the model's own data: they stand in the ledger, and are no part of its history",
        ),
        (*of_unknown_items, "of the results are on items that nothing is known of; they add nothing to history"),
    ] {
        if n > 0 {
            text += &format!("{n} {what}\n");
        }
    }
    text
}
