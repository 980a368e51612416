//! What the words mean, in a line each.

use super::super::html::{Element, el};
use super::section;

const DEFINITIONS: &[(&str, &str)] = &[
    ("Capacity", "The share of the parcels that can be opened; the riskiest are, ties by their expected share."),
    ("Precision", "Of the parcels that are opened, the share that infringes."),
    ("Recall", "Of the infringements, the share that is opened."),
    ("Times chance", "Precision over the base rate, the share of infringements among all; also called lift."),
    ("Of the best possible", "Precision over that of a ranking that knew the outcomes."),
    ("Average precision", "Area under the steps of precision over recall."),
    ("AUROC", "The chance that an infringing parcel ranks above a clean one, a tie counting half."),
    (
        "Log loss, Brier score",
        "Mean surprise, and mean squared distance, of the probability to the outcome. Less is better.",
    ),
    ("Calibration error", "Mean distance of expected to found over bins of equal mass."),
    ("Calibration slope", "Of the outcome’s log-odds on the score’s. 1 is right; below 1 scores are too extreme."),
    (
        "Contribution",
        "The exact share of a feature in the raw score of a parcel, in log-odds; of trees, its Shapley value.",
    ),
    ("PSI", "Population stability index, Σ (q − p) ln(q / p) over bins of the older distribution p and the newer q."),
    ("KS", "The largest distance of two distribution functions, from 0 to 1."),
    ("Never met before", "The share of the parcels with a key of the history that no earlier parcel had."),
    ("95 %", "In so many of a hundred samples the interval would hold the figure."),
];

pub(super) fn definitions() -> Element {
    let definition =
        |(word, meaning): &(&str, &str)| el("p").child(el("strong").text(word)).text(format!(": {meaning}"));
    section("definitions", "What the words mean").children(DEFINITIONS.iter().map(definition)).child(
        el("p")
            .text("Formulas, sources, and when a figure is not defined: ")
            .child(el("code").text("docs/evaluation.md"))
            .text(" of the program."),
    )
}
