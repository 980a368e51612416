//! Load on a server: every call is made, and what became of it is counted as what it was.

use std::sync::Arc;
use std::time::Duration;

use parcel_risk::bench::{Arrivals, Load, Measured, Messages, Method, Plan, ProcessCpu, Target, compare, run};
use parcel_risk::parcel::Draft;
use parcel_risk::serve::ServeConfig;
use parcel_risk::wire::{to_draft, v1};

use crate::harness::{HalfSent, Server, default_parts, one_at_a_time, parcel, parts, start, within};

/// Two parcels that are scored and one that is refused.
fn drafts() -> Vec<Draft> {
    let bad = v1::Parcel { origin_country: "nowhere".to_owned(), ..parcel() };
    [parcel(), bad, parcel()].map(to_draft).into()
}

fn plan(load: Load) -> Plan {
    Plan {
        load,
        warmup: Duration::ZERO,
        measured: Duration::from_millis(200),
        timeout: Duration::from_secs(10),
        critical_share: 0.0,
    }
}

fn open() -> Load {
    Load::Open(Arrivals::Fixed { per_second: 300.0 })
}

async fn target(server: &Server, method: Method, drafts: &[Draft]) -> Target {
    let messages = Messages::parcels(drafts, method, v1::ExplanationLevel::None, 0).unwrap();
    Target::connect(&format!("http://{}", server.address), 2, messages).await.unwrap()
}

fn counts(measured: &Measured) -> Vec<(&'static str, u64)> {
    measured.usual.calls.iter().map(|(code, n)| (*code, *n)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_makes_every_call_that_is_due_and_tells_the_refused_from_the_answered() {
    let (_, server) = start(default_parts()).await;
    // 60 calls are due in 0.2 s at 300 a second; every third parcel is bad.
    for method in [Method::Unary, Method::Stream] {
        let target = target(&server, method, &drafts()).await;
        let measured = within(run(&target, &plan(open()), None)).await.unwrap();
        assert_eq!(counts(&measured), [("INVALID_ARGUMENT", 20), ("OK", 40)], "{method:?}");
        assert_eq!(measured.usual.parcels, measured.usual.calls, "{method:?}");
        assert_eq!(measured.goodput_per_second, 200.0, "{method:?}");
    }
    let target = target(&server, Method::Batch { n_parcels: 3 }, &drafts()).await;
    let measured = within(run(&target, &plan(open()), None)).await.unwrap();
    assert_eq!(counts(&measured), [("OK", 60)]);
    assert_eq!((measured.usual.parcels["OK"], measured.usual.parcels["INVALID_ARGUMENT"]), (120, 60));
    drop(target);
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_goes_on_until_the_time_is_over() {
    let (_, server) = start(default_parts()).await;
    let good = [to_draft(parcel())];
    for method in [Method::Unary, Method::Stream, Method::Batch { n_parcels: 10 }] {
        let target = target(&server, method, &good).await;
        let plan = plan(Load::Closed { in_flight: 3 });
        let measured = within(run(&target, &plan, Some(&ProcessCpu::own()))).await.unwrap();
        let calls = counts(&measured);
        // The first are sent at once, whatever the machine does, and each is followed by another.
        assert!(calls.len() == 1 && calls[0].0 == "OK" && calls[0].1 >= 3, "{method:?} {calls:?}");
        let latency = measured.usual.answered_within;
        assert!(0.0 < latency.p50_micros && latency.p50_micros <= latency.max_micros, "{latency:?}");
        assert!(measured.server_resident_mib.unwrap().iter().all(|mib| *mib > 0.0));
        drop(target);
    }
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shed_is_no_goodput_and_critical_calls_are_counted_apart() {
    let config = ServeConfig { max_batch: 1, max_in_flight: 3, kept_for_critical: 2, ..ServeConfig::default() };
    let parts = parts(config);
    let standing = Arc::clone(&parts.standing);
    let (_, server) = start(parts).await;
    let target = target(&server, Method::Unary, &[to_draft(parcel())]).await;
    // Holds the room of usual calls; of critical ones there is room for both that are in flight.
    let held = HalfSent::new(server.address).await;
    within(async {
        while standing.observe().in_flight == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    let plan = Plan { critical_share: 0.5, ..plan(Load::Closed { in_flight: 2 }) };
    let measured = within(run(&target, &plan, None)).await.unwrap();
    assert_eq!(counts(&measured).iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["RESOURCE_EXHAUSTED"]);
    let critical = measured.critical.unwrap();
    assert_eq!(critical.calls.keys().collect::<Vec<_>>(), [&"OK"]);
    assert_eq!(measured.goodput_per_second, critical.calls["OK"] as f64 / 0.2);
    assert!(measured.usual.answered_within.max_micros == 0.0 && measured.usual.refused_within.max_micros > 0.0);
    drop((target, held));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_are_measured_in_turns() {
    let ((_, first), (_, second)) = (start(default_parts()).await, start(default_parts()).await);
    let draft = [to_draft(parcel())];
    let (one, other) = (target(&first, Method::Unary, &draft).await, target(&second, Method::Unary, &draft).await);
    let plan = Plan { measured: Duration::from_millis(50), ..plan(open()) };
    let compared = within(compare((&one, None), (&other, None), &plan, 6)).await.unwrap();
    assert_eq!(compared.pairs.len(), 6);
    // Both answer all 15 calls of each turn.
    let goodput = compared.goodput.unwrap();
    assert_eq!((goodput.median, goodput.low_95, goodput.high_95), (1.0, Some(1.0), Some(1.0)));
    assert!(compared.p99.is_some() && compared.server_cpu.is_none());
    drop((one, other));
    first.stopped().await;
    second.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_is_not_called_fast() {
    let ((_, first), (_, second)) = (start(parts(one_at_a_time())).await, start(default_parts()).await);
    let draft = [to_draft(parcel())];
    let (one, other) = (target(&first, Method::Unary, &draft).await, target(&second, Method::Unary, &draft).await);
    let held = HalfSent::new(first.address).await;
    let plan = Plan { measured: Duration::from_millis(50), ..plan(open()) };
    let compared = within(compare((&one, None), (&other, None), &plan, 2)).await.unwrap();
    assert!(compared.p50.is_none() && compared.p99.is_none(), "{compared:?}");
    assert_eq!(compared.goodput.unwrap().median, 0.0);
    drop((one, other, held));
    first.stopped().await;
    second.stopped().await;
}
