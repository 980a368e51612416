//! One model in the place of another while calls come in: none fails, and none is answered by two.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;

use super::{Place, first, promote, roll_back, second, stage, times};
use crate::harness::{parcel, request, start, within};

pub(super) async fn score(channel: Channel) -> v1::Decision {
    let reply = within(RiskScoringServiceClient::new(channel).score_parcel(request(parcel()))).await.unwrap();
    reply.into_inner().decision.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn swaps_under_load_fail_no_call_and_mix_no_versions() {
    let place = Place::new();
    place.put(second());
    let (endpoint, server) = start(place.parts(first())).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let one = score(channel.clone()).await;
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    let other = score(channel.clone()).await;
    assert_ne!(one.risk_score, other.risk_score);
    let expected: HashMap<_, _> =
        [one, other].into_iter().map(|decision| (decision.model.clone().unwrap().version, decision)).collect();
    let expected = Arc::new(expected);

    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|caller| {
            let (channel, done, expected) = (channel.clone(), Arc::clone(&done), Arc::clone(&expected));
            tokio::spawn(async move {
                let mut client = RiskScoringServiceClient::new(channel);
                let mut n_calls = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let decisions = if caller == 0 {
                        let requests = vec![request(parcel()); 20];
                        let reply = client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap();
                        reply
                            .into_inner()
                            .results
                            .into_iter()
                            .map(|result| match result.result.unwrap() {
                                v1::score_result::Result::Decision(decision) => decision,
                                v1::score_result::Result::Error(error) => panic!("{error:?}"),
                            })
                            .collect()
                    } else {
                        vec![client.score_parcel(request(parcel())).await.unwrap().into_inner().decision.unwrap()]
                    };
                    for decision in decisions {
                        let version = decision.model.clone().unwrap().version;
                        assert_eq!(Some(&decision), expected.get(&version), "a decision of both");
                        n_calls += 1;
                    }
                }
                n_calls
            })
        })
        .collect();
    let n_swaps = times(50, 1000);
    let started = Instant::now();
    for _ in 0..n_swaps {
        roll_back(&mut models).await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    let mut n_decisions = 0;
    for caller in callers {
        n_decisions += within(caller).await.unwrap();
    }
    eprintln!("{n_swaps} swaps in {seconds:.2} s beside {n_decisions} decisions: none failed, none mixed");
    drop((channel, models));
    server.stopped().await;
}
