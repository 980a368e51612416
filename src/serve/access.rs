//! Who is let in, and what the handlers may take for granted of them.

use http::{Extensions, Request};

use super::handshake::Peer;
use super::status::Refusal;
use crate::identity::{Caller, Identity, Role};
use crate::telemetry::Metrics;
use crate::wire::v1;

/// What one call may do beyond its method; it travels with the call. A call without it may nothing.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    /// Whoever calls, where callers are asked.
    pub(super) caller: Option<Caller>,
}

/// Lets a call in, or not.
pub(super) fn admit<B>(identity: &Identity, request: &Request<B>, metrics: &Metrics) -> Result<Allowed, Refusal> {
    let peer = request.extensions().get::<Peer>().and_then(Peer::caller);
    match identity.admit(request.uri().path(), request.headers(), peer) {
        Ok(caller) => Ok(Allowed { caller }),
        Err(denied) => {
            metrics.denied(denied.reason());
            Err(Refusal::Denied(denied))
        }
    }
}

/// Whether a call may see why.
pub(super) fn may_explain(extensions: &Extensions) -> bool {
    extensions
        .get::<Allowed>()
        .is_some_and(|allowed| allowed.caller.as_ref().is_none_or(|caller| caller.roles.holds(Role::Explain)))
}

/// What is asked for, as far as the caller may see it: where nothing is stated, the reasons stay away.
pub(super) fn permit(request: &mut v1::ScoreParcelRequest, may_explain: bool) -> Result<(), Refusal> {
    use v1::ExplanationLevel::{Full, None, Reasons, Unspecified};
    if may_explain {
        return Ok(());
    }
    match v1::ExplanationLevel::try_from(request.explanation) {
        Ok(Unspecified) => request.explanation = None.into(),
        Ok(Reasons | Full) => return Err(Refusal::NoExplanation),
        // A number that there is none of is the door's to refuse.
        Ok(None) | Err(_) => {}
    }
    Ok(())
}
