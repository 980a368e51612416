//! Figures by capacity, as lines.

use super::super::html::{Element, el};
use super::super::number::capacity;
use super::frame::{Anchor, Frame, line, points};
use super::{COLORS, figure, key};
use crate::evaluation::Estimate;

/// One line: a figure at each capacity, `None` where it is not defined.
#[derive(Clone, Debug)]
pub(in super::super) struct Line {
    /// Its name in the legend.
    pub(in super::super) name: String,
    /// By ascending capacity. Where there is an interval it is drawn as a band.
    pub(in super::super) figures: Vec<Option<Estimate>>,
    /// Whether it is a yardstick and no score.
    pub(in super::super) dashed: bool,
}

/// More labels than these would touch.
const MOST_LABELS: usize = 8;

/// Shares from 0 to 1 by capacity; capacities stand at equal distances, whatever lies between them.
pub(in super::super) fn lines(title: &str, shares: &[f64], of: &[Line]) -> Element {
    let frame = Frame::new((360.0, 230.0), (0.0, 1.0));
    let at = |idx: usize| (idx as f64 + 0.5) / shares.len().max(1) as f64;
    let mut svg = frame.svg(&in_words(title, shares, of));
    svg = frame.grid(svg, &[0.0, 0.25, 0.5, 0.75, 1.0], |value| format!("{:.0} %", value * 100.0));
    let step = shares.len().div_ceil(MOST_LABELS).max(1);
    svg = svg.children(
        shares
            .iter()
            .enumerate()
            .step_by(step)
            .map(|(idx, share)| frame.tick_x(at(idx), &capacity(*share), Anchor::Middle)),
    );
    svg = frame.names_x(svg, "opened, the riskiest first");
    // The first line is the model: drawn last, above all others.
    for (idx, one) in of.iter().enumerate().rev() {
        let color = COLORS[idx % COLORS.len()];
        let defined = || one.figures.iter().enumerate().filter_map(|(idx, figure)| Some((at(idx), (*figure)?)));
        let ends = |end: fn(&Estimate) -> Option<f64>| {
            defined().filter_map(move |(x, figure)| Some((frame.x(x), frame.y(end(&figure)?)))).collect::<Vec<_>>()
        };
        let mut band = ends(|figure| figure.high_95);
        band.extend(ends(|figure| figure.low_95).into_iter().rev());
        if band.len() > 2 {
            svg = svg.child(el("g").class("band").child(el("polygon").class(color).attr("points", points(band))));
        }
        let values = defined().map(|(x, figure)| (frame.x(x), frame.y(figure.value))).collect::<Vec<_>>();
        let class = if one.dashed { "line dash" } else { "line" };
        svg = svg.child(
            el("g").class(color).child(el("polyline").class(class).attr("points", points(values.iter().copied()))),
        );
        if !one.dashed {
            let dot = |(x, y): (f64, f64)| super::dot(x, y, 3.0).class(color);
            svg = svg.children(values.into_iter().map(dot));
        }
    }
    svg = svg.child(line((frame.x(0.0), frame.y(0.0)), (frame.x(1.0), frame.y(0.0))).class("axis"));
    let legend = of.iter().enumerate().map(|(idx, one)| key(COLORS[idx % COLORS.len()], &one.name));
    figure(svg, el("figcaption").text(format!("{title}. ")).children(legend))
}

fn in_words(title: &str, shares: &[f64], of: &[Line]) -> String {
    let one = |line: &Line| {
        let at = shares.iter().zip(&line.figures);
        let figures = at.filter_map(|(share, figure)| {
            Some(format!("{:.1} % at {}", figure.as_ref()?.value * 100.0, capacity(*share)))
        });
        format!("{}: {}", line.name, figures.collect::<Vec<_>>().join(", "))
    };
    format!("{title}. {}.", of.iter().map(one).collect::<Vec<_>>().join("; "))
}
