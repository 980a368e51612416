//! `model check` and `model reference`: the gate without a server, and the set that it judges by.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use super::output;
use super::settings::{self, ConfigFlag, Flags};
use crate::artifact::Artifact;
use crate::config::ValidConfig;
use crate::ledger::Reader;
use crate::registry::{Contender, DrawnRows, GateConfig, LiveRows, ReferenceLine, ReferenceSet, Report, Trial};
use crate::table::TableReader;
use crate::wire;

/// Flags of `model check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Directory of the artifact that would decide.
    directory: PathBuf,
    /// Directory of the one that decides; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    champion: Option<PathBuf>,
    /// Reference set [default: gate.reference].
    #[arg(long, value_name = "FILE")]
    reference: Option<String>,
    /// Ledger whose last parcels both score [default: ledger.path].
    #[arg(long, value_name = "FILE")]
    ledger: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
}

/// Flags of `model reference`.
#[derive(Debug, clap::Args)]
pub(super) struct ReferenceArgs {
    /// Labeled tables: .csv, .csv.gz or .parquet. Of parcels that were chosen at random, and that no training reads.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// How the tables' columns become parcels; without it they are fields of the contract.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Reference set to write, JSON lines.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn check(args: CheckArgs) -> anyhow::Result<()> {
    let flags = Flags::default().set("gate.reference", args.reference).set("ledger.path", args.ledger);
    let config = settings::load(&args.config, flags)?;
    let champion = settings::artifact(args.champion.as_deref())?;
    let challenger = settings::artifact(Some(&args.directory))?;
    let reference = reference_set(&config)?;
    let report = tried(&champion, &challenger, reference.as_ref(), &config)?;
    output::print(&report.to_text())?;
    match report.failure() {
        None => Ok(()),
        Some(finding) => anyhow::bail!("the model did not pass the check {}: {}", finding.check.as_str(), finding.why),
    }
}

/// The reference set of a configuration, where it names one.
pub(super) fn reference_set(config: &ValidConfig) -> anyhow::Result<Option<ReferenceSet>> {
    let file = Some(&config.gate().reference).filter(|file| !file.is_empty());
    Ok(file.map(|file| ReferenceSet::read(file.as_ref(), config.limits())).transpose()?)
}

/// Holds one model beside another, under a configuration.
pub(super) fn tried(
    champion: &Artifact,
    challenger: &Artifact,
    reference: Option<&ReferenceSet>,
    config: &ValidConfig,
) -> anyhow::Result<Report> {
    let gate: &GateConfig = config.gate();
    let live = match config.ledger().path().filter(|path| path.exists()) {
        None => LiveRows::default(),
        Some(path) => LiveRows::read(&Reader::open(path)?, usize::try_from(gate.live_parcels)?)?,
    };
    let drawn = match config.ledger().path().filter(|path| path.exists()) {
        None => DrawnRows::default(),
        Some(path) => DrawnRows::read(&Reader::open(path)?)?,
    };
    let trial = Trial {
        champion: &Contender::new(champion, settings::policed_engine(champion, config)?),
        challenger: &Contender::new(challenger, settings::policed_engine(challenger, config)?),
        reference,
        live: &live,
        drawn: &drawn,
        config: gate,
    };
    Ok(trial.run())
}

pub(super) fn reference(args: &ReferenceArgs) -> anyhow::Result<()> {
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let create = || -> std::io::Result<_> { Ok(BufWriter::new(File::create(&args.out)?)) };
    let mut out = create().with_context(|| format!("creating {}", args.out.display()))?;
    let (mut n_parcels, mut n_infringements) = (0_u64, 0_u64);
    for path in &args.data {
        for row in TableReader::open(path, mapping.as_ref())? {
            let Ok(row) = row? else { continue };
            let Some(outcome) = &row.outcome else { continue };
            // What the contract has no room for, a server would refuse.
            let Ok(parcel) = wire::from_draft(&row.draft) else { continue };
            let line = ReferenceLine { parcel, infringement: outcome.infringement };
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
            n_parcels += 1;
            n_infringements += u64::from(outcome.infringement);
        }
    }
    out.flush()?;
    output::print(&format!("{n_parcels} parcels, {n_infringements} with an infringement\n"))
}
