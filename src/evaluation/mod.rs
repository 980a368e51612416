//! How good are scores that met their outcomes: ranking, probabilities and capacity, with 95 % intervals.
//!
//! The room knows numbers only: a margin, a probability, an outcome, a weight and a day per parcel. Whoever calls says
//! what they stand for. The same rows, settings and seed give the same [`Evaluation`] to the bit, in whatever order
//! the rows come and on however many threads.

mod aligned;
mod assemble;
mod audited;
mod bootstrap;
mod calibration;
mod columns;
mod delay;
mod draws;
mod drift;
mod interval;
mod metrics;
mod novelty;
mod opened;
mod paired;
mod paired_auroc;
mod partition;
mod profile;
mod quantile;
mod ranking;
mod reliability;
mod report;
mod revenue;
mod scored;
mod selection;
mod settings;
mod slices;
mod slope;
mod text;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;

pub use aligned::aligned;
pub use audited::{AuditEstimates, Audited, Stratum, audited};
pub use columns::{Baseline, Columns, InvalidScored, Novelty, Slice};
pub use delay::{DelayQuantile, LabelDelayReport};
pub use drift::{DriftReport, Place};
pub use interval::Estimate;
pub use novelty::NoveltyReport;
pub use opened::{OpenedAtCapacity, OpenedReport};
pub use paired::mean_of_weeks;
pub use paired_auroc::{PairedAuroc, PairedRow, paired_auroc};
pub use partition::Partition;
pub use profile::Profile;
pub use reliability::Bin;
pub use report::{
    AtCapacity, BaselineReport, BootstrapReport, Evaluation, ModelIdentity, PrecisionAtCapacity, Subject,
};
pub use revenue::{RevenueAtCapacity, RevenueReport};
pub use scored::{Scored, ScoredRow};
pub use selection::{GroupReport, SelectionAtCapacity, SelectionReport};
pub use settings::{CapacityShare, InvalidCapacityShare, Settings};
pub use slices::SliceReport;

use bootstrap::Bootstrap;
use metrics::{Fit, Metrics};

/// Measures `scored` and says how sure each figure is.
///
/// Every figure weighs a row by [`ScoredRow::weight`]. A figure that the rows do not define (an AUROC of one class, a
/// precision at no parcel, anything of zero rows) is `None`, never NaN. `subject` is carried into the report as it is.
///
/// Each interval is the wider of two percentile bootstraps, one over rows and one over days, because parcels of a day
/// share their senders and their inspectors and rows alone would look surer than they are. Replicates run on rayon's
/// current thread pool.
pub fn evaluate(scored: &Scored, settings: &Settings, subject: Subject) -> Evaluation {
    let shares = settings.ascending_shares();
    let point = Metrics::measure(scored, &shares, &scored.weights, Fit::Whole, &mut Vec::new());
    let bootstrap = Bootstrap::run(scored, &shares, settings, point.calibration_line);
    assemble::assemble(scored, &shares, settings, subject, &point, &bootstrap)
}
