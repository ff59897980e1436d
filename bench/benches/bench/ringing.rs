//! Many calls whose phones ring at the same time: their memory, and how fast a call is read meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::candidate::Candidate;
use super::http::Connection;
use super::load::{NextRequest, Shape};
use super::measure::{Times, measure};
use super::proc::resident_kib;
use super::provider::{Provider, Ring};
use super::stores::Stores;

const CALLS: u64 = 10_000;

/// Calls on their way to the provider, while the phones begin to ring.
const AT_A_TIME: u64 = 32;

/// Calls that are read.
const READ: usize = 100;
const READS_PER_SEC: u64 = 200;

/// The gateway has two files open for each call, and needs some more.
const FILES_PER_CALL: u64 = 2;
const OTHER_FILES: u64 = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Ringing {
    pub(crate) candidate: String,
    /// How many phones rang at the same time.
    pub(crate) calls: u64,
    pub(crate) resident_kib_before: u64,
    pub(crate) resident_kib_per_call: f64,
    /// Of `GET /api/calls/{id}`, in milliseconds.
    pub(crate) read_p99_ms_before: f64,
    pub(crate) read_p99_ms: f64,
}

/// As many calls as the limit of open files allows, up to 10,000. Raises the limit as far as this
/// program may, for the processes that it starts later.
pub(crate) fn possible_calls() -> Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let files = limit.maximum.unwrap_or(u64::MAX);
    Ok((files.saturating_sub(OTHER_FILES) / FILES_PER_CALL).min(CALLS))
}

pub(crate) async fn run(
    gateway: &Candidate,
    stores: &Stores,
    provider: &Provider,
    calls: u64,
    times: Times,
) -> Result<Ringing> {
    gateway.clean(stores).await?;
    provider.set(Ring::For(Duration::ZERO));
    let reads = reads(gateway).await?;
    let read = async || measure(gateway, stores, Shape::Open(READS_PER_SEC), reads.clone(), times).await;
    let before = read().await?;

    provider.set(Ring::On);
    let resident_kib_before = resident_kib(gateway.process())?;
    let mut ringing = JoinSet::new();
    let (first, next_call) = (provider.dials(), gateway.calls());
    for sent in 1..=calls {
        ringing.spawn(place(gateway.address, next_call()));
        let least = if sent == calls { calls } else { sent.saturating_sub(AT_A_TIME) };
        let wait = async {
            while provider.dials() < first + least {
                // While all phones ring, only an error ends a call.
                if let Some(ended) = ringing.try_join_next() {
                    ended??;
                }
                sleep(Duration::from_millis(1)).await;
            }
            anyhow::Ok(())
        };
        let dialled = timeout(Duration::from_secs(30), wait).await;
        dialled.with_context(|| format!("the gateway dials no more after {sent} calls"))??;
    }
    let resident_kib_after = resident_kib(gateway.process())?;
    let during = read().await?;

    provider.set(Ring::For(Duration::ZERO));
    while let Some(ended) = ringing.join_next().await {
        ended??;
    }
    #[expect(clippy::cast_precision_loss, reason = "no process has so much memory")]
    let resident_kib_per_call = resident_kib_after.saturating_sub(resident_kib_before) as f64 / calls as f64;
    Ok(Ringing {
        candidate: gateway.kind.to_string(),
        calls,
        resident_kib_before,
        resident_kib_per_call,
        read_p99_ms_before: before.latency_ms.p99,
        read_p99_ms: during.latency_ms.p99,
    })
}

async fn place(address: std::net::SocketAddr, request: Vec<u8>) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address).await?;
    let response = connection.exchange(&request).await?;
    anyhow::ensure!(response.is_ok(), "{}", String::from_utf8_lossy(response.body));
    Ok(response.body.to_vec())
}

/// Places some calls, and returns the requests that read them.
async fn reads(gateway: &Candidate) -> Result<NextRequest> {
    let next_call = gateway.calls();
    let mut requests = Vec::new();
    for _ in 0..READ {
        let response: Value = serde_json::from_slice(&place(gateway.address, next_call()).await?)?;
        let id = response["callId"].as_str().context("a response without callId")?;
        let headers = gateway.authorization();
        requests
            .push(format!("GET /api/calls/{id} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes());
    }
    let next = AtomicUsize::new(0);
    Ok(Arc::new(move || requests[next.fetch_add(1, Relaxed) % requests.len()].clone()))
}
