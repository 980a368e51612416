//! `simulate`: labeled traffic that behaves like post.

mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use super::output;
use super::progress::Progress;
use crate::simulate::{Kind, SHIPPED, Scenario, Simulated, Simulation, Size};
use tables::Tables;

/// Flags of `simulate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Number of parcels.
    #[arg(long, value_name = "N", default_value_t = Size::default().parcels)]
    parcels: u64,
    /// Days they are spread over.
    #[arg(long, value_name = "D", default_value_t = Size::default().days)]
    days: u32,
    /// First day that is written, from 0: the days before it are simulated and left out.
    #[arg(long, value_name = "DAY", default_value_t = 0)]
    from_day: u32,
    /// Day before which writing ends [default: --days].
    #[arg(long, value_name = "DAY")]
    until_day: Option<u32>,
    /// Share of prohibited goods among them [default: the scenario's world.base_rate].
    #[arg(long, value_name = "SHARE")]
    base_rate: Option<f64>,
    /// Seed of everything drawn: equal seeds give equal files.
    #[arg(long, default_value_t = Size::default().seed)]
    seed: u64,
    /// A scenario file, or the name of one that comes with the program: kazakhstan, large-hub, drift,
    /// adversary.
    #[arg(long, value_name = "FILE|NAME", default_value = "kazakhstan")]
    scenario: String,
    /// Which parcels carry a label.
    #[arg(long, value_enum, default_value = "full")]
    labels: Labels,
    /// What counts as an infringement in labels; outcome.kind tells the kind of any.
    #[arg(long, value_enum, default_value = "prohibited")]
    infringement: Infringement,
    /// Directory for parcels, outcomes and truth, each as .parquet and .csv.gz.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Which parcels carry a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Labels {
    /// All: what a perfect audit finds, after its delay.
    Full,
    /// Those that the simulated customs opened, with what they found.
    Inspected,
    /// None.
    None,
}

/// What counts as an infringement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Infringement {
    /// Prohibited goods: what the base rate counts.
    Prohibited,
    /// Undervaluation, misdeclaration and counterfeits too.
    Any,
}

impl Infringement {
    fn is(self, kind: Option<Kind>) -> bool {
        kind.is_some_and(|kind| self == Self::Any || kind.is_prohibited())
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let mut scenario = scenario(&args.scenario)?;
    if let Some(base_rate) = args.base_rate {
        anyhow::ensure!((0.0..=0.2).contains(&base_rate), "--base-rate must be from 0 to 0.2");
        scenario.world.base_rate = base_rate;
    }
    let (name, version) = (scenario.name.clone(), scenario.version.clone());
    let size = Size { parcels: args.parcels, days: args.days, seed: args.seed };
    let until_day = args.until_day.unwrap_or(args.days);
    anyhow::ensure!(
        args.from_day < until_day && until_day <= args.days,
        "--from-day must be below --until-day, and that at most --days"
    );
    let mut simulation = Simulation::new(scenario, size)?;
    fs::create_dir_all(&args.out).with_context(|| format!("creating {}", args.out.display()))?;
    let mut tables = Tables::create(&args.out, args.labels, args.infringement)?;
    let mut counts = Counts::default();
    let mut progress = Progress::new();
    progress.begin("simulating", Some(args.parcels));
    while let Some(mut batch) = simulation.next_batch() {
        progress.advance(batch.len() as u64);
        let ended = batch.last().is_some_and(|last| last.day >= until_day);
        batch.retain(|simulated| (args.from_day..until_day).contains(&simulated.day));
        batch.iter().for_each(|simulated| counts.add(simulated));
        tables.write(batch)?;
        if ended {
            break;
        }
    }
    tables.finish()?;
    progress.end();
    let written = serde_json::json!({
        "out": args.out,
        "scenario": name,
        "version": version,
        "seed": args.seed,
        "days": args.days,
        "parcels": counts.parcels,
        "prohibited": counts.prohibited,
        "lookalikes": counts.lookalikes,
        "other_kinds": counts.other_kinds,
        "inspected": counts.inspected,
        "found": counts.found,
    });
    output::print(&format!("{written}\n"))
}

/// A scenario by name, else from a file.
fn scenario(name: &str) -> anyhow::Result<Scenario> {
    if SHIPPED.iter().any(|(shipped, _)| *shipped == name) || !Path::new(name).exists() {
        return Ok(Scenario::shipped(name)?);
    }
    let text = fs::read_to_string(name).with_context(|| format!("reading {name}"))?;
    Scenario::parse(&text).with_context(|| format!("the scenario {name}"))
}

#[derive(Debug, Default)]
struct Counts {
    parcels: u64,
    prohibited: u64,
    lookalikes: u64,
    other_kinds: u64,
    inspected: u64,
    found: u64,
}

impl Counts {
    fn add(&mut self, simulated: &Simulated) {
        let truth = &simulated.truth;
        self.parcels += 1;
        self.prohibited += u64::from(truth.is_prohibited());
        self.other_kinds += u64::from(truth.kind.is_some() && !truth.is_prohibited());
        self.lookalikes += u64::from(truth.lookalike_of.is_some());
        self.inspected += u64::from(simulated.inspection.is_some());
        self.found += u64::from(simulated.inspection.as_ref().is_some_and(|inspection| inspection.found.is_some()));
    }
}
