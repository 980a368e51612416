//! What a capacity finds, beside chance and simpler scores.

use super::super::chart::{Line, lines};
use super::super::html::{Element, el};
use super::super::number::capacity as share_of;
use super::super::number::{count, figure, percent, short};
use super::super::table::{Cell, Column, table};
use super::{section, words};
use crate::evaluation::{AtCapacity, Estimate, Evaluation, RevenueAtCapacity};

pub(super) fn capacity(evaluation: &Evaluation) -> Option<Element> {
    if evaluation.capacity.is_empty() {
        return None;
    }
    let section = section("capacity", "Precision and recall by capacity")
        .child(el("div").class("figures").child(precision_chart(evaluation)).child(recall_chart(evaluation)))
        .children(figures(evaluation))
        .children(leads(evaluation))
        .children(revenue(evaluation));
    Some(section)
}

fn precision_chart(evaluation: &Evaluation) -> Element {
    let bare = |figure: Option<f64>| figure.map(|value| Estimate { value, low_95: None, high_95: None });
    let of = |figure: fn(&AtCapacity) -> Option<f64>| evaluation.capacity.iter().map(|at| bare(figure(at))).collect();
    let mut all = vec![
        Line {
            name: "this model".to_owned(),
            figures: evaluation.capacity.iter().map(|at| at.precision).collect(),
            dashed: false,
        },
        Line { name: "best possible".to_owned(), figures: of(|at| at.precision_ceiling), dashed: true },
    ];
    all.extend(evaluation.baselines.iter().map(|baseline| Line {
        name: words(&baseline.name),
        figures: baseline.capacity.iter().map(|at| bare(at.precision.map(|precision| precision.value))).collect(),
        dashed: true,
    }));
    lines("Precision: share of the opened that infringe", &shares(evaluation), &all)
}

fn recall_chart(evaluation: &Evaluation) -> Element {
    let bare = |figure: Option<f64>| figure.map(|value| Estimate { value, low_95: None, high_95: None });
    let of = |figure: fn(&AtCapacity) -> Option<f64>| evaluation.capacity.iter().map(|at| bare(figure(at))).collect();
    let all = [
        Line {
            name: "this model".to_owned(),
            figures: evaluation.capacity.iter().map(|at| at.recall).collect(),
            dashed: false,
        },
        Line { name: "best possible".to_owned(), figures: of(|at| at.recall_ceiling), dashed: true },
        Line { name: "random".to_owned(), figures: of(|at| Some(at.share.get())), dashed: true },
    ];
    lines("Recall: share of the infringements that are opened", &shares(evaluation), &all)
}

fn shares(evaluation: &Evaluation) -> Vec<f64> {
    evaluation.capacity.iter().map(|at| at.share.get()).collect()
}

fn figures(evaluation: &Evaluation) -> Option<Element> {
    let names = evaluation.baselines.iter().map(|baseline| words(&baseline.name)).collect::<Vec<_>>();
    let mut columns = vec![
        Column::Text("opened"),
        Column::Number("parcels"),
        Column::Number("precision"),
        Column::Number("recall"),
        Column::Number("times chance"),
        Column::Number("of the best possible"),
    ];
    columns.extend(names.iter().map(|name| Column::Number(name)));
    let row = |(idx, at): (usize, &AtCapacity)| {
        let mut row = vec![
            share_of(at.share.get()).into(),
            count(at.parcels).into(),
            Cell::estimate(at.precision, percent),
            Cell::estimate(at.recall, percent),
            Cell::number(at.lift.map(|lift| lift.value), short),
            Cell::estimate(at.normalized_precision, percent),
        ];
        row.extend(evaluation.baselines.iter().map(|baseline| {
            Cell::number(
                baseline.capacity.get(idx).and_then(|at| at.precision).map(|precision| precision.value),
                percent,
            )
        }));
        row
    };
    let caption = "What opening the riskiest parcels finds. Columns after “of the best possible”: the precision of other \
                   scores on the same parcels.";
    table(caption, &columns, evaluation.capacity.iter().enumerate().map(row).collect())
}

fn leads(evaluation: &Evaluation) -> Option<Element> {
    let columns =
        [Column::Text("other score"), Column::Number("its average precision"), Column::Number("the model is ahead by")];
    let row = |baseline: &crate::evaluation::BaselineReport| {
        vec![
            words(&baseline.name).into(),
            Cell::estimate(baseline.average_precision, figure),
            Cell::estimate(baseline.average_precision_lead, figure),
        ]
    };
    let caption = "Average precision beside other scores; the lead is measured on the same resamples.";
    table(caption, &columns, evaluation.baselines.iter().map(row).collect())
}

fn revenue(evaluation: &Evaluation) -> Option<Element> {
    let revenue = evaluation.revenue.as_ref()?;
    let columns = [
        Column::Text("opened"),
        Column::Number("revenue found"),
        Column::Number("of the best possible"),
        Column::Number("found, large amounts cut"),
    ];
    let row = |at: &RevenueAtCapacity| {
        vec![
            share_of(at.share.get()).into(),
            Cell::estimate(at.found, percent),
            Cell::estimate(at.normalized, percent),
            Cell::estimate(at.found_winsorized, percent),
        ]
    };
    let largest = revenue.share_of_largest_50.map_or_else(String::new, |share| {
        format!(
            " The 50 largest amounts hold {} of all: near 100 %, the table is about them alone.",
            percent(share.value)
        )
    });
    let caption = format!("Revenue at stake in {} infringements.{largest}", count(revenue.infringements as u64));
    table(&caption, &columns, revenue.capacity.iter().map(row).collect())
}
