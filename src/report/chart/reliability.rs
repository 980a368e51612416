//! What was expected of parcels of about equal probability, against what was found.

use super::super::html::{Element, el};
use super::super::number::{percent, short};
use super::figure;
use super::frame::{Anchor, Frame, line, points};
use crate::evaluation::Bin;

/// A reliability diagram: on the diagonal, what was expected was found.
pub(in super::super) fn reliability(title: &str, bins: &[Bin]) -> Element {
    let (low, high) = span(bins);
    let frame = Frame::new((360.0, 300.0), (low, high));
    let across = |value: f64| frame.x((value - low) / (high - low));
    let percents = |value: f64| format!("{} %", short(value * 100.0));
    let of = bins
        .iter()
        .map(|bin| format!("{} expected, {} found", percent(bin.mean_risk_score), percent(bin.infringement_share)));
    let mut svg = frame.svg(&format!("{title}: {}.", of.collect::<Vec<_>>().join("; ")));
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| low + share * (high - low));
    svg = frame.grid(svg, &ticks, percents);
    svg = svg.children(ticks.map(|tick| frame.tick_x((tick - low) / (high - low), &percents(tick), Anchor::Middle)));
    svg = frame.names_x(svg, "expected (mean probability)");
    svg = svg.child(line((frame.x(0.0), frame.y(0.0)), (frame.x(1.0), frame.y(1.0))).class("axis dash"));
    let places = || bins.iter().map(|bin| (across(bin.mean_risk_score), frame.y(bin.infringement_share)));
    svg = svg.child(el("g").class("s0").child(el("polyline").class("line").attr("points", points(places()))));
    svg = svg.children(places().map(|(x, y)| super::dot(x, y, 4.0).class("s0")));
    let caption = format!(
        "{title}. Upward: found. A point is a bin of equal mass; on the dashed line what was expected was found, below it the risk is overstated."
    );
    figure(svg, el("figcaption").text(caption))
}

/// What both axes span: from one tenth to another, around all points, so that bins that differ can be told apart.
fn span(bins: &[Bin]) -> (f64, f64) {
    let of = || bins.iter().flat_map(|bin| [bin.mean_risk_score, bin.infringement_share]);
    let low = (of().fold(1.0, f64::min) * 10.0).floor() / 10.0;
    let high = (of().fold(0.0, f64::max) * 10.0).ceil() / 10.0;
    // All of them on one tenth.
    if high - low > 0.05 { (low, high) } else { ((low - 0.1).max(0.0), (high + 0.1).min(1.0)) }
}
