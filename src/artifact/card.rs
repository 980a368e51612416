//! `CARD.md`: the artifact for people.

use std::fmt::Write as _;

use super::Manifest;
use crate::evaluation::Estimate;
use crate::model::Model;

/// Writes the card of a model.
pub(super) fn render(manifest: &Manifest, model: &Model) -> String {
    let Manifest { data, metrics, pruning, .. } = manifest;
    let mut card = String::new();
    let mut line = |text: String| {
        let _ = writeln!(card, "{text}");
    };
    if !manifest.notice.is_empty() {
        line(manifest.notice.clone());
        line(String::new());
    }
    line(format!("# {} {}", manifest.name, manifest.version));
    line(String::new());
    line(
        "A score is a recommendation; an officer decides. It holds for parcels like those it was trained on."
            .to_owned(),
    );
    line(String::new());
    line(format!(
        "- Estimator: {}, {} features, {} history keys.",
        manifest.estimator,
        model.plan().features().len(),
        model.plan().spec().keys.len()
    ));
    line(format!(
        "- Data: {} parcels advised from {} until {}, {} with a known outcome, {} infringements; {} rows could not be read. SHA-256 `{}`.",
        data.parcels,
        data.from_day(),
        data.until_day(),
        data.labeled,
        data.infringements,
        data.rejected,
        data.digest,
    ));
    let blocks: Vec<String> = manifest.blocks.iter().map(|(name, n)| format!("{n} {name}")).collect();
    line(format!("- Labeled parcels by block, in order of time: {}.", blocks.join(", ")));
    line(format!("- Calibration: {}.", model.body().calibration));
    line(format!(
        "- Outcomes became known {} days after a parcel was advised, where a row did not say.",
        manifest.label_delay_days
    ));
    line(format!(
        "- History: {} entities, {} of them kept; no entry left out changes, by itself, a score by more than {:.3} log-odds. Frozen at the beginning of the block held back: average precision {} before, {} after; precision at a tenth {} before, {} after.",
        pruning.entities_before,
        pruning.entities_after,
        pruning.largest_change_log_odds,
        number(pruning.average_precision_before),
        number(pruning.average_precision_after),
        number(pruning.precision_at_tenth_before),
        number(pruning.precision_at_tenth_after),
    ));
    line(String::new());
    line(format!("## On the {} parcels held back", metrics.parcels));
    line(String::new());
    line("| metric | value | 95 % interval |".to_owned());
    line("|---|---|---|".to_owned());
    let mut row = |name: &str, estimate: Option<&Estimate>| {
        let Some(estimate) = estimate else { return };
        let interval = match (estimate.low_95, estimate.high_95) {
            (Some(low), Some(high)) => format!("{low:.4} to {high:.4}"),
            _ => "–".to_owned(),
        };
        line(format!("| {name} | {:.4} | {interval} |", estimate.value));
    };
    row("average precision", metrics.average_precision.as_ref());
    row("AUROC", metrics.auroc.as_ref());
    row("log loss", metrics.log_loss.as_ref());
    row("expected calibration error", metrics.expected_calibration_error.as_ref());
    row("calibration slope", metrics.calibration_slope.as_ref());
    for capacity in &metrics.capacity {
        row(&format!("precision at {} %", capacity.share.get() * 100.0), capacity.precision.as_ref());
    }
    // The others are in the manifest: too many for a card.
    for slice in metrics.slices.iter().filter(|slice| slice.name.starts_with("history_")) {
        row(&format!("AUROC, {} ({} parcels)", slice.name, slice.parcels), slice.auroc.as_ref());
    }
    for (kind, head) in &manifest.heads {
        row(
            &format!("average precision, {kind} ({} infringements)", head.infringements),
            head.average_precision.as_ref(),
        );
    }
    card
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |value| format!("{value:.4}"))
}
