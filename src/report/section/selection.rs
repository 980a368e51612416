//! How often each group is opened.

use super::super::html::{Element, el, p};
use super::super::number::{capacity, count, percent, short};
use super::super::table::{Cell, Column, Mark, table};
use super::{section, words};
use crate::evaluation::{Evaluation, GroupReport, SelectionAtCapacity, SelectionReport};

pub(super) fn selection(evaluation: &Evaluation) -> Option<Element> {
    let tables = evaluation.selection.iter().filter_map(of_dimension).collect::<Vec<_>>();
    if tables.is_empty() {
        return None;
    }
    let section = section("selection", "How often each origin is opened")
        .child(
            p("The ratio is a group’s share opened over that of all. ").child(el("span").class("mark").text("◆")).text(
                " marks a ratio below 0.8 or above 1.25 in at least 100 parcels. It asks for a look and is no \
                       verdict: a group that infringes more often is rightly opened more often. A share of the clean \
                       that differs is the stronger sign.",
            ),
        )
        .children(tables);
    Some(section)
}

fn of_dimension(dimension: &SelectionReport) -> Option<Element> {
    let from_tenth = |at: &SelectionAtCapacity| (at.share.get() - 0.1).abs();
    let first = dimension.groups.first()?.capacity.iter().enumerate();
    let (idx, nearest) = first.min_by(|a, b| from_tenth(a.1).total_cmp(&from_tenth(b.1)))?;
    let row = |group: &GroupReport| {
        let at = group.capacity.get(idx)?;
        Some(vec![
            group.value.clone().into(),
            count(group.parcels as u64).into(),
            Cell::estimate(group.base_rate, percent),
            Cell::estimate(at.selection_rate, percent),
            Cell::estimate(at.ratio, short).marked(at.flagged.then_some(Mark::Look)),
            Cell::estimate(at.precision, percent),
            Cell::estimate(at.false_positive_rate, percent),
        ])
    };
    let name = words(&dimension.dimension);
    let columns = [
        Column::Text(&name),
        Column::Number("parcels"),
        Column::Number("base rate"),
        Column::Number("opened"),
        Column::Number("ratio"),
        Column::Number("precision"),
        Column::Number("of the clean, opened"),
    ];
    let caption = format!("By {name}, where {} of all parcels are opened.", capacity(nearest.share.get()));
    table(&caption, &columns, dimension.groups.iter().filter_map(row).collect())
}
