//! `ledger`: is a ledger whole, what stands in it as a table, and the past into it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::civil::Date;

use super::output;
use super::settings::{self, ConfigFlag, Flags};
use crate::config::ValidConfig;
use crate::ledger::{Clock, Known, Ledger, Reader, checkpoints, export, known_record, rescore, verify_against};
use crate::table::holds_labels;

/// What can be done with a ledger.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Check every record against the one before, and name the first that was changed, removed or put elsewhere.
    Verify(VerifyArgs),
    /// Write what was seen and found as a labeled table, such as `train` takes.
    Export(ExportArgs),
    /// Write zeros over the parcels of old records, and over the texts of outcomes. The records stay, and the chain can be
    /// verified as before. No server may be running on it.
    Erase(EraseArgs),
    /// Take in parcels and results of the past, so that a server's history starts warm. No server may be running on it.
    Import(super::ledger_import::Args),
}

/// Flags of `ledger verify`.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    ledger: LedgerFlag,
    /// A record that is known to have been written, as an earlier run printed it: `NUMBER:DIGEST`.
    #[arg(long, value_name = "RECORD", value_parser = known)]
    expect: Option<Known>,
    /// File of a public key of minisign: fail where a checkpoint that its owner signed does not fit, or there is none.
    #[arg(long, value_name = "FILE")]
    checkpoint_key: Option<PathBuf>,
    /// File of the checkpoints, where it is not the one beside the ledger.
    #[arg(long, value_name = "FILE", requires = "checkpoint_key")]
    checkpoints: Option<PathBuf>,
    /// Make every decision again too, from the start, and compare to the bit.
    #[arg(long)]
    rescore: bool,
    /// Artifacts that decided, besides the built-in one; may be given more than once.
    #[arg(long, value_name = "DIR", requires = "rescore")]
    model: Vec<PathBuf>,
}

/// Flags of `ledger export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    ledger: LedgerFlag,
    /// Table to write: .csv, .csv.gz or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Flags of `ledger erase`.
#[derive(Debug, clap::Args)]
pub(super) struct EraseArgs {
    #[command(flatten)]
    ledger: LedgerFlag,
    /// Day (UTC) before which the records were written.
    #[arg(long, value_name = "YYYY-MM-DD")]
    before: Date,
}

#[derive(Debug, clap::Args)]
pub(super) struct LedgerFlag {
    /// The ledger [default: ledger.path].
    #[arg(long, value_name = "FILE")]
    ledger: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
}

impl LedgerFlag {
    fn path(&self) -> anyhow::Result<PathBuf> {
        Ok(self.load()?.1)
    }

    /// The configuration, and the ledger that it names.
    pub(super) fn load(&self) -> anyhow::Result<(ValidConfig, PathBuf)> {
        let config = settings::load(&self.config, Flags::default().set("ledger.path", self.ledger.clone()))?;
        let path = config.ledger().path().map(Path::to_owned);
        let path = path.context("no ledger is named: give --ledger, or set ledger.path")?;
        Ok((config, path))
    }
}

fn known(text: &str) -> Result<Known, String> {
    known_record(text).ok_or_else(|| "must be NUMBER:DIGEST".to_owned())
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Verify(args) => run_verify(&args),
        Command::Export(args) => run_export(&args),
        Command::Erase(args) => run_erase(&args),
        Command::Import(args) => super::ledger_import::run(&args),
    }
}

fn run_verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let path = args.ledger.path()?;
    let key = args.checkpoint_key.as_deref();
    let signed = key.map(|key| checkpoints(&path, key, args.checkpoints.as_deref())).transpose()?.unwrap_or_default();
    let known: Vec<Known> = signed.iter().chain(&args.expect).cloned().collect();
    let verified = verify_against(&path, &known)?;
    let (head, digest) = (verified.head, crate::features::hex(&verified.head.digest));
    output::print(&format!(
        "{} records are whole: {} decisions, {} outcomes\nend {}:{digest}\n",
        head.seq, verified.decisions, verified.outcomes, head.seq
    ))?;
    if let Some((seq, digest)) = signed.last() {
        output::print(&format!("{} signed checkpoints fit, the last {seq}:{digest}\n", signed.len()))?;
    }
    if verified.n_torn > 0 {
        output::print(&format!(
            "{} bytes after it are of a record that was not written whole, and nobody was told of\n",
            verified.n_torn
        ))?;
    }
    if !args.rescore {
        return Ok(());
    }
    let mut artifacts = vec![settings::artifact(None)?];
    for model in &args.model {
        artifacts.push(settings::artifact(Some(model))?);
    }
    let rescored = rescore(&Reader::open(&path)?, &artifacts)?;
    output::print(&format!(
        "{} decisions came out again, to the bit; {} are of models that were not given\n",
        rescored.equal, rescored.unknown_model
    ))?;
    match rescored.first {
        None => Ok(()),
        Some(fault) => anyhow::bail!("{} decisions came out another way, the first: {fault}", rescored.different),
    }
}

fn run_erase(args: &EraseArgs) -> anyhow::Result<()> {
    let (config, path) = args.ledger.load()?;
    anyhow::ensure!(path.exists(), "there is no ledger {}", path.display());
    let ledger = Ledger::open(&path, config.ledger(), Clock::system())?;
    let n_erased = ledger.erase_before(output::start_of_day_micros(args.before)?)?;
    output::print(&format!("{n_erased} parcels and texts of outcomes were erased\n"))
}

fn run_export(args: &ExportArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        holds_labels(&args.out),
        "--out: {} must end in .csv, .csv.gz or .parquet, which hold what was found too",
        args.out.display()
    );
    let exported = export(&Reader::open(&args.ledger.path()?)?, &args.out)?;
    output::print(&format!("{} rows, {} of them labeled\n", exported.rows, exported.labeled))
}
