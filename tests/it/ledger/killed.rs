//! A server that is killed at any moment: what it acknowledged is in the ledger, once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use parcel_risk::artifact::Artifact;
use parcel_risk::ledger::{Kind, Reader, Record, rescore, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use tonic::transport::Channel;

use super::{Place, outcome, parcels, times};
use crate::harness::{listening_on, request};

/// What clients were told.
#[derive(Default)]
struct Acknowledged {
    decisions: Vec<String>,
    outcomes: Vec<String>,
}

fn serve(ledger: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--ledger", ledger.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = listening_on(&mut child).unwrap();
    (child, format!("http://{address}"))
}

/// Scores, reports and scores on until the server is gone.
async fn load(channel: Channel, name: String, from_seconds: i64, acknowledged: Arc<Mutex<Acknowledged>>) {
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let mut outcomes = OutcomeServiceClient::new(channel);
    for (n, mut parcel) in parcels(500).into_iter().cycle().enumerate() {
        let seconds = from_seconds + 40 * i64::try_from(n).unwrap();
        parcel.item_id = format!("{name}-{n}");
        parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
        parcel.advised_at.as_mut().unwrap().seconds = seconds;
        let mut asked = request(parcel);
        asked.request_id = if n % 5 == 0 { asked.parcel.as_ref().unwrap().item_id.clone() } else { String::new() };
        let Ok(answer) = scoring.score_parcel(asked).await else { return };
        let decision = answer.into_inner().decision.unwrap();
        acknowledged.lock().unwrap().decisions.push(decision.decision_id);
        if n % 4 == 0 {
            let finding = if n % 8 == 0 { v1::Finding::Infringement } else { v1::Finding::Clean };
            let found = outcome(&decision.item_id, seconds + 60, finding);
            let sent = v1::RecordOutcomesRequest { outcomes: vec![found] };
            if outcomes.record_outcomes(sent).await.is_err() {
                return;
            }
            acknowledged.lock().unwrap().outcomes.push(decision.item_id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_at_any_moment_once() {
    let place = Place::new();
    let n_cycles = times("LEDGER_TEST_KILLS", 20);
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for cycle in 0..n_cycles {
        let (mut child, endpoint) = serve(&place.path());
        let endpoint = Channel::from_shared(endpoint).unwrap();
        let channel = endpoint.connect().await.unwrap();
        let from_seconds = 1_650_000_000 + 40_000 * i64::try_from(cycle).unwrap();
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let name = format!("C{cycle}-{client}");
                tokio::spawn(load(channel.clone(), name, from_seconds, Arc::clone(&acknowledged)))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(10 + random.next_u64() % 490)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for client in clients {
            client.await.unwrap();
        }
        verify(&place.path(), None).unwrap();
    }

    let verified = verify(&place.path(), None).unwrap();
    let reader = Reader::open(&place.path()).unwrap();
    let Acknowledged { decisions, outcomes } = &*acknowledged.lock().unwrap();
    assert!(!decisions.is_empty() && !outcomes.is_empty());
    for id in decisions {
        let bytes = *uuid::Uuid::parse_str(id).unwrap().as_bytes();
        assert!(reader.decision(&bytes).unwrap().is_some(), "decision {id} is lost");
    }
    for item_id in outcomes {
        let about = reader.about(item_id).unwrap();
        let n_of = |kind| about.iter().filter(|record: &&Record| record.content.kind == kind).count();
        assert_eq!((n_of(Kind::Decision), n_of(Kind::Outcome)), (1, 1), "{item_id}");
    }
    // Every decision comes out again from the start, those after a restart too: history was the fold each time.
    let rescored = rescore(&reader, &[Artifact::embedded().unwrap()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (verified.decisions, None));
    eprintln!(
        "{n_cycles} kills: {} decisions and {} outcomes acknowledged, {} and {} recorded, none lost, none twice, all made again",
        decisions.len(),
        outcomes.len(),
        verified.decisions,
        verified.outcomes
    );
}
