//! The results as a table. Every ratio is one of two measurements of the same round, and the table
//! shows the median of all rounds.

use std::fmt::Write as _;

use super::measure::Measurement;
use super::run::Report;
use super::scenario::Results;

const HEAD: &str = "\
| | calls/s | of floor with ledger | of floor | CPU s per 1,000: service | × floor with ledger | Postgres | Redis \
| p50 ms | p99 ms | × floor with ledger | MiB |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

pub(crate) fn text(report: &Report) -> String {
    let fsync = if report.fsync { "on" } else { "off" };
    let mut text =
        format!("{} cores, {}; fsync {fsync}; {} contacts\n", report.cores, report.machine, report.contacts);
    for results in &report.scenarios {
        let _ = write!(text, "\n{}", table(results));
    }
    if !report.round_trips.is_empty() {
        text += "\nRound trips of one call\n\n| | Postgres | Redis | provider |\n|---|--:|--:|--:|\n";
    }
    for trips in &report.round_trips {
        let (postgres, redis, provider) = (trips.postgres, trips.redis, trips.provider);
        let _ = writeln!(text, "| {} | {postgres:.1} | {redis:.1} | {provider:.1} |", trips.candidate);
    }
    if !report.growth.is_empty() {
        text += "\nIn the small and in the large database, ms in the median\n\n| | small | large | × |\n|---|--:|--:|--:|\n";
    }
    for operation in &report.growth {
        let (name, few, many) = (operation.name, operation.few_ms, operation.many_ms);
        let _ = writeln!(text, "| {name} | {few:.2} | {many:.2} | **{:.2}** |", many / few);
    }
    for decision in &report.decisions {
        let (all, without) = (decision.dry_run_ms, decision.dry_run_without_rules_ms);
        let _ = writeln!(
            text,
            "\n{}: a decision that refuses uses {:.3} ms of CPU (a dry run {all:.3}, without rules {without:.3})",
            decision.candidate,
            all - without
        );
    }
    for ringing in &report.ringing {
        let _ = writeln!(
            text,
            "\n{}, {} calls ringing: {:.1} KiB resident for each (before: {:.0} MiB in all); \
             p99 of GET /api/calls/{{id}} {:.1} ms, {:.1} times that without them",
            ringing.candidate,
            ringing.calls,
            ringing.resident_kib_per_call,
            kib_to_mib(ringing.resident_kib_before),
            ringing.read_p99_ms,
            ringing.read_p99_ms / ringing.read_p99_ms_before
        );
    }
    for rounds in &report.sqlite {
        let Some(first) = rounds.first() else { continue };
        let calls = rounds.iter().map(|round| round.calls.calls_per_sec).collect();
        let syncs = rounds.iter().map(|round| round.syncs_per_sec).collect();
        let ratios = rounds.iter().map(|round| round.calls.calls_per_sec / round.syncs_per_sec).collect();
        let [calls, syncs, ratio] = [calls, syncs, ratios].map(|values| median(values).unwrap_or(0.0));
        let _ = writeln!(
            text,
            "\n{} with SQLite, 64 connections: {calls:.0} durable calls/s, {ratio:.2} times the {syncs:.0} \
             fsyncs/s of the disk; CPU {:.3} s per 1,000 calls",
            first.calls.candidate, first.calls.cpu_secs_per_1000_calls.service
        );
    }
    text
}

fn table(results: &Results) -> String {
    let mut text = format!("{}\n\n{HEAD}", results.description);
    let Some(first) = results.rounds.first() else { return text };
    for candidate in first.iter().map(|measurement| measurement.candidate.as_str()) {
        let rounds = Rounds { results, candidate };
        let of_floor = |name, value: fn(&Measurement) -> f64| rounds.ratio(name, value);
        let speed = |m: &Measurement| m.calls_per_sec;
        let _ = writeln!(
            text,
            "| {candidate} | {:.0} | {} | {} | {:.3} | {} | {:.3} | {:.3} | {:.1} | {:.1} | {} | {:.0} |",
            rounds.median(speed),
            of_floor("floor with ledger", speed),
            of_floor("floor", speed),
            rounds.median(|m| m.cpu_secs_per_1000_calls.service),
            of_floor("floor with ledger", |m| m.cpu_secs_per_1000_calls.service),
            rounds.median(|m| m.cpu_secs_per_1000_calls.postgres),
            rounds.median(|m| m.cpu_secs_per_1000_calls.redis),
            rounds.median(|m| m.latency_ms.p50),
            rounds.median(|m| m.latency_ms.p99),
            of_floor("floor with ledger", |m| m.latency_ms.p99),
            rounds.median(|m| kib_to_mib(m.resident_kib)),
        );
    }
    text
}

/// The measurements of one candidate.
struct Rounds<'a> {
    results: &'a Results,
    candidate: &'a str,
}

impl Rounds<'_> {
    fn values(&self, value: fn(&Measurement) -> f64) -> Vec<f64> {
        let measurements = self.results.rounds.iter().flatten();
        measurements.filter(|m| m.candidate == self.candidate).map(value).collect()
    }

    fn median(&self, value: fn(&Measurement) -> f64) -> f64 {
        median(self.values(value)).unwrap_or(0.0)
    }

    /// The median, and in parentheses the lowest and the highest ratio.
    fn ratio(&self, to: &str, value: fn(&Measurement) -> f64) -> String {
        let others = Rounds { results: self.results, candidate: to }.values(value);
        let ratios = self.values(value).into_iter().zip(others).map(|(a, b)| a / b);
        // In a short window, a service may use less CPU than `/proc` can show.
        let mut ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
        ratios.sort_by(f64::total_cmp);
        match (ratios.first(), median(ratios.clone()), ratios.last()) {
            (Some(lowest), Some(median), Some(highest)) if self.candidate != to => {
                format!("**{median:.2}** ({lowest:.2}–{highest:.2})")
            }
            (None, ..) => "–".to_owned(),
            _ => "1".to_owned(),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) && middle > 0 {
        return Some((values[middle - 1] + values[middle]) / 2.0);
    }
    values.get(middle).copied()
}

#[expect(clippy::cast_precision_loss, reason = "no process has so much memory")]
fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
