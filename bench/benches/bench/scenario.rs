//! All candidates under one load, interleaved: A B C, A B C and so on.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::candidate::Candidate;
use super::load::Shape;
use super::measure::{Measurement, measure};
use super::options::{Mode, Options};
use super::provider::{Provider, Ring};
use super::stores::Stores;

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) shape: Shape,
    pub(crate) ring: Duration,
}

/// Without the ringing of 10,000 calls and without SQLite.
pub(crate) const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "closed",
        description: "64 connections, the provider answers immediately",
        shape: Shape::Closed(64),
        ring: Duration::ZERO,
    },
    Scenario {
        name: "slow",
        description: "512 connections, the provider answers after 200 ms",
        shape: Shape::Closed(512),
        ring: Duration::from_millis(200),
    },
    Scenario {
        name: "rate",
        description: "200 calls a second, the provider answers immediately",
        shape: Shape::Open(200),
        ring: Duration::ZERO,
    },
];

/// The measurements of each candidate, one of each round.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) rounds: Vec<Vec<Measurement>>,
}

impl Scenario {
    pub(crate) async fn run(
        &self,
        candidates: &[Candidate],
        stores: &Stores,
        provider: &Provider,
        options: &Options,
    ) -> Result<Results> {
        provider.set(Ring::For(self.ring));
        let (rounds, mut times) = (options.rounds, options.times());
        if matches!(self.shape, Shape::Open(_)) {
            // At a fixed rate there are few calls in a second.
            times.window = times.window * 5 / 2;
        }
        let is_smoke = options.mode == Mode::Smoke;
        let shape = if is_smoke { self.shape.at_most(8, 50) } else { self.shape };
        let mut results = Results { name: self.name, description: self.description, rounds: Vec::new() };
        for round in 1..=rounds {
            let mut measurements = Vec::new();
            for candidate in candidates {
                candidate.clean(stores).await?;
                let measured = measure(candidate, stores, shape, candidate.calls(), times).await;
                let measured = measured.with_context(|| format!("measuring {}", candidate.kind))?;
                super::say(&format!(
                    "{} {round}/{rounds}: {:>18} {:>8.0} calls/s",
                    self.name, measured.candidate, measured.calls_per_sec
                ));
                measurements.push(measured);
            }
            results.rounds.push(measurements);
        }
        Ok(results)
    }
}
