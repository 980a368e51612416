//! The open loop: a thread that sleeps and sends, and waits for nobody.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::BenchError;
use super::arrivals::Schedule;
use super::window::Running;

/// Sends each call when it is due, and waits for the last answer.
pub(super) async fn drive(running: &Arc<Running>, schedule: Schedule) -> Result<(), BenchError> {
    // Each call holds one end, so the other ends with the last of them.
    let (holds, mut all_over) = mpsc::channel::<()>(1);
    let (handle, shared) = (Handle::current(), Arc::clone(running));
    let send = move || {
        let messages = Arc::clone(shared.target.messages());
        pace(
            &shared,
            schedule,
            |n, due, message| {
                let (running, hold) = (Arc::clone(&shared), holds.clone());
                handle.spawn(async move {
                    running.sent(due);
                    let is_critical = running.plan.is_critical(n);
                    let answer = running.target.call(n, message, is_critical, running.plan.timeout).await;
                    running.answered(n, due, answer);
                    drop(hold);
                });
            },
            || messages.next(),
        );
    };
    std::thread::Builder::new().name("pacer".to_owned()).spawn(send).map_err(BenchError::Thread)?;
    while all_over.recv().await.is_some() {}
    Ok(())
}

/// Calls `send` with the number of each call, when it is due; what `prepare` makes is made before.
pub(super) fn pace<T>(
    running: &Running,
    schedule: Schedule,
    mut send: impl FnMut(u64, Instant, T),
    prepare: impl Fn() -> T,
) {
    for (n, at) in (0..).zip(schedule) {
        let due = running.started + at;
        if due >= running.until {
            break;
        }
        let prepared = prepare();
        // The kernel's timer is exact to some 50 microseconds, the runtime's to a millisecond.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        send(n, due, prepared);
    }
}
