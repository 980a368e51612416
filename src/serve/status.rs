//! The one place that makes gRPC statuses.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::identity::Denied;
use crate::ledger::{LedgerError, Unavailable};
use crate::parcel::{InvalidParcel, Violation};
use crate::telemetry::fields;
use crate::wire::v1;

/// The `domain` of every `google.rpc.ErrorInfo`.
const DOMAIN: &str = "parcelrisk";

/// How much of the violations a unary call's status names, in bytes: it travels in a header, and
/// clients refuse headers of more than 8 KiB with an error that says nothing. Batches and streams
/// answer in messages, and name all.
const MAX_DETAIL_BYTES: usize = 4 << 10;

/// Longest part of a model's name that is sent back.
const MAX_NAME_BYTES: usize = 64;

/// Why a call, or one item of it, gets no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    /// The parcel, or what was asked about it, is malformed.
    #[error(transparent)]
    InvalidParcel(#[from] InvalidParcel),
    /// A request does not read as one: a text is not in UTF-8, say. The message names the field.
    #[error("{0}")]
    NotAMessage(prost::DecodeError),
    /// The request around the parcels is malformed.
    #[error("{0}")]
    InvalidRequest(Violation),
    /// The server has no models but the one that decides.
    #[error("{method} is not served here: the server has no model registry (registry.path)")]
    NoRegistry { method: &'static str },
    /// A model did not pass a check.
    #[error("the model did not pass the check {check}: {why}")]
    ModelRejected { check: &'static str, why: String },
    /// What was asked for does not fit which model is what.
    #[error("{0}")]
    ModelState(&'static str),
    /// One model is staged at a time.
    #[error("another model is being staged")]
    Staging,
    /// A model gave no number, and there is none to go back to.
    #[error("the model gave no score")]
    ModelFault,
    /// The server keeps no records.
    #[error("{method} is not served here: the server has no ledger (ledger.path)")]
    NoLedger { method: &'static str },
    /// The name stays out of the message: it is the client's text, of any length.
    #[error("no such model is loaded; ListModels names those that are")]
    NoSuchModel { name: String, version: String },
    /// The ledger takes no record now, or can't be read.
    #[error("{0}")]
    LedgerUnavailable(Unavailable),
    /// Its cause is in the log.
    #[error("the ledger can't be read")]
    LedgerUnreadable,
    /// The ledger holds no such decision.
    #[error("no such decision is recorded")]
    NoSuchDecision,
    /// A request's identifier was used for another parcel.
    #[error("request_id was used for another parcel")]
    OtherRequest,
    /// The caller is not known, or may not.
    #[error("{0}")]
    Denied(Denied),
    /// The caller may have parcels scored, and not see why.
    #[error("explanation: stating one is for callers with the role `explain`; leave it out, or state NONE")]
    NoExplanation,
    /// As much is being worked on as may be.
    #[error("the server has as much in hand as it may (serve.max_in_flight)")]
    Overloaded,
    /// This caller has more in hand than its share of what is free.
    #[error("this caller has more in hand than its share while the server is busy (serve.times_free_room)")]
    OverShare,
    /// A stream was open for as long as it may.
    #[error("the stream was open for as long as it may (serve.stream_seconds): go on with another")]
    StreamEnds,
    /// Nothing was asked in a stream for as long as that may be.
    #[error("nothing was asked for as long as a stream may be idle (serve.stream_idle_seconds)")]
    StreamIdle,
    /// The server was told to stop.
    #[error("the server is draining")]
    Draining,
    /// Neither the client nor the server waits any longer.
    #[error("the deadline passed before the answer was ready")]
    DeadlineExceeded,
    /// A bug; the log has it.
    #[error("internal error")]
    Internal,
}

impl Refusal {
    /// Says why in the log, and to the caller only that.
    pub(super) fn unreadable(error: &LedgerError) -> Self {
        tracing::error!({ fields::ERROR } = %error, "the ledger can't be read");
        Self::LedgerUnreadable
    }

    /// As a status that names the call.
    pub(super) fn of_call(&self, request_id: &str) -> Status {
        let mut details = self.details();
        details.set_request_info(request_id, "");
        self.status(details)
    }

    fn status(&self, details: ErrorDetails) -> Status {
        Status::with_error_details(self.code(), self.to_string(), details)
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::InvalidParcel(_) | Self::InvalidRequest(_) | Self::NotAMessage(_) => Code::InvalidArgument,
            Self::NoRegistry { .. } | Self::NoLedger { .. } => Code::Unimplemented,
            Self::ModelRejected { .. } | Self::ModelState(_) => Code::FailedPrecondition,
            Self::Staging => Code::Aborted,
            Self::NoSuchModel { .. } => Code::NotFound,
            Self::NoSuchDecision => Code::NotFound,
            Self::OtherRequest => Code::AlreadyExists,
            Self::Denied(Denied::Role(_)) | Self::NoExplanation => Code::PermissionDenied,
            Self::Denied(_) => Code::Unauthenticated,
            Self::Overloaded | Self::OverShare => Code::ResourceExhausted,
            Self::StreamEnds
            | Self::StreamIdle
            | Self::Draining
            | Self::LedgerUnavailable(_)
            | Self::LedgerUnreadable => Code::Unavailable,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::ModelFault | Self::Internal => Code::Internal,
        }
    }

    pub(super) fn violations(&self) -> &[Violation] {
        match self {
            Self::InvalidParcel(InvalidParcel(violations)) => violations,
            Self::InvalidRequest(violation) => std::slice::from_ref(violation),
            Self::NotAMessage(_)
            | Self::NoRegistry { .. }
            | Self::ModelRejected { .. }
            | Self::ModelState(_)
            | Self::Staging
            | Self::ModelFault
            | Self::NoLedger { .. }
            | Self::NoSuchModel { .. }
            | Self::LedgerUnavailable(_)
            | Self::LedgerUnreadable
            | Self::NoSuchDecision
            | Self::OtherRequest
            | Self::Denied(_)
            | Self::NoExplanation
            | Self::Overloaded
            | Self::OverShare
            | Self::StreamEnds
            | Self::StreamIdle
            | Self::Draining
            | Self::DeadlineExceeded
            | Self::Internal => &[],
        }
    }

    fn details(&self) -> ErrorDetails {
        let mut details = ErrorDetails::new();
        match self {
            Self::InvalidParcel(InvalidParcel(violations)) => {
                let n_violations = violations.len().to_string();
                details.set_bad_request(bad_request(violations)).set_error_info(
                    "INVALID_PARCEL",
                    DOMAIN,
                    [("n_violations".to_owned(), n_violations)],
                );
            }
            Self::InvalidRequest(violation) => {
                details.set_bad_request(bad_request(std::slice::from_ref(violation))).set_error_info(
                    "INVALID_REQUEST",
                    DOMAIN,
                    HashMap::new(),
                );
            }
            Self::NoRegistry { .. } => {
                details.set_error_info("NO_REGISTRY", DOMAIN, HashMap::new());
            }
            Self::ModelRejected { check, .. } => {
                let metadata = [("check".to_owned(), (*check).to_owned())];
                details.set_error_info("MODEL_REJECTED", DOMAIN, metadata);
            }
            Self::ModelState(_) => {
                details.set_error_info("MODEL_STATE", DOMAIN, HashMap::new());
            }
            Self::NoLedger { .. } => {
                details.set_error_info("NO_LEDGER", DOMAIN, HashMap::new());
            }
            Self::NoSuchModel { name, version } => {
                let name = format!("{}/{}", beginning(name), beginning(version));
                details.set_resource_info("parcelrisk.v1.Model", name, "", "");
            }
            Self::NoSuchDecision => {
                details.set_resource_info("parcelrisk.v1.Decision", "", "", "");
            }
            Self::Denied(denied) => {
                let reason = match denied {
                    Denied::Unknown(_) => "CALLER_UNKNOWN",
                    Denied::Expired => "CERTIFICATE_EXPIRED",
                    Denied::Revoked => "CERTIFICATE_REVOKED",
                    Denied::Token(_) => "TOKEN_NOT_ACCEPTED",
                    Denied::Role(_) => "ROLE_MISSING",
                };
                details.set_error_info(reason, DOMAIN, HashMap::new());
            }
            Self::NoExplanation => {
                details.set_error_info("ROLE_MISSING", DOMAIN, HashMap::new());
            }
            Self::OtherRequest => {
                details.set_error_info("REQUEST_ID_REUSED", DOMAIN, HashMap::new());
            }
            Self::StreamEnds => {
                details.set_error_info("STREAM_ENDS", DOMAIN, HashMap::new());
            }
            Self::StreamIdle => {
                details.set_error_info("STREAM_IDLE", DOMAIN, HashMap::new());
            }
            Self::Overloaded
            | Self::OverShare
            | Self::Draining
            | Self::Staging
            | Self::LedgerUnavailable(_)
            | Self::LedgerUnreadable => {
                details.set_retry_info(Some(Duration::from_secs(1)));
            }
            Self::NotAMessage(_) => {
                details.set_error_info("NOT_A_MESSAGE", DOMAIN, HashMap::new());
            }
            Self::DeadlineExceeded | Self::ModelFault | Self::Internal => {}
        }
        details
    }
}

/// What a batch or a stream answers about one malformed parcel.
pub fn item_error(invalid: InvalidParcel) -> v1::ItemError {
    Refusal::from(invalid).into()
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        refusal.status(refusal.details())
    }
}

impl From<Refusal> for v1::ItemError {
    fn from(refusal: Refusal) -> Self {
        let named = |violation: &Violation| v1::FieldViolation {
            field: violation.field.clone(),
            description: violation.problem.to_string(),
        };
        Self {
            code: refusal.code().into(),
            message: refusal.to_string(),
            field_violations: refusal.violations().iter().map(named).collect(),
        }
    }
}

/// As many of the violations as fit a header.
fn bad_request(violations: &[Violation]) -> Vec<FieldViolation> {
    /// Tags and lengths of one violation's three texts and of itself.
    const FRAMING_BYTES: usize = 12;
    let mut n_bytes = 0;
    violations
        .iter()
        .map(|violation| FieldViolation {
            field: violation.field.clone(),
            description: violation.problem.to_string(),
            reason: violation.problem.reason().to_owned(),
            localized_message: None,
        })
        .take_while(|named| {
            n_bytes += named.field.len() + named.description.len() + named.reason.len() + FRAMING_BYTES;
            n_bytes <= MAX_DETAIL_BYTES
        })
        .collect()
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default()
}

/// The code's name in gRPC's documents: what logs and metrics call it.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::Problem;

    #[test]
    fn a_status_fits_a_header_however_much_is_wrong() {
        let violations: Vec<_> =
            (0..1000).map(|idx| Violation::new(format!("contents[{idx}].hs_code"), Problem::NotAnHsCode)).collect();
        let refusal = Refusal::InvalidParcel(InvalidParcel(violations));

        let status = Status::from(refusal.clone());
        assert!(status.details().len() <= MAX_DETAIL_BYTES + 512, "{}", status.details().len());
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(info.metadata.get("n_violations").unwrap(), "1000");
        assert!(details.bad_request().unwrap().field_violations.len() > 20);

        assert_eq!(v1::ItemError::from(refusal).field_violations.len(), 1000);
    }

    #[test]
    fn a_name_of_any_length_is_sent_back_cut() {
        let refusal = Refusal::NoSuchModel { name: "ü".repeat(1000), version: String::new() };
        let status = Status::from(refusal);
        let resource = status.get_error_details().resource_info().unwrap().resource_name.clone();
        assert_eq!(resource, format!("{}/", "ü".repeat(32)));
    }
}
