//! Whether the parcels are still like those that the model was trained on.

use std::cmp::Reverse;

use super::super::html::{Element, p};
use super::super::insight::FeatureInsight;
use super::super::number::{capacity, count, figure, percent, short};
use super::super::table::{Cell, Column, Mark, table};
use super::super::{Occasion, Report};
use super::{section, words};
use crate::evaluation::{DelayQuantile, Evaluation, NoveltyReport};

/// From here on a population stability index counts as a shift, by convention.
const SHIFT: f64 = 0.25;

pub(super) fn drift(report: &Report) -> Option<Element> {
    let tables = [scores(report), features(report), novelty(&report.evaluation), delay(&report.evaluation)];
    let tables = tables.into_iter().flatten().collect::<Vec<_>>();
    if tables.is_empty() {
        return None;
    }
    let section = section("drift", "What has changed since training")
        .child(p(
            "The population stability index (PSI) compares two distributions over ten bins: below 0.1 is stable, \
                  above 0.25 (marked) a shift, by convention. A count that history keeps grows with time, and shifts \
                  without harm.",
        ))
        .children(tables);
    Some(section)
}

fn scores(report: &Report) -> Option<Element> {
    let mut rows = Vec::new();
    if let Some(drift) = &report.evaluation.drift {
        let shifted = drift.score_psi.is_some_and(|psi| psi.value > SHIFT).then_some(Mark::Look);
        rows.push(vec!["score, PSI".into(), Cell::estimate(drift.score_psi, figure).marked(shifted)]);
        rows.push(vec!["score, largest distance (KS)".into(), Cell::estimate(drift.score_ks, figure)]);
    }
    if let Some(psi) = report.insight.score_shift {
        let shifted = (psi > SHIFT).then_some(Mark::Look);
        rows.push(vec!["score, PSI".into(), Cell::from(figure(psi)).marked(shifted)]);
    }
    let caption = match &report.occasion {
        Occasion::Training { .. } => "Scores of the rows held back against those of the rows calibrated on.",
        Occasion::Evaluation { .. } => "Scores against those that the model was released with.",
    };
    table(caption, &[Column::Text("figure"), Column::Number("value")], rows)
}

fn features(report: &Report) -> Option<Element> {
    // Artifacts of older releases keep no distribution.
    report.insight.features.iter().find(|feature| feature.shift.is_some())?;
    let row = |feature: &FeatureInsight| {
        let missing = feature.missing.map_or(0, |bin| bin.rows) as f64 / report.insight.explained.max(1) as f64;
        let shifted = feature.shift.is_some_and(|psi| psi > SHIFT).then_some(Mark::Look);
        vec![Cell::name(&feature.name), Cell::number(feature.shift, figure).marked(shifted), percent(missing).into()]
    };
    let columns = [Column::Text("feature"), Column::Number("PSI"), Column::Number("not stated")];
    let caption = "Features that say most, against the rows that the model was fitted and calibrated on, where their \
                   distribution was kept.";
    table(caption, &columns, report.insight.features.iter().map(row).collect())
}

fn novelty(evaluation: &Evaluation) -> Option<Element> {
    let mut keys = evaluation.novelty.iter().filter(|key| key.parcels > 0).collect::<Vec<_>>();
    keys.sort_by_key(|key| Reverse(key.parcels));
    let row = |key: &&NoveltyReport| {
        vec![words(&key.key).into(), count(key.parcels as u64).into(), Cell::estimate(key.unseen, percent)]
    };
    let columns = [Column::Text("key"), Column::Number("parcels that state it"), Column::Number("never met before")];
    table("How new the parcels are, by key of the history.", &columns, keys.iter().map(row).collect())
}

fn delay(evaluation: &Evaluation) -> Option<Element> {
    let delay = evaluation.observed_label_delay.as_ref()?;
    let row = |at: &DelayQuantile| vec![capacity(at.share).into(), Cell::estimate(at.days, short)];
    let columns = [Column::Text("share of the outcomes"), Column::Number("known after days")];
    let caption = format!("When outcomes became known, for the {} that say.", count(delay.parcels as u64));
    table(&caption, &columns, delay.quantiles.iter().map(row).collect())
}
