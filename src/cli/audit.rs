//! `audit`: what the random control tells of all parcels.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::civil::Date;

use super::output;
use crate::evaluation::{AuditEstimates, Estimate, Stratum, audited};
use crate::ledger::{Reader, audited_items};

/// Flags of `audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The ledger.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// First day (UTC) of the decisions to look at.
    #[arg(long, value_name = "YYYY-MM-DD")]
    since: Option<Date>,
    /// Day before which they end; leave out days whose inspections are still to come.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<Date>,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let reader = Reader::open(&args.ledger)?;
    let since = args.since.map_or(Ok(i64::MIN), output::start_of_day_micros)?;
    let until = args.until.map_or(Ok(i64::MAX), output::start_of_day_micros)?;
    let items = audited_items(&reader, since, until)?;
    output::print(&told(&audited(items)))
}

fn told(estimates: &AuditEstimates) -> String {
    let mut text = String::new();
    let columns = ["items", "sent", "with result", "infringements"];
    let _ = write!(text, "{:<22}", "");
    columns.iter().for_each(|column| {
        let _ = write!(text, "{column:>14}");
    });
    text += "\n";
    for (name, stratum) in [("chosen for certain", estimates.chosen), ("left to a draw", estimates.drawn)] {
        let Stratum { parcels, selected, inspected, infringements, .. } = stratum;
        let _ = writeln!(text, "{name:<22}{parcels:>14}{selected:>14}{inspected:>14}{infringements:>14}");
    }
    if estimates.out_of_reach > 0 {
        let _ = writeln!(
            text,
            "{} items had no chance of being inspected: nothing below holds for them",
            estimates.out_of_reach
        );
    }
    for (name, estimate) in
        [("prevalence", estimates.prevalence), ("recall", estimates.recall), ("precision", estimates.precision)]
    {
        let _ = writeln!(text, "{name:<22}{}", estimate.map_or("not known: too few results".to_owned(), percent));
    }
    text
}

/// In percent, with the 95 % interval.
fn percent(estimate: Estimate) -> String {
    let Estimate { value, low_95, high_95 } = estimate;
    let ends = low_95.zip(high_95).map(|(low, high)| format!(" ({:.3}..{:.3})", low * 100.0, high * 100.0));
    format!("{:.3} %{}", value * 100.0, ends.unwrap_or_default())
}
