//! Charts as SVG, drawn for the width of a phone and stretched on wider screens.

mod bars;
mod course;
mod frame;
mod lines;
mod reliability;

pub use course::{Course, courses};

pub(super) use bars::{effect, scores};
pub(super) use lines::{Line, lines};
pub(super) use reliability::reliability;

use super::html::{Element, el};

/// Class of a color, by its place in a legend.
pub(super) const COLORS: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "s5"];

/// A chart with what it shows in words, and a line below it.
fn figure(svg: Element, caption: Element) -> Element {
    el("figure").child(svg).child(caption)
}

fn key(color: &'static str, name: &str) -> Element {
    el("span").class("key").child(el("i").class(color)).text(name)
}

fn dot(x: f64, y: f64, radius: f64) -> Element {
    el("circle").attr("cx", frame::place(x)).attr("cy", frame::place(y)).attr("r", radius)
}
