//! How scores are distributed.

use super::super::Insight;
use super::super::chart;
use super::super::html::{Element, el};
use super::super::insight::ScoreBin;
use super::super::number::{count, short};
use super::super::table::{Column, table};
use super::section;

pub(super) fn scores(insight: &Insight) -> Option<Element> {
    if insight.scores.is_empty() {
        return None;
    }
    let charts = el("div")
        .class("figures")
        .child(chart::scores("Clean", "s0", &insight.scores, |bin| bin.clean))
        .child(chart::scores("Infringing", "s1", &insight.scores, |bin| bin.infringing));
    let columns = [Column::Text("probability, %"), Column::Number("clean"), Column::Number("infringing")];
    let row = |bin: &ScoreBin| {
        vec![
            format!("{} to {}", short(bin.from * 100.0), short(bin.to * 100.0)).into(),
            count(bin.clean as u64).into(),
            count(bin.infringing as u64).into(),
        ]
    };
    let rows = insight.scores.iter().map(row).collect();
    Some(section("scores", "How scores are distributed").child(charts).children(table(
        "Labeled parcels by score.",
        &columns,
        rows,
    )))
}
