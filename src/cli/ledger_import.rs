//! `ledger import`: parcels and results of the past into a ledger.

mod past;

use std::path::PathBuf;

use anyhow::Context as _;

use self::past::Parcels;
use super::ledger::LedgerFlag;
use super::output;
use super::progress::Progress;
use super::settings;
use crate::ledger::{
    Clock, Grounds, Imported, Keeping, Ledger, LedgerConfig, Sync, import, import_grounds, is_ready, standing_grounds,
};
use crate::table::RejectCounts;

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
    /// How its columns become these.
    #[arg(long, value_name = "FILE", requires = "outcomes")]
    outcomes_mapping: Option<PathBuf>,
    /// Artifact whose features name what history counts; without it, the built-in one. Where the ledger has records already,
    /// its features must be theirs, and the model that decides stays the one that does.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let (config, path) = args.ledger.load()?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let outcomes_mapping = settings::mapping(args.outcomes_mapping.as_deref())?;
    let artifact = settings::artifact(args.model.as_deref())?;
    let engine = settings::policed_engine(&artifact, &config)?;
    // Nobody waits for a reply, and the end waits for the disk.
    let ledger_config = LedgerConfig { sync: Sync::Batch, ..config.ledger().clone() };
    // Before what takes long.
    is_ready(&ledger_config)?;
    let until_seconds = artifact.manifest().data.until_seconds;
    let grounds = Grounds::new(&engine, until_seconds, &ledger_config, config.history());
    import_grounds(&grounds, standing_grounds(&path)?.as_deref())?;
    let mut progress = Progress::new();
    let (mut rejects, mut result_rejects) = (RejectCounts::default(), RejectCounts::default());
    let mut outcomes = Vec::new();
    if let Some(file) = &args.outcomes {
        progress.begin("results", None);
        for row in past::outcomes(file, outcomes_mapping.as_ref(), config.train().get().label_delay_days)? {
            progress.tick();
            outcomes.extend(result_rejects.count(row?).flatten());
        }
    }
    let parcels = Parcels { mapping: mapping.as_ref(), config: &config };
    progress.begin("checking", None);
    let tables = args.data.iter().map(|file| parcels.look_through(file, &mut rejects, &progress));
    let tables = tables.collect::<anyhow::Result<Vec<_>>>()?;
    // Apart: results are so few that all of them would be a small share of the rows.
    for (rejects, of) in [(&result_rejects, "the results (--outcomes)"), (&rejects, "the parcels (--data)")] {
        if rejects.n_rejected() > 0 {
            output::print(&format!("{}\n", rejects.with_examples()))?;
        }
        output::fail_if_too_many(rejects, config.train().get().max_reject_share).context(of)?;
    }
    let ledger = Ledger::open(&path, &ledger_config, Clock::system())?;
    let keeping = Keeping::new(&ledger_config, Some(&ledger.reader()?))?;
    progress.begin("recording", Some(rejects.n_rows()));
    let parcels = parcels.in_order(tables, (&engine, &keeping))?.inspect(|_| progress.tick());
    let imported = import(&ledger, &engine, &grounds, parcels, outcomes)?;
    drop(ledger);
    progress.end();
    output::print(&told(&imported))
}

fn told(imported: &Imported) -> String {
    let Imported { parcels, outcomes, known_parcels, known_outcomes, before_model, of_unknown_items, without_time } =
        imported;
    let mut text = format!("{parcels} parcels and {outcomes} results were taken in\n");
    for (n, what) in [
        (known_parcels + known_outcomes, "were there already"),
        (
            *before_model,
            "are from before the end of the model's own data: they stand in the ledger, and are no part of its history",
        ),
        (*of_unknown_items, "of the results are on items that nothing is known of; they add nothing to history"),
        (
            *without_time,
            "of the results state no time (outcome.known_at), and no parcel is known that it follows from: they were left out",
        ),
    ] {
        if n > 0 {
            text += &format!("{n} {what}\n");
        }
    }
    text
}
