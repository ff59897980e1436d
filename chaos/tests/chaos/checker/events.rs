//! Every change of a call is published: to streams once and in order, to receivers at least once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Invariant::{EventsArrive, Separate};
use super::Violation;
use crate::evidence::Evidence;
use crate::receiver::Delivered;

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = written(evidence);
    violations.extend(streamed(evidence));
    violations.extend(delivered(evidence));
    violations
}

/// Every call has the event of its booking, and every call that has ended the event of its end.
fn written(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in &evidence.events {
        kinds.entry(&event.call_id).or_default().push(&event.kind);
        if event.sequence.is_none() {
            violations.push(
                EventsArrive.broken(format!("{} of call {} is not published", event.kind, event.call_id)),
            );
        }
    }
    for call_id in evidence.calls.keys() {
        let kinds = kinds.get(call_id.as_str()).map_or(&[][..], Vec::as_slice);
        let has = |kind: &str| kinds.contains(&kind);
        let status = evidence.statuses.get(call_id).map_or("", String::as_str);
        let has_ended = ["completed", "failed", "no-answer", "busy"].contains(&status);
        if !has("call_initiated") || has_ended && !has("call_ended") {
            violations.push(
                EventsArrive.broken(format!("call {call_id} is {status} and has the events {kinds:?}")),
            );
        }
    }
    violations
}

fn streamed(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (organization, streamed) in &evidence.streamed {
        let expected: Vec<u64> = evidence
            .events
            .iter()
            .filter(|event| event.organization == *organization)
            .filter_map(|event| event.sequence)
            .collect();
        // A recording may be stored after the ledger was read: its event is not judged.
        let last = expected.last().copied().unwrap_or_default();
        let sequences = streamed.iter().map(|event| event.sequence);
        let received: Vec<u64> = sequences.filter(|sequence| *sequence <= last).collect();
        if received != expected {
            let missing = expected.iter().filter(|sequence| !received.contains(sequence)).count();
            let (received, expected) = (received.len(), expected.len());
            violations.push(EventsArrive.broken(format!(
                "the stream of {organization} had {received} of {expected} events; missing: {missing}"
            )));
        }
        violations.extend(foreign(organization, streamed.iter().map(|streamed| &streamed.event)));
    }
    violations
}

fn delivered(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (organization, delivered) in &evidence.delivered {
        let mut accepted: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for Delivered { id, event, .. } in delivered.iter().filter(|delivered| delivered.accepted) {
            let of = (event["data"]["callId"].as_str().unwrap_or(""), event["type"].as_str().unwrap_or(""));
            accepted.entry(of).or_default().insert(id);
        }
        let mut expected: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for event in evidence.events.iter().filter(|event| event.organization == *organization) {
            *expected.entry((&event.call_id, &event.kind)).or_default() += 1;
        }
        for (of, count) in expected {
            let arrived = accepted.get(&of).map_or(0, BTreeSet::len);
            if arrived < count {
                let (call_id, kind) = of;
                violations.push(EventsArrive.broken(format!("{kind} of call {call_id} was not delivered")));
            }
        }
        violations.extend(foreign(organization, delivered.iter().map(|delivered| &delivered.event)));
    }
    violations
}

fn foreign<'a>(organization: &str, events: impl Iterator<Item = &'a Value>) -> Vec<Violation> {
    events
        .filter(|event| event["data"]["organizationId"] != organization)
        .map(|event| {
            Separate.broken(format!("{organization} got event {} of another one", event["data"]["eventId"]))
        })
        .collect()
}
