//! The sections of a report, in the order in which they are read.

mod calibration;
mod capacity;
mod data;
mod definitions;
mod drift;
mod explanation;
mod reproduce;
mod scores;
mod selection;
mod short;
mod slices;
mod title;

pub(super) use title::title;

use super::Report;
use super::html::{Element, el};
use crate::evaluation::{AtCapacity, Evaluation};

/// Everything below the title.
pub(super) fn all(report: &Report) -> Vec<Element> {
    [
        Some(short::short(report)),
        Some(data::data(report)),
        capacity::capacity(&report.evaluation),
        calibration::calibration(&report.evaluation),
        scores::scores(&report.insight),
        explanation::explanation(&report.insight),
        slices::slices(&report.evaluation),
        selection::selection(&report.evaluation),
        drift::drift(report),
        explanation::heads(&report.heads),
        Some(reproduce::reproduce(report)),
        Some(definitions::definitions()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A section with its heading, which is named so that it can be linked to.
fn section(id: &'static str, heading: &str) -> Element {
    el("section").attr("aria-labelledby", id).child(el("h2").attr("id", id).text(heading))
}

/// The capacity nearest a tenth: the one that is told where there is room for one.
fn near_tenth(evaluation: &Evaluation) -> Option<&AtCapacity> {
    let from_tenth = |at: &&AtCapacity| (at.share.get() - 0.1).abs();
    evaluation.capacity.iter().min_by(|a, b| from_tenth(a).total_cmp(&from_tenth(b)))
}

/// A name of the program's as people read it: `past_rate_of_addressee` is `past rate of addressee`.
fn words(name: &str) -> String {
    name.replace('_', " ")
}
