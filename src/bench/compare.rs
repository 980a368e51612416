//! Two servers in one run, in turns: what slows the machine down slows both.

use serde::Serialize;

use super::{BenchError, Measured, Plan, ProcessCpu, Ratio, Target, ratio, run};

/// A server with its process, where its CPU time is asked for.
pub type Side<'a> = (&'a Target, Option<&'a ProcessCpu>);

/// One turn of each.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The server that is judged.
    pub first: Measured,
    /// The one that it is compared with.
    pub second: Measured,
}

/// Turns of two servers, and the ratios of the first to the second.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The turns.
    pub pairs: Vec<Pair>,
    /// CPU of the server a call.
    pub server_cpu: Option<Ratio>,
    /// Median latency of answered calls, where both answer some.
    pub p50: Option<Ratio>,
    /// 99th percentile of it.
    pub p99: Option<Ratio>,
    /// Answered calls a second.
    pub goodput: Option<Ratio>,
}

/// Puts the same load on both servers in turns, the first of each pair going first in every other pair.
///
/// # Errors
/// As [`run`].
pub async fn compare(first: Side<'_>, second: Side<'_>, plan: &Plan, n_pairs: usize) -> Result<Comparison, BenchError> {
    let mut pairs = Vec::with_capacity(n_pairs);
    for n in 0..n_pairs {
        let one = |(target, server): Side<'_>| {
            let (target, server) = (target.clone(), server.cloned());
            async move { run(&target, plan, server.as_ref()).await }
        };
        pairs.push(if n % 2 == 0 {
            let measured = one(first).await?;
            Pair { first: measured, second: one(second).await? }
        } else {
            let measured = one(second).await?;
            Pair { first: one(first).await?, second: measured }
        });
    }
    Ok(Comparison::of(pairs))
}

impl Comparison {
    fn of(pairs: Vec<Pair>) -> Self {
        let by = |figure: fn(&Measured) -> Option<f64>| {
            ratio(pairs.iter().filter_map(|pair| Some((figure(&pair.first)?, figure(&pair.second)?))))
        };
        Self {
            server_cpu: by(|measured| measured.server_cpu_micros_per_call),
            p50: by(|measured| Some(measured.usual.answered_within.of_any()?.p50_micros)),
            p99: by(|measured| Some(measured.usual.answered_within.of_any()?.p99_micros)),
            goodput: by(|measured| Some(measured.goodput_per_second)),
            pairs,
        }
    }
}
