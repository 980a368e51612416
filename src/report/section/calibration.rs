//! Whether a probability says what is then found, in the whole and at the top.

use super::super::chart::reliability;
use super::super::html::{Element, el, p};
use super::super::number::{capacity, figure, percent};
use super::super::table::{Cell, Column, table};
use super::{near_tenth, section};
use crate::evaluation::{AtCapacity, Evaluation};

pub(super) fn calibration(evaluation: &Evaluation) -> Option<Element> {
    if evaluation.reliability.is_empty() {
        return None;
    }
    let mut figures = el("div").class("figures").child(reliability("All parcels", &evaluation.reliability));
    if let Some(at) = near_tenth(evaluation).filter(|at| !at.reliability_within.is_empty()) {
        let title = format!("Within the {} that are opened", capacity(at.share.get()));
        figures = figures.child(reliability(&title, &at.reliability_within));
    }
    let row = |at: &AtCapacity| {
        vec![
            capacity(at.share.get()).into(),
            Cell::number(at.expected_precision, percent),
            Cell::number(at.precision.map(|precision| precision.value), percent),
            Cell::estimate(at.expected_precision_excess, percent),
            Cell::estimate(at.expected_calibration_error_within, percent),
        ]
    };
    let columns = [
        Column::Text("opened"),
        Column::Number("expected"),
        Column::Number("found"),
        Column::Number("expected less found"),
        Column::Number("calibration error within"),
    ];
    let at_top = table("Calibration of what is opened.", &columns, evaluation.capacity.iter().map(row).collect());
    let whole = [
        ("log loss", evaluation.log_loss),
        ("share of the base rate’s log loss that is saved", evaluation.log_loss_skill),
        ("Brier score", evaluation.brier),
        ("share of the base rate’s Brier score that is saved", evaluation.brier_skill),
        ("calibration slope (1 is right)", evaluation.calibration_slope),
        ("calibration intercept (0 is right)", evaluation.calibration_intercept),
        ("expected calibration error", evaluation.expected_calibration_error),
    ];
    let whole = whole.map(|(name, estimate)| vec![name.into(), Cell::estimate(estimate, figure)]);
    let columns = [Column::Text("figure"), Column::Number("value")];
    let section = section("calibration", "Calibration")
        .child(p(
            "A risk of 20 % should mean that one such parcel in five infringes. The whole can look right because \
                  most parcels are harmless and known to be, so what is opened is shown by itself.",
        ))
        .child(figures)
        .children(at_top)
        .children(table("Calibration of all parcels.", &columns, whole.into()));
    Some(section)
}
