//! What the data was.

use super::super::html::{Element, p};
use super::super::number::{count, percent};
use super::super::table::{Cell, Column, table};
use super::super::{DataFacts, Occasion, Report};
use super::section;

pub(super) fn data(report: &Report) -> Element {
    let evaluation = &report.evaluation;
    let columns = [
        Column::Text("data"),
        Column::Number("parcels"),
        Column::Number("labeled"),
        Column::Number("infringements"),
        Column::Number("of the labeled"),
        Column::Number("rejected rows"),
        Column::Text("from"),
        Column::Text("until"),
    ];
    let row = |name: &str, data: &DataFacts| -> Vec<Cell> {
        let rate = data.infringements as f64 / data.labeled.max(1) as f64;
        vec![
            name.into(),
            count(data.parcels as u64).into(),
            count(data.labeled as u64).into(),
            count(data.infringements as u64).into(),
            percent(rate).into(),
            count(data.rejected).into(),
            data.from_day.clone().into(),
            data.until_day.clone().into(),
        ]
    };
    let mut section = section("data", "What the data was");
    let mut rows = Vec::new();
    match &report.occasion {
        Occasion::Training { .. } => rows.push(row("training", &report.data)),
        Occasion::Evaluation { trained_on, .. } => {
            rows.push(row("judged here", &report.data));
            rows.push(row("trained on", trained_on));
        }
    }
    section = section.children(table("The tables, after rows that could not be read were rejected.", &columns, rows));
    if let Occasion::Training { blocks } = &report.occasion {
        let rows = blocks.iter().map(|(name, n)| vec![name.clone().into(), count(*n as u64).into()]).collect();
        let columns = [Column::Text("block"), Column::Number("labeled parcels")];
        section = section.children(table(
            "Labeled parcels by block, in order of time. The last is held back.",
            &columns,
            rows,
        ));
    }
    let knows_future = matches!(report.occasion, Occasion::Evaluation { knows_future: true, .. });
    let known = if knows_future {
        "the tables begin before what the model was trained on ended, so its history knew what became of these parcels, \
         and the figures flatter."
    } else {
        "no parcel was scored by what became known later."
    };
    section
        .child(p(format!(
            "The figures below are of {} labeled parcels, {} of them with an infringement. Where a row does not say when \
             its outcome became known, {} days after the parcel was advised are assumed; {known}",
            count(evaluation.parcels as u64),
            count(evaluation.infringements as u64),
            evaluation.label_delay_days,
        )))
        .child(intervals(report))
}

fn intervals(report: &Report) -> Element {
    let bootstrap = &report.evaluation.bootstrap;
    if bootstrap.replicates == 0 {
        return p("No intervals were asked for.");
    }
    p(format!(
        "Intervals are 95 %: the wider of {} resamples of rows and as many of the {} days. They hold the luck of the \
         sample, and neither that of the training nor what is to come.",
        count(bootstrap.replicates.into()),
        count(bootstrap.days as u64),
    ))
}
