//! The identifier of a call, by which its answer, its error and its log lines are found again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::status::Refusal;
use crate::telemetry::unix_seconds;

/// Where the details of a status travel.
const DETAILS: &str = "grpc-status-details-bin";

/// Where a caller may state its own, and where it comes back.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest that a caller may state, in bytes.
const MAX_BYTES: usize = 64;

/// One call's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(String);

impl RequestId {
    /// The caller's, where it is of letters, digits, dots, dashes and underscores; else a new one. Anything else could
    /// break a log line, or hold what a log must not.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let stated = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let fits = |text: &&str| {
            (1..=MAX_BYTES).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        stated.filter(fits).map_or_else(Self::new, |stated| Self(stated.to_owned()))
    }

    /// Unlike those of other calls and other processes; no secret.
    fn new() -> Self {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        static PROCESS: OnceLock<u64> = OnceLock::new();
        let process = *PROCESS.get_or_init(|| xxh3_64_with_seed(&std::process::id().to_le_bytes(), unix_seconds()));
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        Self(format!("{process:016x}{call:08x}"))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts it into the head of an answer, and into the details of its error where it is one.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        if let Some(status) = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok) {
            let mut details = status.get_error_details();
            details.set_request_info(self.0.as_str(), "");
            // What is not of the status stays: the type of the content, and metadata.
            let _ = Status::with_error_details(status.code(), status.message(), details).add_header(headers);
        }
        self.name(headers);
    }

    /// The answer to a call that is refused before anything of it is read: as [`Self::mark`] leaves any other, and made at
    /// once, since there are many where there is too much to do.
    pub(super) fn refuse(&self, refusal: &Refusal) -> http::Response<Body> {
        let mut response = refusal.of_call(&self.0).into_http();
        self.name(response.headers_mut());
        if let Some(details) = response.headers_mut().get_mut(DETAILS) {
            details.set_sensitive(true);
        }
        response
    }

    fn name(&self, headers: &mut HeaderMap) {
        if let Ok(mut value) = HeaderValue::from_str(&self.0) {
            // Unlike that of any other call, so that it has no business in the table of what was sent before.
            value.set_sensitive(true);
            headers.insert(HEADER, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stated: &str) -> String {
        RequestId::of(&HeaderMap::from_iter([(HEADER, HeaderValue::from_str(stated).unwrap())])).0
    }

    #[test]
    fn a_callers_identifier_is_kept_where_it_can_do_no_harm() {
        assert_eq!(of("a.B-9_z"), "a.B-9_z");
        for harmful in ["", "Jane Doe", "a\"b", "a\tb", &"a".repeat(65)] {
            assert_eq!(of(harmful).len(), 24, "{harmful}");
        }
        assert_ne!(of(""), of(""));
    }

    #[test]
    fn an_error_names_the_call_beside_what_it_said_before() {
        let refusal = Refusal::Overloaded;
        let mut headers = Status::from(refusal).into_http::<()>().into_parts().0.headers;
        RequestId("abc".to_owned()).mark(&mut headers);
        let status = Status::from_header_map(&headers).unwrap();
        let details = status.get_error_details();
        assert_eq!(details.request_info().unwrap().request_id, "abc");
        assert!(details.retry_info().is_some());
        assert_eq!(headers.get(HEADER).unwrap(), "abc");
        assert_eq!(headers.get_all(DETAILS).iter().count(), 1);
    }

    #[test]
    fn a_refusal_before_the_call_is_read_says_the_same() {
        let request_id = RequestId("abc".to_owned());
        for refusal in [Refusal::Overloaded, Refusal::OverShare, Refusal::Denied(crate::identity::Denied::Expired)] {
            let at_once = request_id.refuse(&refusal);
            let mut marked = Status::from(refusal).into_http::<()>();
            request_id.mark(marked.headers_mut());
            assert_eq!(at_once.headers(), marked.headers());
        }
    }
}
