//! Answers as metrics count them.

use std::time::Duration;

use tracing::Span;
use uuid::Uuid;

use super::status::Refusal;
use crate::parcel::NoticeCode;
use crate::policy::Route;
use crate::telemetry::{Metrics, Shown, Stage, fields};
use crate::traces::CallSpan;
use crate::wire::v1;

/// Every route as metrics name it, the least intrusive first: the contract's name without its prefix.
pub fn route_names() -> impl Iterator<Item = &'static str> {
    Route::ALL.into_iter().map(|route| route_name(route as i32))
}

pub(super) fn route_name(number: i32) -> &'static str {
    let name = v1::Route::try_from(number).unwrap_or_default().as_str_name();
    name.strip_prefix("ROUTE_").unwrap_or(name)
}

/// What people on call may see of a decision.
fn shown(decision: &v1::Decision, id: Uuid, unix_millis: u64) -> Shown {
    let cause = decision.route_cause().as_str_name();
    Shown {
        unix_millis,
        decision_id: id.to_string(),
        route: route_name(decision.route),
        cause: cause.strip_prefix("ROUTE_CAUSE_").unwrap_or(cause),
        risk_score: decision.risk_score,
        reasons: decision.reasons.iter().take(3).map(|reason| reason.code.clone()).collect(),
    }
}

/// The call at hand brought so many parcels.
pub(super) fn brought(n_items: usize) {
    Span::current().record(fields::N_ITEMS, n_items);
    CallSpan::current().counts(fields::N_ITEMS, n_items as u64);
}

/// A parcel took this long in a stage: for metrics, and where it is a call's only one, for its span.
pub(super) fn took(stage: Stage, time: Duration, metrics: &Metrics) {
    metrics.took(stage, time);
    let key = match stage {
        Stage::Check => fields::CHECK_SECONDS,
        Stage::Decide => fields::DECIDE_SECONDS,
        Stage::Encode => fields::ENCODE_SECONDS,
        Stage::Record => fields::RECORD_SECONDS,
    };
    CallSpan::current().took(key, time);
}

/// Counts a decision, when it is made.
pub(super) fn decided(decision: &v1::Decision, id: Uuid, model_version: &str, metrics: &Metrics) {
    metrics.decided(route_name(decision.route), decision.risk_score, decision.risk_percentile);
    metrics.decided_by(model_version, decision.risk_score);
    metrics.shows(|unix_millis| shown(decision, id, unix_millis));
    for notice in &decision.notices {
        // By the list, and not by the reply's text: words of metrics are the program's own.
        if let Some(code) = NoticeCode::ALL.iter().find(|code| code.as_str() == notice.code) {
            metrics.noticed(code.as_str());
        }
    }
}

/// Counts what is wrong with a request that is refused.
pub(super) fn refused(refusal: &Refusal, metrics: &Metrics) {
    for violation in refusal.violations() {
        metrics.invalid_field(violation.problem.reason());
    }
}
