//! What reads or writes the ledger beside calls: pages of the history, publishing, and removing old data.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::super::candidate::Candidate;
use super::super::http::Connection;
use super::super::options::Mode;
use super::super::stores::Stores;

/// An operation in both databases, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) few_ms: f64,
    pub(crate) many_ms: f64,
}

/// The pages of the history: everything, and with filters.
const PAGES: [(&str, &str); 5] = [
    ("history: first page", "limit=50"),
    ("history: of a contact", "limit=50&contactId=c77"),
    ("history: of a number", "limit=50&toNumber=%2B14162000078"),
    ("history: by status and agent", "limit=50&status=completed&agentId=a1"),
    ("history: an hour of a year", "limit=50&from={from}&to={to}"),
];

/// The events that are published at a time.
const EVENTS: u32 = 200;
const ROUNDS: usize = 31;

/// The statements that remove a batch, with the settings of the gateway's sessions.
const REMOVALS: [(&str, &str); 2] = [
    (
        "removing 250 calls",
        include_str!("../../../../crates/adapter-postgres/src/retention/remove_calls.sql"),
    ),
    (
        "removing 250 call events",
        include_str!("../../../../crates/adapter-postgres/src/retention/remove_call_events.sql"),
    ),
];

pub(super) async fn measure(
    few: &Candidate,
    many: &Candidate,
    stores: &Stores,
    mode: Mode,
) -> Result<Vec<Operation>> {
    let rounds = if mode == Mode::Smoke { 3 } else { ROUNDS };
    let mut operations = Vec::new();
    for (name, query) in PAGES {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (candidate, times) in [few, many].into_iter().zip(&mut times) {
                times.push(page(candidate, stores, query).await?);
            }
        }
        operations.push(operation(name, times)?);
    }
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (candidate, times) in [few, many].into_iter().zip(&mut times) {
            times.push(publish(candidate, stores, round).await?);
        }
    }
    operations.push(operation("publishing 200 events, with one call", times)?);
    for (name, statement) in REMOVALS {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (candidate, times) in [few, many].into_iter().zip(&mut times) {
                times.push(stores.rolled_back_ms(&candidate.database(), &removal(statement)).await?);
            }
        }
        operations.push(operation(name, times)?);
    }
    Ok(operations)
}

fn operation(name: &'static str, times: [Vec<f64>; 2]) -> Result<Operation> {
    let [few_ms, many_ms] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied()
    });
    Ok(Operation { name, few_ms: few_ms.context("no round")?, many_ms: many_ms.context("no round")? })
}

async fn page(candidate: &Candidate, stores: &Stores, query: &str) -> Result<f64> {
    let database = candidate.database();
    let mut query = query.to_owned();
    for (name, hours) in [("{from}", 0), ("{to}", 1)] {
        if query.contains(name) {
            let time = format!(
                "select to_char((now() - interval '100 days') at time zone 'utc' + interval '{hours} hours', \
                                'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            );
            query = query.replace(name, &stores.text(&database, &time).await?);
        }
    }
    let headers = candidate.authorization();
    let request = format!("GET /api/calls/history?{query} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    let mut connection = Connection::open(candidate.address).await?;
    let mut took = 0.0;
    // The first response may wait for a new connection to Postgres.
    for _ in 0..2 {
        let before = Instant::now();
        let response = connection.exchange(request.as_bytes()).await?;
        took = before.elapsed().as_secs_f64() * 1000.0;
        ensure!(response.is_ok(), "{}\n{}", response.head, String::from_utf8_lossy(response.body));
    }
    Ok(took)
}

/// Writes events that no process publishes, and then places a call, which wakes the publisher. Returns the
/// time from the response to the last event.
async fn publish(candidate: &Candidate, stores: &Stores, round: usize) -> Result<f64> {
    let written = format!(
        "insert into call_events (call_id, kind, status_rank, organization_id) \
         select id, 'round_{round}', 7, 'o1' from calls where status_rank = 7 limit {EVENTS}"
    );
    stores.execute(&candidate.database(), &written).await?;
    let mut connection = Connection::open(candidate.address).await?;
    let request = candidate.calls()();
    let response = connection.exchange(&request).await?;
    ensure!(response.is_ok(), "{}", response.head);
    let before = Instant::now();
    stores
        .wait_for_zero(&candidate.database(), "select count(*) from call_events where position is null")
        .await?;
    Ok(before.elapsed().as_secs_f64() * 1000.0)
}

/// Everything older than half a year, in a session like those of the gateway.
fn removal(statement: &str) -> String {
    let statement = statement.replace("$1", "now() - interval '182 days'").replace("$2", "250");
    format!(
        "set local jit = off; set local enable_seqscan = off; set local enable_hashjoin = off; \
         set local enable_mergejoin = off; {statement}"
    )
}
