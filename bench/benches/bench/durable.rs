//! The embedded file: durable calls a second, beside what the disk does in the same folder.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::candidate::Candidate;
use super::load::Shape;
use super::measure::{Measurement, Times, measure};
use super::provider::{Provider, Ring};
use super::stores::Stores;

/// A page of SQLite.
const PAGE: [u8; 4096] = [7; 4096];

/// The calls of one round, and the disk before and after.
#[derive(Debug, Serialize)]
pub(crate) struct Durable {
    pub(crate) syncs_per_sec: f64,
    pub(crate) calls: Measurement,
}

pub(crate) async fn run(
    gateway: &Candidate,
    stores: &Stores,
    provider: &Provider,
    rounds: usize,
    times: Times,
) -> Result<Vec<Durable>> {
    provider.set(Ring::For(Duration::ZERO));
    let mut results = Vec::new();
    for _ in 0..rounds {
        let before = syncs_per_sec(stores.folder(), times.window / 4)?;
        let calls = measure(gateway, stores, Shape::Closed(64), gateway.calls(), times).await?;
        let after = syncs_per_sec(stores.folder(), times.window / 4)?;
        let syncs_per_sec = f64::midpoint(before, after);
        super::say(&format!("sqlite: {:.0} calls/s, {syncs_per_sec:.0} syncs/s", calls.calls_per_sec));
        results.push(Durable { syncs_per_sec, calls });
    }
    Ok(results)
}

/// How often the disk makes a page durable that is appended to a file.
fn syncs_per_sec(folder: &Path, time: Duration) -> Result<f64> {
    let path = folder.join("syncs");
    let mut file = File::create(&path)?;
    let (start, mut syncs) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        file.write_all(&PAGE)?;
        file.sync_data()?;
        syncs += 1;
    }
    let rate = f64::from(syncs) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
