//! In short: a handful of figures, each with what it means.

use super::super::Report;
use super::super::html::{Element, el, p};
use super::super::number::{self, Shown, count, figure, percent, shown};
use super::{near_tenth, section};
use crate::evaluation::Estimate;

pub(super) fn short(report: &Report) -> Element {
    let evaluation = &report.evaluation;
    let mut cards = el("ul").class("cards");
    let mut card = |name: &str, estimate: Option<Estimate>, number: fn(f64) -> String, sentence: String| {
        let Some(Shown { value, interval }) = shown(estimate, number) else { return };
        let interval = interval.map(|interval| el("small").text(format!("95 %: {interval}")));
        let figure = el("li").child(el("span").text(name)).child(el("strong").text(value)).children(interval);
        cards = cards.clone().child(figure.child(p(sentence)));
    };
    if let Some(at) = near_tenth(evaluation) {
        let share = number::capacity(at.share.get());
        let base = evaluation.base_rate.map_or_else(|| number::NONE.to_owned(), |rate| percent(rate.value));
        card(
            &format!("Precision at {share}"),
            at.precision,
            percent,
            format!(
                "Of the {} riskiest parcels, this share infringed; of parcels opened at random, {base}.",
                count(at.parcels)
            ),
        );
        let best = at.recall_ceiling.map_or_else(|| number::NONE.to_owned(), percent);
        card(
            &format!("Recall at {share}"),
            at.recall,
            percent,
            format!("They hold this share of all infringements. A ranking that knew the outcomes would find {best}."),
        );
        card(
            &format!("Expected less found at {share}"),
            at.expected_precision_excess,
            percent,
            "How far the scores of the opened overstate what is found in them. Near 0 is right; above 0 they promise \
             too much, below 0 too little."
                .to_owned(),
        );
    }
    card(
        "AUROC",
        evaluation.auroc,
        figure,
        "The chance that an infringing parcel ranks above a clean one. Without knowledge it is 0.5.".to_owned(),
    );
    let rate = evaluation.base_rate.map_or_else(|| number::NONE.to_owned(), |rate| figure(rate.value));
    card(
        "Average precision",
        evaluation.average_precision,
        figure,
        format!("Precision averaged over all capacities. Without knowledge it is the base rate, {rate}."),
    );
    card(
        "Calibration error",
        evaluation.expected_calibration_error,
        percent,
        "How far a probability is from what is found, on average over twenty equal parts of the parcels. Chance alone \
         keeps it above 0."
            .to_owned(),
    );
    section("short", "In short").child(cards)
}
