//! One measurement of one candidate.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tokio::time::sleep;

use super::candidate::Candidate;
use super::load::{Load, NextRequest, Sample, Shape};
use super::proc;
use super::stores::Stores;

/// How long a measurement takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) warm_up: Duration,
    pub(crate) window: Duration,
}

const LONGEST_WINDOW: Duration = Duration::from_secs(30);

/// What was seen in the window.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) candidate: String,
    pub(crate) calls: u64,
    pub(crate) calls_per_sec: f64,
    pub(crate) latency_ms: Latency,
    pub(crate) cpu_secs_per_1000_calls: Cpu,
    pub(crate) resident_kib: u64,
}

/// From the time for which a request was scheduled, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cpu {
    pub(crate) service: f64,
    pub(crate) postgres: f64,
    pub(crate) redis: f64,
}

pub(crate) async fn measure(
    candidate: &Candidate,
    stores: &Stores,
    shape: Shape,
    requests: NextRequest,
    times: Times,
) -> Result<Measurement> {
    let load = Load::start(shape, candidate.address, requests);
    sleep(times.warm_up).await;
    let before = Reading::take(candidate, stores, &load)?;
    sleep(times.window).await;
    // On a busy machine, a short window may end before the first response.
    let deadline = Instant::now() + LONGEST_WINDOW;
    while load.completed() == before.completed && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
    let after = Reading::take(candidate, stores, &load)?;
    let resident_kib = proc::resident_kib(candidate.process())?;
    let samples = load.stop().await?;
    let calls = after.completed - before.completed;
    ensure!(calls > 0, "{} answered nothing", candidate.kind);
    #[expect(clippy::cast_precision_loss, reason = "so many calls are not made")]
    let count = calls as f64;
    let in_window =
        samples.into_iter().filter(|sample| sample.at >= before.at && sample.at < after.at).collect();
    let per_1000 = |used: fn(&Cpu) -> f64| (used(&after.cpu_secs) - used(&before.cpu_secs)) * 1000.0 / count;
    Ok(Measurement {
        candidate: candidate.kind.to_string(),
        calls,
        calls_per_sec: count / (after.at - before.at).as_secs_f64(),
        latency_ms: Latency::of(in_window),
        cpu_secs_per_1000_calls: Cpu {
            service: per_1000(|cpu| cpu.service),
            postgres: per_1000(|cpu| cpu.postgres),
            redis: per_1000(|cpu| cpu.redis),
        },
        resident_kib,
    })
}

struct Reading {
    at: Instant,
    completed: u64,
    /// Since the start of the processes.
    cpu_secs: Cpu,
}

impl Reading {
    fn take(candidate: &Candidate, stores: &Stores, load: &Load) -> Result<Self> {
        let cpu_secs = Cpu {
            service: proc::cpu_secs(candidate.process())?,
            postgres: proc::cpu_secs(stores.postgres.process())?,
            redis: proc::cpu_secs(stores.redis.process())?,
        };
        Ok(Self { at: Instant::now(), completed: load.completed(), cpu_secs })
    }
}

impl Latency {
    fn of(samples: Vec<Sample>) -> Self {
        let mut latencies: Vec<Duration> = samples.into_iter().map(|sample| sample.latency).collect();
        latencies.sort_unstable();
        // Per mille, rounded up to the next sample.
        let at = |per_mille: usize| {
            let index = (latencies.len() * per_mille).div_ceil(1000).saturating_sub(1);
            latencies.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
        };
        Self { p50: at(500), p90: at(900), p99: at(990), p999: at(999), max: at(1000) }
    }
}
