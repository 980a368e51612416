//! Parcels and features at the ends of what there can be: a model that answers them with anything but a finite number
//! would answer some sender's parcel so.

use super::contender::Contender;
use crate::engine::{Decision, Explanation};
use crate::parcel::{Parcel, ParcelLimits};
use crate::wire::{self, v1};

/// What is wrong with the first answer that is no finite number, where there is one; and how many were looked at.
pub(super) fn first_fault(contender: &Contender) -> (usize, Option<String>) {
    let mut n_answers = 0;
    let engine = contender.engine();
    let n_features = engine.plan().features().len();
    for value in [f32::NAN, 0.0, -0.0, 1.0, -1.0, f32::MIN_POSITIVE, 1e-45, 1e30, -1e30, f32::MAX, f32::MIN] {
        // All alike, and each by itself among missing ones.
        let rows = std::iter::once(vec![value; n_features]).chain((0..n_features).map(|alone| {
            let mut row = vec![f32::NAN; n_features];
            row[alone] = value;
            row
        }));
        for (idx, row) in rows.enumerate() {
            n_answers += 1;
            let (raw_score, heads) = engine.model().raw_score_and_risks(&row);
            let risk_score = engine.model().body().calibration.probability(raw_score);
            let heads = heads.into_iter().map(|(_, risk)| risk);
            let is_sound = raw_score.is_finite() && std::iter::once(risk_score).chain(heads).all(is_probability);
            if !is_sound {
                let which = idx.checked_sub(1).and_then(|idx| engine.plan().features().get(idx));
                let which = which.map_or("all features".to_owned(), |feature| feature.name.to_string());
                return (
                    n_answers,
                    Some(format!("{which} at {value:e} give the score {raw_score}, risk {risk_score}")),
                );
            }
        }
    }
    for (name, parcel) in parcels() {
        n_answers += 1;
        if let Some(part) = fault(&contender.decide(&parcel, Explanation::Full)) {
            return (n_answers, Some(format!("of a parcel with {name}, {part} is no finite number")));
        }
    }
    (n_answers, None)
}

fn is_probability(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

/// The part of a decision that is no finite number.
pub(super) fn fault(decision: &Decision) -> Option<&'static str> {
    let parts = [
        ("the risk score", is_probability(decision.risk_score)),
        ("the percentile", is_probability(decision.risk_percentile)),
        (
            "the raw score",
            decision.raw_score.is_none_or(|raw| raw.log_odds.is_finite() && raw.base_log_odds.is_finite()),
        ),
        ("a kind's risk", decision.infringement_risks.iter().all(|(_, risk)| is_probability(*risk))),
        ("a reason", decision.reasons.iter().all(|reason| reason.contribution_log_odds.is_finite())),
    ];
    parts.into_iter().find(|(_, is_sound)| !is_sound).map(|(part, _)| part)
}

/// Parcels that pass the check and state what hardly any states.
fn parcels() -> Vec<(&'static str, Parcel)> {
    let at = |seconds| Some(wire::timestamp(seconds));
    let line = |line: v1::ContentLine| v1::ContentLine {
        description: if line.description.is_empty() { "x".to_owned() } else { line.description.clone() },
        ..line
    };
    let stated = v1::Parcel {
        item_id: "RB123456785CN".to_owned(),
        advised_at: at(1_600_000_000),
        origin_country: "CN".to_owned(),
        destination_country: "KZ".to_owned(),
        contents: vec![line(v1::ContentLine { hs_code: "392690".to_owned(), ..v1::ContentLine::default() })],
        ..v1::Parcel::default()
    };
    let with = |change: &dyn Fn(&mut v1::Parcel)| {
        let mut parcel = stated.clone();
        change(&mut parcel);
        parcel
    };
    let money = |units: i64, nanos: i32| v1::Money { currency_code: "USD".to_owned(), units, nanos };
    let valued = |value: v1::Money| vec![line(v1::ContentLine { value: Some(value), ..v1::ContentLine::default() })];
    let described = |description: String| vec![line(v1::ContentLine { description, ..v1::ContentLine::default() })];
    let marks = "\u{202e}\u{200b}e\u{301}\u{301}\u{301} \u{1f4e6} \u{fdfa}".repeat(20);
    let largest = money(1_000_000_000_000_000, 999_999_999);
    let unknown = v1::Money { currency_code: "ZZZ".to_owned(), units: 1, nanos: 0 };
    let many = v1::ContentLine {
        quantity: Some(u32::MAX),
        net_mass_grams: Some(60_000_000_000),
        value: Some(largest.clone()),
        ..v1::ContentLine::default()
    };
    let figures = [("a".to_owned(), f64::MAX), ("b".to_owned(), f64::MIN), ("c".to_owned(), f64::MIN_POSITIVE)];
    let made = [
        ("no contents", with(&|parcel| parcel.contents.clear())),
        ("the first second of 1970", with(&|parcel| parcel.advised_at = at(1))),
        ("a day far ahead", with(&|parcel| parcel.advised_at = at(4_102_444_799))),
        ("the largest mass", with(&|parcel| parcel.gross_mass_grams = Some(60_000_000_000))),
        ("no mass", with(&|parcel| parcel.gross_mass_grams = Some(0))),
        ("the largest value", with(&|parcel| parcel.contents = valued(largest.clone()))),
        ("the smallest value", with(&|parcel| parcel.contents = valued(money(0, 1)))),
        ("a currency that nobody knows", with(&|parcel| parcel.contents = valued(unknown.clone()))),
        ("the largest postage", with(&|parcel| parcel.postage_paid = Some(largest.clone()))),
        ("the largest insurance", with(&|parcel| parcel.insured_value = Some(largest.clone()))),
        ("as many lines as there may be", with(&|parcel| parcel.contents = vec![line(many.clone()); 99])),
        ("a text of marks and controls", with(&|parcel| parcel.contents = described(marks.clone()))),
        ("a text of one letter, long", with(&|parcel| parcel.contents = described("a".repeat(512)))),
        ("figures at their ends", with(&|parcel| parcel.national_figures = figures.clone().into_iter().collect())),
    ];
    let limits = ParcelLimits::default();
    // What a release's check refuses never reaches a model.
    made.into_iter().filter_map(|(name, parcel)| Some((name, wire::to_draft(parcel).check(&limits).ok()?))).collect()
}
