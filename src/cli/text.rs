//! Decisions as sentences, for people.

use std::fmt::Write as _;

use super::score::Scored;
use crate::wire::v1;

/// One row's decision, reasons below it.
pub(super) fn scored(scored: &Scored) -> String {
    match scored {
        Scored::Decision(decision) => self::decision(decision),
        Scored::Refused { item_id, error, .. } => {
            let mut text = format!("{}  refused: {}", clean(item_id), error.message);
            for violation in &error.field_violations {
                let _ = write!(text, "\n    ! {} {}", violation.field, violation.description);
            }
            text
        }
        Scored::Unreadable(reject) => format!("unreadable: {reject}"),
    }
}

/// A decision, reasons below it: `+` speaks for inspection, `-` against.
pub(super) fn decision(decision: &v1::Decision) -> String {
    let mut text = format!(
        "{}  {}  risk {:.3}, higher than {:.0} % of reference parcels",
        clean(&decision.item_id),
        route(decision.route()),
        decision.risk_score,
        decision.risk_percentile * 100.0,
    );
    for reason in &decision.reasons {
        let sign = if reason.contribution_log_odds < 0.0 { '-' } else { '+' };
        let _ = write!(text, "\n    {sign} {} [{} {:+.2}]", reason.text, reason.code, reason.contribution_log_odds);
    }
    for notice in &decision.notices {
        let _ = write!(text, "\n    ! {}: {}", notice.field, notice.text);
    }
    text
}

/// A route in a word.
pub(super) fn route(route: v1::Route) -> &'static str {
    match route {
        v1::Route::Unspecified => "UNKNOWN",
        v1::Route::Release => "RELEASE",
        v1::Route::ReleaseAudit => "RELEASE, AUDIT LATER",
        v1::Route::Documents => "DOCUMENTS",
        v1::Route::Scan => "SCAN",
        v1::Route::Open => "OPEN",
    }
}

/// An identifier as stated, without what could move a terminal's cursor.
fn clean(stated: &str) -> String {
    stated.chars().take(64).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
