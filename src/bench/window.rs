//! One run: its warm-up, the time that is counted, and what both processes use in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tonic::Code;

use super::messages::Contents;
use super::report::Used;
use super::tally::{Answered, Tallies};
use super::target::Answer;
use super::{BenchError, Load, Measured, Plan, ProcessCpu, Target, closed, open, stream};

/// A run that goes on.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) target: Target,
    pub(super) plan: Plan,
    pub(super) started: Instant,
    pub(super) until: Instant,
    from: Instant,
    tallies: Tallies,
    /// Calls and parcels answered so far, whenever they were due: what the CPU time is shared among.
    n_calls: AtomicU64,
    n_parcels: AtomicU64,
}

/// Puts a load on a server, and measures. `server` is its process, where its CPU time is asked for.
///
/// Calls that are due in the time that is counted are awaited, up to their deadline.
///
/// # Errors
/// [`BenchError`]; what the server answers is counted, and no error.
pub async fn run(target: &Target, plan: &Plan, server: Option<&ProcessCpu>) -> Result<Measured, BenchError> {
    let started = Instant::now();
    let from = started + plan.warmup;
    let running = Arc::new(Running {
        target: target.clone(),
        plan: plan.clone(),
        started,
        from,
        until: from + plan.measured,
        tallies: Tallies::new(),
        n_calls: AtomicU64::new(0),
        n_parcels: AtomicU64::new(0),
    });
    let metering = tokio::spawn(meter(Arc::clone(&running), server.cloned()));
    let offered = match &plan.load {
        Load::Open(arrivals) => {
            let schedule = arrivals.schedule()?;
            let offered = schedule.per_second();
            if target.messages().is_stream() {
                stream::open(&running, schedule).await?;
            } else {
                open::drive(&running, schedule).await?;
            }
            Some(offered)
        }
        Load::Closed { in_flight } => {
            if target.messages().is_stream() {
                stream::closed(&running, *in_flight).await?;
            } else {
                closed::drive(&running, *in_flight).await;
            }
            None
        }
    };
    let used = metering.await.map_err(|error| BenchError::Thread(error.into()))??;
    let (tallies, late) = running.tallies.whole();
    Ok(Measured::new(plan, offered, &tallies, &late, used))
}

impl Running {
    /// Whether a call that is due then counts.
    fn counts(&self, due: Instant) -> bool {
        self.from <= due && due < self.until
    }

    /// Takes note of a call that was sent, how late whatever the reason.
    pub(super) fn sent(&self, due: Instant) {
        if self.counts(due) {
            self.tallies.sent_late(due.elapsed());
        }
    }

    /// Takes note of what became of call `n`.
    pub(super) fn answered(&self, n: u64, due: Instant, answer: Answer) {
        // First of all: what comes now is no longer the server's.
        let latency = due.elapsed();
        let is_critical = self.plan.is_critical(n);
        let of_call = self.target.messages().n_per_call();
        let (code, contents) = match answer {
            Ok(answer) => match self.target.messages().contents(answer) {
                Some(contents) => (Code::Ok, contents),
                None => (Code::DataLoss, Contents::default()),
            },
            Err(status) => (status.code(), Contents::default()),
        };
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        self.n_parcels.fetch_add(contents.n_ok + contents.refused.len() as u64, Ordering::Relaxed);
        if !self.counts(due) {
            return;
        }
        let mut refused: BTreeMap<i32, u64> = BTreeMap::new();
        contents.refused.iter().for_each(|code| *refused.entry((*code).into()).or_default() += 1);
        if code != Code::Ok {
            refused.insert(code.into(), of_call);
        }
        // A message of a stream is a parcel: it has the parcel's code.
        let code = match (self.target.messages().is_stream(), contents.refused.first()) {
            (true, Some(refused)) => *refused,
            _ => code,
        };
        let refused = refused.into_iter().map(|(code, n)| (Code::from_i32(code), n)).collect();
        self.tallies.add(n, &Answered { is_critical, latency, code, n_scored: contents.n_ok, refused });
    }
}

/// Reads what both processes use, at both ends of the time that counts; memory once a second.
async fn meter(running: Arc<Running>, server: Option<ProcessCpu>) -> Result<Used, BenchError> {
    let own = ProcessCpu::own();
    let read = || {
        let calls = running.n_calls.load(Ordering::Relaxed);
        let parcels = running.n_parcels.load(Ordering::Relaxed);
        let server = server.as_ref().map(ProcessCpu::seconds).transpose()?;
        Ok::<_, BenchError>((calls, parcels, own.seconds()?, server, Instant::now()))
    };
    let memory = || server.as_ref().map(ProcessCpu::resident_bytes).transpose();
    tokio::time::sleep_until(running.from.into()).await;
    let (calls, parcels, client, cpu, began) = read()?;
    let mut resident = vec![memory()?];
    loop {
        let next = (Instant::now() + Duration::from_secs(1)).min(running.until);
        tokio::time::sleep_until(next.into()).await;
        resident.push(memory()?);
        if next == running.until {
            break;
        }
    }
    let (calls_after, parcels_after, client_after, cpu_after, ended) = read()?;
    Ok(Used {
        seconds: (ended - began).as_secs_f64(),
        n_calls: calls_after - calls,
        n_parcels: parcels_after - parcels,
        client_cpu_seconds: client_after - client,
        server_cpu_seconds: cpu_after.zip(cpu).map(|(after, before)| after - before),
        server_resident_bytes: resident.into_iter().flatten().collect(),
    })
}
