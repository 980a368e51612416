//! What scores are made of: grounds, features, and what each value of a feature does.

use super::super::chart::effect;
use super::super::html::{Element, el, p};
use super::super::insight::{FeatureInsight, ReasonInsight};
use super::super::number::{count, figure};
use super::super::table::{Cell, Column, table};
use super::super::{HeadFigures, Insight};
use super::section;

/// Features whose effect is drawn: the first of those in the table.
const N_EFFECTS: usize = 8;

pub(super) fn explanation(insight: &Insight) -> Option<Element> {
    if insight.features.is_empty() {
        return None;
    }
    let section = section("explanation", "What scores are made of")
        .child(p(format!(
            "A score is a base and the contributions of the features, in log-odds; they add up exactly. 0.69 doubles the \
             odds. Measured on {} parcels, evenly spread over the labeled ones. A contribution says what the model does, \
             not what causes an infringement.",
            count(insight.explained as u64)
        )))
        .children(reasons(&insight.reasons))
        .children(silent(&insight.reasons))
        .children(features(&insight.features))
        .child(el("h3").text("What a value does"))
        .child(p("Mean contribution of the features that say most, by decile of their value: to the right the larger \
                  values, upward what raises the risk. Each chart has its own scale."))
        .child(el("div").class("figures small").children(insight.features.iter().take(N_EFFECTS).map(effect)));
    Some(section)
}

fn reasons(reasons: &[ReasonInsight]) -> Option<Element> {
    let most = reasons.iter().map(|reason| reason.mean_absolute).fold(f64::MIN_POSITIVE, f64::max);
    let row = |reason: &ReasonInsight| {
        vec![Cell::name(&reason.code), figure(reason.mean_absolute).into(), Cell::bar(reason.mean_absolute / most)]
    };
    let columns = [Column::Text("reason"), Column::Number("mean size"), Column::Bar];
    table(
        "Mean absolute contribution by reason, in log-odds.",
        &columns,
        reasons.iter().filter(speaks).map(row).collect(),
    )
}

fn speaks(reason: &&ReasonInsight) -> bool {
    reason.mean_absolute > 0.0
}

/// The grounds that said nothing of any parcel, by name: that they were looked at and are silent is a finding too.
fn silent(reasons: &[ReasonInsight]) -> Option<Element> {
    let codes = reasons.iter().filter(|reason| !speaks(reason)).map(|reason| reason.code.as_str()).collect::<Vec<_>>();
    (!codes.is_empty()).then(|| p("Nothing contributed: ").name(&codes.join(", ")).text("."))
}

fn features(features: &[FeatureInsight]) -> Option<Element> {
    let most = features.iter().map(|feature| feature.mean_absolute).fold(f64::MIN_POSITIVE, f64::max);
    let row = |feature: &FeatureInsight| {
        vec![
            Cell::name(&feature.name).noted(&feature.meaning),
            figure(feature.mean_absolute).into(),
            Cell::bar(feature.mean_absolute / most),
            Cell::name(&feature.reason),
        ]
    };
    let columns = [Column::Text("feature"), Column::Number("mean size"), Column::Bar, Column::Text("reason")];
    let caption = "Mean absolute contribution of the features that say most, in log-odds.";
    table(caption, &columns, features.iter().map(row).collect())
}

/// How each kind of infringement is told from all else.
pub(super) fn heads(heads: &[HeadFigures]) -> Option<Element> {
    let row = |head: &HeadFigures| {
        vec![
            head.kind.clone().into(),
            count(head.infringements as u64).into(),
            Cell::estimate(head.auroc, figure),
            Cell::estimate(head.average_precision, figure),
            Cell::estimate(head.expected_calibration_error, figure),
        ]
    };
    let columns = [
        Column::Text("kind"),
        Column::Number("infringements"),
        Column::Number("AUROC"),
        Column::Number("average precision"),
        Column::Number("calibration error"),
    ];
    let caption = "Each kind of infringement against all other parcels.";
    let table = table(caption, &columns, heads.iter().map(row).collect())?;
    Some(section("heads", "By kind of infringement").child(table))
}
