//! Distributions and effects, as bars.

use super::super::html::{Element, el};
use super::super::insight::{EffectBin, FeatureInsight, ScoreBin};
use super::super::number::{count, percent, short};
use super::figure;
use super::frame::{Anchor, Frame, label, line, rect};

/// How the scores of a class are distributed: its share in each bin. Bins stand at equal distances.
pub(in super::super) fn scores(
    title: &str,
    color: &'static str,
    bins: &[ScoreBin],
    of: fn(&ScoreBin) -> usize,
) -> Element {
    let total = bins.iter().map(of).sum::<usize>();
    let share = |bin: &ScoreBin| of(bin) as f64 / total.max(1) as f64;
    let most = bins.iter().map(share).fold(0.0, f64::max);
    let frame = Frame::new((360.0, 180.0), (0.0, most));
    let ends = |bin: &ScoreBin| format!("{} to {}", short(bin.from * 100.0), short(bin.to * 100.0));
    let words = bins.iter().map(|bin| format!("{} of the scores from {} %", percent(share(bin)), ends(bin)));
    let mut svg = frame.svg(&format!("{title}: {}.", words.collect::<Vec<_>>().join(", ")));
    svg = frame.grid(svg, &[0.0, most / 2.0, most], |value| format!("{:.0} %", value * 100.0));
    let width = 1.0 / bins.len().max(1) as f64;
    for (idx, bin) in bins.iter().enumerate() {
        let x = idx as f64 * width;
        let bar = rect((frame.x(x) + 1.0, frame.y(0.0)), (frame.x(x + width) - 1.0, frame.y(share(bin))));
        svg = svg.child(bar.class(color));
        if idx % 2 == 0 {
            svg = svg.child(frame.tick_x(x, &short(bin.from * 100.0), Anchor::Middle));
        }
    }
    svg = svg.child(frame.tick_x(1.0, "100", Anchor::Middle));
    svg = frame.names_x(svg, "probability, %");
    figure(
        svg,
        el("figcaption")
            .text(format!("{title}: share of its {} parcels in each range of the score.", count(total as u64))),
    )
}

/// Mean contribution of a feature by decile of its value, what does not state it apart on the left.
pub(in super::super) fn effect(feature: &FeatureInsight) -> Element {
    let bins = feature.missing.iter().chain(&feature.effect).collect::<Vec<_>>();
    let ends = |bin: &&EffectBin| bin.mean_contribution;
    let low = bins.iter().map(ends).fold(0.0, f64::min);
    let high = bins.iter().map(ends).fold(0.0, f64::max);
    let frame = Frame::new((180.0, 130.0), (low, high));
    let words = bins.iter().map(|bin| {
        let what = if bin.low.is_nan() {
            "not stated".to_owned()
        } else {
            format!("{} to {}", short(bin.low), short(bin.high))
        };
        format!("{what}: {}", short(bin.mean_contribution))
    });
    let mut svg = frame.svg(&format!(
        "Mean contribution of {} in log-odds by its value. {}.",
        feature.name,
        words.collect::<Vec<_>>().join("; ")
    ));
    let mut grid = vec![low, high];
    if frame.y(0.0) - frame.y(high) > 12.0 && frame.y(low) - frame.y(0.0) > 12.0 {
        grid.push(0.0);
    }
    svg = frame.grid(svg, &grid, |value| short((value * 100.0).round() / 100.0));
    let width = 1.0 / bins.len().max(1) as f64;
    for (idx, bin) in bins.iter().enumerate() {
        let x = idx as f64 * width;
        let bar = rect((frame.x(x) + 1.0, frame.y(0.0)), (frame.x(x + width) - 1.0, frame.y(bin.mean_contribution)));
        svg = svg.child(bar.class(if bin.low.is_nan() {
            "s5"
        } else if bin.mean_contribution > 0.0 {
            "s1"
        } else {
            "s0"
        }));
    }
    svg = svg.child(line((frame.x(0.0), frame.y(0.0)), (frame.x(1.0), frame.y(0.0))).class("axis"));
    let from = if feature.missing.is_some() { width } else { 0.0 };
    if let (Some(first), Some(last)) = (feature.effect.first(), feature.effect.last()) {
        svg = svg.child(frame.tick_x(from, &short(first.low), Anchor::Start));
        if last.high > first.low {
            svg = svg.child(frame.tick_x(1.0, &short(last.high), Anchor::End));
        }
    }
    if feature.missing.is_some() {
        svg = svg.child(label(frame.x(0.0), frame.height - 6.0, Anchor::Start, "gray: not stated"));
    }
    let caption = el("figcaption").child(el("strong").name(&feature.name));
    figure(svg, caption.text(format!(" ({})", feature.unit)))
}
