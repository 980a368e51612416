//! What another policy would have made of the decisions of a ledger.

use std::collections::{BTreeMap, HashMap};

use super::config::Parties;
use super::findings::findings;
use super::grounds::Grounds;
use super::kept::KeptDecision;
use super::privacy::kept_parcel;
use super::record::{Kind, Record};
use super::{LedgerError, Reader};
use crate::artifact::Artifact;
use crate::parcel::{Parcel, ParcelLimits};
use crate::policy::{Facts, Flow, History, Policy, Route};
use crate::wire::{self, v1};

/// What would have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DryRun {
    /// First decisions about an item that were routed anew.
    pub decisions: u64,
    /// Those with another route.
    pub changed: u64,
    /// Decisions by route: as recorded, and anew.
    pub by_route: BTreeMap<Route, (u64, u64)>,
    /// Parcels that each rule matched.
    pub by_rule: BTreeMap<String, u64>,
    /// Items of which an infringement is on record.
    pub infringements: u64,
    /// Those that were sent to inspection: as recorded, and anew.
    pub infringements_inspected: (u64, u64),
    /// Decisions of another model than the one at hand.
    pub other_model: u64,
    /// Whether parties are not kept as they were stated.
    pub has_pseudonyms: bool,
}

/// Routes every first decision about an item anew, in the order of the ledger, by what the policy itself would have let pass
/// before. Scores and history are as recorded.
///
/// # Errors
/// [`LedgerError`] where the ledger can't be read.
pub fn dry_run(reader: &Reader, artifact: &Artifact, policy: &Policy) -> Result<DryRun, LedgerError> {
    let found = findings(reader)?;
    let spec = artifact.model().plan().spec();
    let names: Vec<String> = spec.keys.iter().map(|key| key.name.clone()).collect();
    let flow = policy.flow(spec.bucket_seconds, artifact.model().body().reference.scores());
    let mut dry = DryRun::default();
    let mut on: Option<Grounds> = None;
    let digest = &artifact.model_ref().digest;
    reader.scan::<LedgerError>(0, |record| {
        match record.content.kind {
            Kind::Grounds => {
                let unreadable = |what| LedgerError::Record { seq: record.seq, what };
                let grounds = Grounds::from_body(&record.content.body).map_err(unreadable)?;
                dry.has_pseudonyms |= grounds.parties != Parties::Plain;
                on = Some(grounds);
            }
            // Of two models that decide, each about its items.
            Kind::Decision
                if on.as_ref().is_some_and(|on| on.decides(record.content.item.unwrap_or_default()) == digest) =>
            {
                route_anew(&mut dry, policy, &flow, &names, &found, &record)?;
            }
            Kind::Decision => dry.other_model += 1,
            Kind::Imported | Kind::Outcome | Kind::Repeat | Kind::Model | Kind::Erasure => {}
        }
        Ok(())
    })?;
    Ok(dry)
}

fn route_anew(
    dry: &mut DryRun,
    policy: &Policy,
    flow: &Flow,
    names: &[String],
    found: &HashMap<String, bool>,
    record: &Record,
) -> Result<(), LedgerError> {
    let unreadable = |what: String| LedgerError::Record { seq: record.seq, what };
    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
    let (true, Some(parcel)) = (kept.counts, &record.content.parcel) else { return Ok(()) };
    let parcel = kept_parcel(parcel).map_err(|error| unreadable(error.to_string()))?;
    let item_id = parcel.item_id.clone();
    let parcel = read(parcel).ok_or_else(|| unreadable("its parcel is none any more".to_owned()))?;
    let reply = kept.decision().map_err(unreadable)?;
    let facts = Facts {
        parcel: &parcel,
        risk_score: kept.seen.risk_score,
        risk_percentile: reply.risk_percentile,
        raw_score: kept.seen.raw_score,
        history: History { names, counts: &kept.row.counts },
    };
    let at = record.content.bucket;
    let seen = policy.look(&facts, at, flow.clock().width());
    let routing = policy.route(&seen, at, Some(flow));
    flow.add(at, &seen, routing.route, routing.cause, true);
    let recorded = record.content.route.and_then(Route::from_number).unwrap_or(Route::Release);
    dry.decisions += 1;
    dry.changed += u64::from(recorded != routing.route);
    dry.by_route.entry(recorded).or_default().0 += 1;
    dry.by_route.entry(routing.route).or_default().1 += 1;
    for matched in seen.matched {
        *dry.by_rule.entry(matched.rule).or_default() += 1;
    }
    if found.get(&item_id).copied().unwrap_or(false) {
        dry.infringements += 1;
        dry.infringements_inspected.0 += u64::from(!recorded.is_release());
        dry.infringements_inspected.1 += u64::from(!routing.route.is_release());
    }
    Ok(())
}

/// A parcel as it was kept: pseudonyms are texts like any other.
fn read(parcel: v1::Parcel) -> Option<Parcel> {
    wire::to_draft(parcel).check(&ParcelLimits::default()).ok()
}
