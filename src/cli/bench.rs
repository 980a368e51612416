//! `bench`: load on a server, and what it takes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::ValueEnum;

use super::score::ExplanationArg;
use super::{output, settings};
use crate::bench::{Arrivals, Load, Messages, Method, Plan, ProcessCpu, Target, compare, run as run_load};
use crate::parcel::Draft;
use crate::simulate::{Scenario, Simulation, Size};
use crate::table::TableReader;
use crate::telemetry;

/// Flags of `bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Server to load, such as http://127.0.0.1:50051.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Its process, on this machine: its CPU time and memory are measured.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,

    /// Calls a second, sent when they are due whatever became of those before.
    #[arg(long, value_name = "PER_SECOND", value_parser = positive, conflicts_with = "in_flight")]
    rate: Option<f64>,
    /// How calls at a rate are spaced; `recorded`: as the parcels of the table were advised.
    #[arg(long, value_enum, default_value = "poisson")]
    arrivals: ArrivalsArg,
    /// How much faster than recorded.
    #[arg(long, value_name = "TIMES", value_parser = positive, default_value = "1")]
    speed_up: f64,
    /// Without a rate: calls in flight, the next sent when one is answered.
    #[arg(long, value_name = "N", default_value = "16")]
    in_flight: usize,

    /// Method to call.
    #[arg(long, value_enum, default_value = "unary")]
    method: MethodArg,
    /// Parcels in each call of `--method batch`.
    #[arg(long, value_name = "N", default_value = "1000")]
    batch: usize,
    /// How much to explain; without it, five reasons where the route is not release.
    #[arg(long, value_enum)]
    explanation: Option<ExplanationArg>,
    /// Share of calls marked as critical, 0 to 1; they are counted apart.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    critical_share: f64,
    /// Deadline of a call.
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value = "10")]
    timeout_seconds: f64,

    /// Connections, used in turn.
    #[arg(long, value_name = "N", default_value = "1")]
    connections: usize,
    /// Threads of this client, beside the one that keeps time; `taskset` pins them.
    #[arg(long, value_name = "N", default_value = "1")]
    threads: usize,
    /// Time that is counted; in a comparison, of each turn.
    #[arg(long, value_name = "SECONDS", value_parser = positive, default_value = "10")]
    seconds: f64,
    /// Time before it that is not.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    warmup_seconds: f64,

    /// Parcels to send, a table as `score` reads; without it, simulated post.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How its columns become parcels.
    #[arg(long, value_name = "FILE", requires = "input")]
    mapping: Option<PathBuf>,
    /// Most parcels read or simulated; they are sent in turn, each time with an identifier of their own.
    #[arg(long, value_name = "N", default_value = "20000")]
    parcels: usize,

    /// Another server, for turns of both and their ratio.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Its process.
    #[arg(long, value_name = "PID", requires = "against")]
    against_pid: Option<u32>,
    /// The unary method that it is called by, where it is not ours: /package.Service/Method.
    #[arg(long, value_name = "PATH", requires = "against_message")]
    against_call: Option<String>,
    /// The message of that call, encoded.
    #[arg(long, value_name = "FILE", requires = "against_call", requires = "against")]
    against_message: Option<PathBuf>,
    /// Turns of each.
    #[arg(long, value_name = "N", default_value = "10")]
    pairs: usize,

    /// Text for people, or one JSON object for programs.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ArrivalsArg {
    Fixed,
    Poisson,
    Recorded,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MethodArg {
    Unary,
    Batch,
    Stream,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Scenario of simulated post.
const SCENARIO: &str = "kazakhstan";
/// Seed of the times of independent calls.
const SEED: u64 = 1;

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let drafts = drafts(&args)?;
    let plan = plan(&args, &drafts)?;
    let method = match args.method {
        MethodArg::Unary => Method::Unary,
        MethodArg::Batch => Method::Batch { n_parcels: args.batch },
        MethodArg::Stream => Method::Stream,
    };
    // A second's worth of calls apart, so that runs one after the other send no parcel twice.
    let first = telemetry::unix_seconds().wrapping_mul(100_000);
    let messages = |first| Messages::parcels(&drafts, method, super::score::level(args.explanation), first);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads.max(1)).enable_all().build()?;
    let server = args.server_pid.map(ProcessCpu::of);
    let Some(against) = &args.against else {
        let measured = runtime.block_on(async {
            let target = Target::connect(&args.endpoint, args.connections, messages(first)?).await?;
            run_load(&target, &plan, server.as_ref()).await
        })?;
        return show(args.format, &measured, || measured.to_text(""));
    };
    let other_messages = match (&args.against_call, &args.against_message) {
        (Some(path), Some(file)) => {
            Messages::one(path, std::fs::read(file).with_context(|| format!("reading {}", file.display()))?)
        }
        _ => messages(first)?,
    };
    let other_server = args.against_pid.map(ProcessCpu::of);
    let compared = runtime.block_on(async {
        let target = Target::connect(&args.endpoint, args.connections, messages(first)?).await?;
        let other = Target::connect(against, args.connections, other_messages).await?;
        compare((&target, server.as_ref()), (&other, other_server.as_ref()), &plan, args.pairs).await
    })?;
    show(args.format, &compared, || compared.to_text())
}

fn show(format: Format, measured: &impl serde::Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    output::print(&match format {
        Format::Text => text(),
        Format::Json => serde_json::to_string(measured)? + "\n",
    })
}

fn plan(args: &Args, drafts: &[Draft]) -> anyhow::Result<Plan> {
    let arrivals = match (args.arrivals, args.rate) {
        (ArrivalsArg::Recorded, None) => {
            let at = |draft: &Draft| draft.advised_at.map(|at| at.seconds as f64 + f64::from(at.nanos) / 1e9);
            Some(Arrivals::Recorded { seconds: drafts.iter().filter_map(at).collect(), speed_up: args.speed_up })
        }
        (ArrivalsArg::Recorded, Some(_)) => {
            anyhow::bail!("recorded arrivals have a rate of their own: leave --rate out")
        }
        (ArrivalsArg::Fixed, Some(per_second)) => Some(Arrivals::Fixed { per_second }),
        (ArrivalsArg::Poisson, Some(per_second)) => Some(Arrivals::Poisson { per_second, seed: SEED }),
        (ArrivalsArg::Fixed | ArrivalsArg::Poisson, None) => None,
    };
    let seconds = |seconds| Duration::try_from_secs_f64(seconds).context("a time that is too long or negative");
    Ok(Plan {
        load: arrivals.map_or(Load::Closed { in_flight: args.in_flight.max(1) }, Load::Open),
        warmup: seconds(args.warmup_seconds)?,
        measured: seconds(args.seconds)?,
        timeout: seconds(args.timeout_seconds)?,
        critical_share: args.critical_share,
    })
}

fn drafts(args: &Args) -> anyhow::Result<Vec<Draft>> {
    let Some(input) = &args.input else { return simulated(args.parcels) };
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let mut drafts = Vec::new();
    for row in TableReader::open(input, mapping.as_ref())? {
        // What does not read as a parcel can't be sent.
        drafts.extend(row?.ok().map(|row| row.draft));
        if drafts.len() == args.parcels {
            break;
        }
    }
    Ok(drafts)
}

/// The first parcels of a simulated world.
fn simulated(n: usize) -> anyhow::Result<Vec<Draft>> {
    let mut simulation = Simulation::new(Scenario::shipped(SCENARIO)?, Size::default())?;
    let mut drafts = Vec::with_capacity(n);
    while drafts.len() < n
        && let Some(batch) = simulation.next_batch()
    {
        drafts.extend(batch.into_iter().map(|parcel| parcel.draft));
    }
    drafts.truncate(n);
    Ok(drafts)
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "must be a number above 0".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}
