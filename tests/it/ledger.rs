//! The ledger: nothing that was acknowledged is lost, nothing recorded is changed unseen, and history is its fold.

mod audit;
mod cancelled;
mod commands;
mod disk;
mod erased;
mod found;
mod fsync;
mod hangs;
mod imported;
mod killed;
mod mutated;
mod opened;
mod outcomes;
mod privacy;
mod recorded;
mod restarted;
mod signed;
mod stopped;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parcel_risk::ledger::{Clock, LedgerConfig, Reader};
use parcel_risk::serve::{Parts, Recorder};
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{from_draft, v1};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::fixture::drafts;
use crate::harness::{Server, recording_parts, request, start, within};

/// A ledger of a test's own.
struct Place {
    dir: TempDir,
    config: LedgerConfig,
    clock: Clock,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, config: LedgerConfig::default(), clock: Clock::system() }.with(|_| ())
    }

    /// Otherwise set.
    fn with(mut self, set: impl FnOnce(&mut LedgerConfig)) -> Self {
        self.config.path = self.path().to_str().unwrap().to_owned();
        set(&mut self.config);
        self
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn parts(&self) -> (Parts, Arc<Recorder>) {
        recording_parts(&self.path(), &self.config, self.clock.clone())
    }

    async fn serve(&self) -> (RiskScoringServiceClient<Channel>, Server, Arc<Recorder>) {
        let (parts, recorder) = self.parts();
        let (endpoint, server) = start(parts).await;
        let client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
        (client.max_decoding_message_size(usize::MAX), server, recorder)
    }
}

/// Public declarations in order of time.
fn parcels(n: usize) -> Vec<v1::Parcel> {
    let mut parcels: Vec<_> = drafts().iter().map(|draft| from_draft(draft).unwrap()).collect();
    parcels.sort_by_key(|parcel| parcel.advised_at.as_ref().unwrap().seconds);
    parcels.truncate(n);
    parcels
}

fn requests(parcels: &[v1::Parcel]) -> v1::ScoreParcelsRequest {
    v1::ScoreParcelsRequest { requests: parcels.iter().cloned().map(request).collect() }
}

/// Whether a decision is on record.
pub(crate) fn is_recorded(ledger: &Path, decision: &v1::Decision) -> bool {
    let id = *uuid::Uuid::parse_str(&decision.decision_id).unwrap().as_bytes();
    Reader::open(ledger).unwrap().decision(&id).unwrap().is_some()
}

fn decisions(response: v1::ScoreParcelsResponse) -> Vec<v1::Decision> {
    let decision = |result: v1::ScoreResult| match result.result {
        Some(v1::score_result::Result::Decision(decision)) => decision,
        other => panic!("{other:?}"),
    };
    response.results.into_iter().map(decision).collect()
}

/// Stops a server, and lets its ledger go when all is written.
async fn stop(client: impl Sized, server: Server, recorder: Arc<Recorder>) {
    drop(client);
    within(server.stopped()).await;
    // The last one that holds it: dropping it waits.
    let mut recorder = Some(recorder);
    while let Some(held) = recorder.take() {
        match Arc::try_unwrap(held) {
            Ok(last) => drop(last),
            Err(shared) => {
                tokio::task::yield_now().await;
                recorder = Some(shared);
            }
        }
    }
}

/// A ledger's bytes, and where each record stands among them: after sixteen of its own, each with its length before it and
/// eight bytes in front.
fn records_of(path: &Path) -> (Vec<u8>, Vec<Range<usize>>) {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut records) = (16, Vec::new());
    while at < bytes.len() {
        let n_rest = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let end = at + 8 + usize::try_from(n_rest).unwrap();
        records.push(at..end);
        at = end;
    }
    (bytes, records)
}

/// How often something is tried: few times in every run, more where the variable says so.
fn times(variable: &str, few: usize) -> usize {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(few)
}

/// A result for an item.
fn outcome(item_id: &str, inspected_at: i64, finding: v1::Finding) -> v1::Outcome {
    v1::Outcome {
        item_id: item_id.to_owned(),
        inspected_at: Some(pbjson_types::Timestamp { seconds: inspected_at, nanos: 0 }),
        finding: finding.into(),
        ..v1::Outcome::default()
    }
}
