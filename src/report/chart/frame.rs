//! The rectangle that a chart is drawn in: from numbers to places, with axes.

use super::super::html::{Element, el};

/// A plot in a view of a given size. Places are in the units of the view, with one digit after the point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    left: f64,
    bottom: f64,
    /// Value at the lower edge.
    low: f64,
    /// Value at the upper edge.
    high: f64,
}

const RIGHT: f64 = 20.0;
const TOP: f64 = 14.0;

/// How a text stands to its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Frame {
    /// * `low`, `high`: what the vertical axis spans; an empty span is widened.
    pub(super) fn new((width, height): (f64, f64), (low, high): (f64, f64)) -> Self {
        let high = if high - low > 1e-12 { high } else { low + 1.0 };
        Self { width, height, left: 44.0, bottom: 36.0, low, high }
    }

    /// Place of a share of the width, 0 to 1.
    pub(super) fn x(&self, share: f64) -> f64 {
        self.left + share.clamp(0.0, 1.0) * (self.width - self.left - RIGHT)
    }

    /// Place of a value on the vertical axis.
    pub(super) fn y(&self, value: f64) -> f64 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.height - self.bottom - share * (self.height - self.bottom - TOP)
    }

    /// The picture so far: nothing in it but what it shows, in words.
    pub(super) fn svg(&self, label: &str) -> Element {
        let view = format!("0 0 {} {}", self.width, self.height);
        el("svg").attr("viewBox", view).attr("role", "img").attr("aria-label", label)
    }

    /// A horizontal line at each of `values`, with its text.
    pub(super) fn grid(&self, svg: Element, values: &[f64], text: fn(f64) -> String) -> Element {
        values.iter().fold(svg, |svg, &value| {
            let y = self.y(value);
            svg.child(line((self.x(0.0), y), (self.x(1.0), y)).class("grid")).child(label(
                self.x(0.0) - 5.0,
                y + 4.0,
                Anchor::End,
                &text(value),
            ))
        })
    }

    /// What the horizontal axis is, below its middle.
    pub(super) fn names_x(&self, svg: Element, name: &str) -> Element {
        svg.child(label(self.x(0.5), self.height - 4.0, Anchor::Middle, name))
    }

    /// A text below the horizontal axis.
    pub(super) fn tick_x(&self, share: f64, text: &str, anchor: Anchor) -> Element {
        label(self.x(share), self.height - self.bottom + 14.0, anchor, text)
    }
}

pub(super) fn line(from: (f64, f64), to: (f64, f64)) -> Element {
    el("line").attr("x1", place(from.0)).attr("y1", place(from.1)).attr("x2", place(to.0)).attr("y2", place(to.1))
}

pub(super) fn label(x: f64, y: f64, anchor: Anchor, text: &str) -> Element {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    el("text").attr("x", place(x)).attr("y", place(y)).attr("text-anchor", anchor).text(text)
}

/// A rectangle between two corners, whichever way they lie.
pub(super) fn rect(a: (f64, f64), b: (f64, f64)) -> Element {
    el("rect")
        .attr("x", place(a.0.min(b.0)))
        .attr("y", place(a.1.min(b.1)))
        .attr("width", place((a.0 - b.0).abs()))
        .attr("height", place((a.1 - b.1).abs()))
}

/// Points of a `polyline` or `polygon`.
pub(super) fn points(of: impl IntoIterator<Item = (f64, f64)>) -> String {
    of.into_iter().map(|(x, y)| format!("{},{}", place(x), place(y))).collect::<Vec<_>>().join(" ")
}

pub(super) fn place(at: f64) -> String {
    format!("{at:.1}")
}
