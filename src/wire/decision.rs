//! Decisions on their way out, and what a request asks to be told about them.

use super::v1;
use crate::engine::{Decision, Evidence, Explanation, ModelRef, Reason};
use crate::parcel::codes::InfringementKind;
use crate::parcel::{Notice, NoticeCode, Problem, Violation};
use crate::reasons::{self, Language};

/// The decision as the contract tells it, its reasons and notices as sentences in `language`.
///
/// `decided_at` stays unset: a decision has no clock in it, and is dated by who records it.
pub fn from_decision(decision: Decision, language: Language) -> v1::Decision {
    let decision_id = decision.decision_id.hyphenated().to_string();
    let (model, policy_version) = (Some(from_model_ref(&decision.model)), decision.policy_version.to_string());
    v1::Decision { decision_id, model, policy_version, ..from_decision_alone(decision, language) }
}

/// As [`from_decision`], without what names it and what it rests on.
pub fn from_decision_alone(decision: Decision, language: Language) -> v1::Decision {
    v1::Decision {
        item_id: decision.item_id,
        risk_score: decision.risk_score,
        risk_percentile: decision.risk_percentile,
        route: decision.route as i32,
        route_cause: decision.route_cause as i32,
        selection_probability: decision.selection_probability,
        infringement_risks: decision.infringement_risks.into_iter().map(from_infringement_risk).collect(),
        reasons: decision.reasons.into_iter().map(|reason| from_reason(reason, language)).collect(),
        matched_rules: decision.matched_rules.iter().map(|rule| rule.name.to_string()).collect(),
        notices: decision.notices.into_iter().map(|notice| from_notice(notice, language)).collect(),
        raw_score_log_odds: decision.raw_score.map(|score| score.log_odds),
        base_log_odds: decision.raw_score.map(|score| score.base_log_odds),
        ..v1::Decision::default()
    }
}

/// The model's identity as the contract tells it.
pub fn from_model_ref(model: &ModelRef) -> v1::ModelRef {
    v1::ModelRef { name: model.name.clone(), version: model.version.clone(), digest: model.digest.clone() }
}

/// How much a request asks to have explained, from the number of its `explanation`.
///
/// # Errors
/// [`Problem::NotAnExplanationLevel`] at `explanation` for a number that the contract does not
/// have: to explain less than was asked for, in silence, would read as "there are no reasons".
pub fn explanation_of(number: i32) -> Result<Explanation, Violation> {
    match v1::ExplanationLevel::try_from(number) {
        Ok(v1::ExplanationLevel::Unspecified) => Ok(Explanation::WhereDue),
        Ok(v1::ExplanationLevel::None) => Ok(Explanation::None),
        Ok(v1::ExplanationLevel::Reasons) => Ok(Explanation::Reasons),
        Ok(v1::ExplanationLevel::Full) => Ok(Explanation::Full),
        Err(_) => Err(Violation::new("explanation", Problem::NotAnExplanationLevel { got: number })),
    }
}

fn from_reason(reason: Reason, language: Language) -> v1::Reason {
    let Reason { code, contribution_log_odds, known, words, .. } = reason;
    let in_own_words = words.map(|words| words.said_in(language.tag()).to_owned());
    v1::Reason {
        code: code.as_str().to_owned(),
        text: in_own_words.unwrap_or_else(|| reasons::text(code, contribution_log_odds, known, language)),
        contribution_log_odds,
        evidence: reason.evidence.into_iter().map(from_evidence).collect(),
    }
}

fn from_infringement_risk((kind, risk_score): (InfringementKind, f64)) -> v1::InfringementRisk {
    v1::InfringementRisk { kind: kind.number(), risk_score }
}

fn from_evidence(evidence: Evidence) -> v1::FeatureValue {
    v1::FeatureValue { feature: evidence.feature.to_string(), value: evidence.value }
}

fn from_notice(Notice { field, code }: Notice, language: Language) -> v1::Notice {
    v1::Notice { field, code: code.as_str().to_owned(), text: reasons::notice_text(code, language).to_owned() }
}

/// Says notices that were recorded, in whatever language, in `language`. One of a kind that this release does not know stays.
pub fn retell_notices(notices: &mut [v1::Notice], language: Language) {
    for notice in notices {
        if let Some(code) = NoticeCode::from_name(&notice.code) {
            notice.text = reasons::notice_text(code, language).to_owned();
        }
    }
}

/// Whole seconds since 1970 as the contract's time.
pub fn timestamp(seconds: i64) -> pbjson_types::Timestamp {
    pbjson_types::Timestamp { seconds, nanos: 0 }
}

/// Microseconds since 1970 of the contract's time.
pub fn micros(at: &pbjson_types::Timestamp) -> i64 {
    at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1000)
}

/// Microseconds since 1970 as the contract's time.
pub fn timestamp_micros(micros: i64) -> pbjson_types::Timestamp {
    let nanos = micros.rem_euclid(1_000_000) * 1000;
    pbjson_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below a billion.
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::engine::RawScore;
    use crate::history::Counts;
    use crate::policy::{Route, RouteCause, Rule, Words};
    use crate::reasons::ReasonCode;

    fn decision() -> Decision {
        Decision {
            decision_id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001),
            item_id: "RB123456785CN".to_owned(),
            risk_score: 0.25,
            risk_percentile: 0.75,
            route: Route::Documents,
            route_cause: RouteCause::Score,
            selection_probability: 1.0,
            matched_rules: vec![Arc::new(Rule {
                name: "watched".into(),
                route: Route::Open,
                chance: 1.0,
                reason: Words::One("The sender is watched.".to_owned()),
            })],
            infringement_risks: vec![(InfringementKind::Medicines, 0.125)],
            reasons: vec![Reason {
                code: ReasonCode::SenderHistory,
                contribution_log_odds: 1.5,
                known: Some(Counts { seen: 5.0, inspected: 4.0, infringements: 2.0 }),
                words: None,
                evidence: vec![Evidence { feature: "sender_rate".into(), value: 0.5 }],
            }],
            notices: vec![Notice { field: "contents[0].hs_code".to_owned(), code: NoticeCode::UnknownHsChapter }],
            model: Arc::new(ModelRef { name: "default".into(), version: "1".into(), digest: "ab".into() }),
            policy_version: "thresholds-1".into(),
            raw_score: Some(RawScore { log_odds: -1.25, base_log_odds: -2.75 }),
        }
    }

    #[test]
    fn every_part_of_a_decision_reaches_the_reply() {
        let sent = from_decision(decision(), Language::English);
        let expected = v1::Decision {
            decision_id: "01900000-0000-7000-8000-000000000001".to_owned(),
            item_id: "RB123456785CN".to_owned(),
            decided_at: None,
            risk_score: 0.25,
            risk_percentile: 0.75,
            route: v1::Route::Documents as i32,
            route_cause: v1::RouteCause::Score as i32,
            selection_probability: 1.0,
            infringement_risks: vec![v1::InfringementRisk {
                kind: v1::InfringementKind::Medicines as i32,
                risk_score: 0.125,
            }],
            reasons: vec![v1::Reason {
                code: "SENDER_HISTORY".to_owned(),
                text: "This sender: about 2 of 4 inspected were infringements, which raises the risk.".to_owned(),
                contribution_log_odds: 1.5,
                evidence: vec![v1::FeatureValue { feature: "sender_rate".to_owned(), value: 0.5 }],
            }],
            matched_rules: vec!["watched".to_owned()],
            notices: vec![v1::Notice {
                field: "contents[0].hs_code".to_owned(),
                code: "UNKNOWN_HS_CHAPTER".to_owned(),
                text: "The Harmonized System has no such chapter.".to_owned(),
            }],
            model: Some(v1::ModelRef { name: "default".into(), version: "1".into(), digest: "ab".into() }),
            policy_version: "thresholds-1".to_owned(),
            degraded: vec![],
            raw_score_log_odds: Some(-1.25),
            base_log_odds: Some(-2.75),
        };
        assert_eq!(sent, expected);
    }

    #[test]
    fn notices_are_told_in_the_language_asked_for_and_told_again_in_another() {
        let texts = |language| {
            let sent = from_decision(decision(), language);
            sent.notices.into_iter().map(|notice| notice.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(Language::Russian), ["В Гармонизированной системе нет такой товарной группы."]);
        assert_eq!(texts(Language::Kazakh), ["Үйлестірілген жүйеде мұндай тауар тобы жоқ."]);

        let mut recorded = from_decision(decision(), Language::Kazakh).notices;
        recorded.push(v1::Notice { code: "OF_LATER".to_owned(), text: "…".to_owned(), ..v1::Notice::default() });
        retell_notices(&mut recorded, Language::English);
        let told: Vec<_> = recorded.iter().map(|notice| notice.text.as_str()).collect();
        assert_eq!(told, ["The Harmonized System has no such chapter.", "…"]);
    }

    #[test]
    fn routes_have_the_contract_s_numbers() {
        use v1::Route as Wire;
        let pairs = [
            (Route::Release, Wire::Release),
            (Route::ReleaseAudit, Wire::ReleaseAudit),
            (Route::Documents, Wire::Documents),
            (Route::Scan, Wire::Scan),
            (Route::Open, Wire::Open),
        ];
        for (domain, wire) in pairs {
            assert_eq!(domain as i32, wire as i32, "{domain:?}");
        }
    }

    #[test]
    fn an_unknown_explanation_level_is_named_not_ignored() {
        let known = [0, 1, 2, 3].map(|number| explanation_of(number).unwrap());
        assert_eq!(known, [Explanation::WhereDue, Explanation::None, Explanation::Reasons, Explanation::Full]);
        for number in [-1, 4, i32::MAX] {
            let violation = explanation_of(number).unwrap_err();
            assert_eq!(
                (violation.field.as_str(), violation.problem.reason()),
                ("explanation", "NOT_AN_EXPLANATION_LEVEL")
            );
        }
    }
}
