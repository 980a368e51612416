//! How each part of the parcels fares.

use std::collections::BTreeSet;

use super::super::html::{Element, el, p};
use super::super::number::{count, figure, percent};
use super::super::table::{Cell, Column, Mark, table};
use super::{section, words};
use crate::evaluation::{CapacityShare, Estimate, Evaluation, SliceReport};

pub(super) fn slices(evaluation: &Evaluation) -> Option<Element> {
    let mut seen = BTreeSet::new();
    let dimensions = evaluation.slices.iter().map(|slice| slice.dimension.as_str());
    let dimensions = dimensions.filter(|dimension| seen.insert(*dimension)).collect::<Vec<_>>();
    if dimensions.is_empty() {
        return None;
    }
    let section = section("slices", "How each part fares")
        .child(p("").child(sign("▲")).text(" and ").child(sign("▼")).text(
            " mark a figure whose interval excludes the figure of all parcels, above or below it. Of twenty \
                       parts that do not differ, about one is marked by chance.",
        ))
        .children(dimensions.into_iter().filter_map(|dimension| of_dimension(evaluation, dimension)));
    Some(section)
}

fn sign(sign: &str) -> Element {
    el("span").class("mark").text(sign)
}

fn of_dimension(evaluation: &Evaluation, dimension: &str) -> Option<Element> {
    let tenth = CapacityShare::new(0.1).ok();
    let at_tenth = evaluation.capacity.iter().find(|at| Some(at.share) == tenth).and_then(|at| at.precision);
    let marked =
        |own: Option<Estimate>, whole: Option<Estimate>, number| Cell::estimate(own, number).marked(mark(own, whole));
    let row = |slice: &SliceReport| {
        vec![
            if dimension.is_empty() { &slice.name } else { &slice.value }.clone().into(),
            count(slice.parcels as u64).into(),
            marked(slice.base_rate, evaluation.base_rate, percent),
            marked(slice.auroc, evaluation.auroc, figure),
            Cell::estimate(slice.average_precision, figure),
            marked(slice.precision_at_tenth, at_tenth, percent),
            Cell::number(slice.expected_calibration_error, percent),
        ]
    };
    let name = if dimension.is_empty() { "part".to_owned() } else { words(dimension) };
    let columns = [
        Column::Text(&name),
        Column::Number("parcels"),
        Column::Number("base rate"),
        Column::Number("AUROC"),
        Column::Number("average precision"),
        Column::Number("precision at its tenth"),
        Column::Number("calibration error"),
    ];
    let mut of = evaluation.slices.iter().filter(|slice| slice.dimension == dimension).collect::<Vec<_>>();
    if dimension == "month" {
        of.sort_by(|a, b| a.value.cmp(&b.value));
    }
    table(&format!("By {name}, each part ranked by itself."), &columns, of.into_iter().map(row).collect())
}

/// Where the interval of a part excludes the figure of the whole.
fn mark(own: Option<Estimate>, whole: Option<Estimate>) -> Option<Mark> {
    let (own, whole) = (own?, whole?.value);
    if own.low_95? > whole {
        Some(Mark::Above)
    } else if own.high_95? < whole {
        Some(Mark::Below)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_interval_that_excludes_the_whole_is_marked() {
        let own = |low, high| Some(Estimate { value: 0.5, low_95: Some(low), high_95: Some(high) });
        let whole = Some(Estimate { value: 0.6, low_95: None, high_95: None });
        assert_eq!(mark(own(0.4, 0.59), whole), Some(Mark::Below));
        assert_eq!(mark(own(0.4, 0.6), whole), None);
        assert_eq!(mark(own(0.61, 0.7), whole), Some(Mark::Above));
        assert_eq!(mark(whole, whole), None);
    }
}
