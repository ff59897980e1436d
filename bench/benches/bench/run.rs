//! One run: everything that the options ask for, and its report.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::candidate::{Backends, Candidate, Kind, prepare};
use super::decision::{self, Decision};
use super::durable::{self, Durable};
use super::growth;
use super::options::{Mode, Options};
use super::proc;
use super::provider::Provider;
use super::report;
use super::ringing::{self, Ringing};
use super::round_trips::{self, RoundTrips};
use super::scenario::{Results, SCENARIOS};
use super::stores::Stores;

/// What the file contains.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: String,
    pub(crate) cores: usize,
    pub(crate) fsync: bool,
    pub(crate) contacts: u64,
    pub(crate) scenarios: Vec<Results>,
    pub(crate) round_trips: Vec<RoundTrips>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) ringing: Vec<Ringing>,
    pub(crate) sqlite: Vec<Vec<Durable>>,
    /// What else grows with the ledger.
    pub(crate) growth: Vec<growth::Operation>,
}

pub(crate) async fn run(options: &Options) -> Result<()> {
    // Before the first process is started: it gets the same limit.
    let ringing_calls = ringing::possible_calls()?;
    let (stores, provider) = (Stores::start(options.has_fsync).await?, Provider::start().await?);
    let backends = Backends {
        postgres: stores.postgres.address,
        redis: stores.redis.address,
        provider: provider.address(),
    };
    let (cores, machine) = proc::machine()?;
    let mut report = Report {
        machine,
        cores,
        fsync: options.has_fsync,
        contacts: options.contacts(),
        scenarios: Vec::new(),
        round_trips: Vec::new(),
        decisions: Vec::new(),
        ringing: Vec::new(),
        sqlite: Vec::new(),
        growth: Vec::new(),
    };
    let done = fill(&mut report, options, &stores, &provider, backends, ringing_calls).await;
    // What was measured before an error is shown, too.
    super::print(&report::text(&report));
    write_json(&report)?;
    done
}

async fn fill(
    report: &mut Report,
    options: &Options,
    stores: &Stores,
    provider: &Provider,
    backends: Backends,
    ringing_calls: u64,
) -> Result<()> {
    let contacts = options.contacts();
    let (_, gateway) = options.gateways.first().context("no gateway")?;
    prepare(stores, gateway, backends, contacts).await?;
    let kinds = kinds(options);
    let mut candidates = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        candidates.push(Candidate::start(kind, number, stores, backends, contacts).await?);
    }
    for scenario in SCENARIOS.iter().filter(|scenario| options.runs(scenario.name)) {
        let results = scenario.run(&candidates, stores, provider, options);
        report.scenarios.push(results.await?);
    }
    if options.runs("decision") {
        let dry_runs = if options.mode == Mode::Smoke { 100 } else { 5000 };
        for gateway in candidates.iter().filter(|candidate| candidate.kind.is_gateway()) {
            report.decisions.push(decision::run(gateway, stores, dry_runs).await?);
        }
    }
    if options.runs("ringing") {
        let calls = if options.mode == Mode::Smoke { ringing_calls.min(200) } else { ringing_calls };
        for gateway in candidates.iter().filter(|candidate| candidate.kind.is_gateway()) {
            report.ringing.push(ringing::run(gateway, stores, provider, calls, options.times()).await?);
        }
    }
    let mut number = candidates.len();
    drop(candidates);
    if options.runs("trips") {
        for kind in &kinds {
            report.round_trips.push(round_trips::count(kind, number, stores, provider, contacts).await?);
            number += 1;
        }
    }
    if options.runs("sqlite") {
        for (name, program) in options.gateways.iter().cloned() {
            let kind = Kind::GatewayWithSqlite(name, program);
            let gateway = Candidate::start(&kind, number, stores, backends, contacts).await?;
            let results = durable::run(&gateway, stores, provider, options.rounds, options.times());
            report.sqlite.push(results.await?);
            number += 1;
        }
    }
    if options.runs("growth") {
        let (results, operations) = growth::run(options, number, stores, provider, backends).await?;
        report.scenarios.push(results);
        report.growth = operations;
    }
    Ok(())
}

fn kinds(options: &Options) -> Vec<Kind> {
    let mut kinds = vec![Kind::Floor, Kind::FloorWithLedger];
    if options.mode != Mode::Quick {
        kinds.push(Kind::Stock);
    }
    kinds.extend(options.gateways.iter().cloned().map(|(name, path)| Kind::Gateway(name, path)));
    kinds
}

fn write_json(report: &Report) -> Result<()> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    std::fs::create_dir_all(&target)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let file = target.join(format!("{now}.json"));
    std::fs::write(&file, serde_json::to_vec_pretty(report)?)?;
    super::say(&format!("all measurements: {}", file.display()));
    Ok(())
}
