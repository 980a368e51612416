//! Calls that their clients give up.

use std::time::Duration;

use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{Reader, rescore, verify};
use parcel_risk::wire::v1;

use super::{Place, parcels, stop};
use crate::harness::{artifact, request, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decided_for_a_call_that_is_given_up_is_recorded_all_the_same() {
    let place = Place::new();
    let (client, server, recorder) = place.serve().await;
    let sent = parcels(400);
    let mut calls = Vec::new();
    for (idx, parcel) in sent.into_iter().enumerate() {
        let mut client = client.clone();
        calls.push(tokio::spawn(async move {
            let call = async {
                if idx % 3 == 0 {
                    let mut asked = request(parcel);
                    asked.request_id = format!("r{}", idx / 2);
                    client.score_parcel(asked).await.map(|_| ())
                } else {
                    let request = request(parcel);
                    client.score_parcels(v1::ScoreParcelsRequest { requests: vec![request] }).await.map(|_| ())
                }
            };
            // From before the first byte is sent until after the answer has come.
            let micros = (idx as u64 * 37) % 4000;
            tokio::time::timeout(Duration::from_micros(micros), call).await.is_err()
        }));
    }
    let mut n_given_up = 0;
    for call in calls {
        n_given_up += usize::from(within(call).await.unwrap());
    }
    // One that comes to its end, so that none of those before is still on its way in. A connection on which very many were
    // given up at once is closed, and the next call opens another.
    within(async {
        let last = parcels(401).remove(400);
        while client.clone().score_parcel(request(last.clone())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let history = recorder.history();
    stop(client, server, recorder).await;
    let live = Snapshot::of(&history, Vec::new());

    assert!(n_given_up > 0, "none was given up");
    let verified = verify(&place.path(), None).unwrap();
    assert!(verified.decisions > 0);
    // All that went into history is in the ledger, and nothing else.
    let (_, recorder) = place.parts();
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == live, "of {n_given_up} given up");
    let rescored = rescore(&Reader::open(&place.path()).unwrap(), &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (verified.decisions, None));
}
