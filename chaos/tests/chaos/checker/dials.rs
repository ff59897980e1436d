//! I1, I7 and I10: which dials were made, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Invariant::{Bounded, OneDialInTheWindow, RefusedIsNotDialled};
use super::Violation;
use crate::evidence::{Dial, Evidence, Part};
use crate::history::{Kind, Reply, Request};
use crate::intents::Intent;

/// The clocks of the simulator and of the run are read one after the other.
const TOLERANCE: Duration = Duration::from_millis(30);

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = windows(evidence);
    violations.extend(refusals(evidence));
    violations.extend(bounds(evidence));
    violations
}

fn windows(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut by_request: BTreeMap<usize, usize> = BTreeMap::new();
    for dial in &evidence.dials {
        if let Some(request) = evidence.request_of(dial) {
            *by_request.entry(request.number).or_default() += 1;
        }
    }
    for (request, count) in by_request.into_iter().filter(|(_, count)| *count > 1) {
        violations.push(OneDialInTheWindow.broken(format!("request {request} was dialled {count} times")));
    }
    let intents: BTreeSet<Intent> = evidence.requests.iter().map(|request| request.intent).collect();
    for intent in intents {
        let of_intent =
            |dial: &&Dial| evidence.request_of(dial).is_some_and(|request| request.intent == intent);
        let dials: Vec<&Dial> = evidence.dials.iter().filter(of_intent).collect();
        for (index, first) in dials.iter().enumerate() {
            let free_at = first.rings_until + hold(evidence, first);
            let too_early = dials[index + 1..].iter().take_while(|second| second.at + TOLERANCE < free_at);
            for second in too_early {
                if [first, second].iter().any(|dial| evidence.was_paused_before_its_send(dial)) {
                    continue;
                }
                violations.push(OneDialInTheWindow.broken(format!(
                    "{} at {:?} rings until {:?}, and {} at {:?}",
                    first.reason, first.at, first.rings_until, second.reason, second.at
                )));
            }
        }
    }
    violations
}

/// How long a dial keeps its intent after the ring. If its reservation may have ended early, and its
/// lock ended with its gateway, the provider's record decides, which is no longer than the ring.
fn hold(evidence: &Evidence, dial: &Dial) -> Duration {
    let from = dial.at.saturating_sub(evidence.reserved);
    match evidence.is_disturbed(Part::LedgerClock, from, dial.rings_until + evidence.hold) {
        true => Duration::ZERO,
        false => evidence.hold,
    }
}

fn refusals(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for dial in &evidence.dials {
        let Some(request) = evidence.request_of(dial) else {
            violations
                .push(RefusedIsNotDialled.broken(format!("no request has the reason {:?}", dial.reason)));
            continue;
        };
        if !may_have_dialled(request) {
            let (status, code) = (request.status(), request.code());
            violations
                .push(RefusedIsNotDialled.broken(format!("{} was dialled: {status:?} {code}", dial.reason)));
        }
        if dial.number != request.intent.number() || !dial.has_ringing_timeout {
            let text = format!("{} dialled another number, or without its ringing timeout", dial.reason);
            violations.push(RefusedIsNotDialled.broken(text));
        }
    }
    violations
}

/// Whether a request with this response may have made a dial.
fn may_have_dialled(request: &Request) -> bool {
    request.kind == Kind::Call
        && match &request.reply {
            Reply::Broken | Reply::HungUp => true,
            Reply::Response { .. } => {
                request.is_new_call()
                    || ["CALL_OUTCOME_UNKNOWN", "CALL_NOT_CONNECTED"].contains(&request.code())
            }
        }
}

/// A gateway waits for the provider's response while the phone rings.
fn bounds(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let ends = |dial: &Dial, request: &Request| request.ended.unwrap_or(dial.at).min(dial.rings_until);
    let in_flight: Vec<(usize, Duration, Duration)> = evidence
        .dials
        .iter()
        .filter_map(|dial| evidence.request_of(dial).map(|request| (dial, request)))
        .filter(|(_, request)| request.status().is_some())
        .map(|(dial, request)| (request.gateway, dial.at + TOLERANCE, ends(dial, request)))
        .collect();
    for (gateway, at, _) in &in_flight {
        let running = |(other, from, until): &&(usize, Duration, Duration)| {
            other == gateway && from <= at && at < until
        };
        let count = in_flight.iter().filter(running).count();
        if count > evidence.max_in_flight {
            violations
                .push(Bounded.broken(format!("gateway {gateway} has {count} calls in flight at {at:?}")));
        }
    }
    violations
}
