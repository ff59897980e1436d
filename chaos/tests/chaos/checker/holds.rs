//! I2 and I3: the lock and the reservation of a call while its phone rings.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Invariant::{FreedByTheOwner, HeldWhileRinging};
use super::Violation;
use crate::evidence::{Dial, Evidence, Part};
use crate::observer::Sample;

/// A sample that is this close to the beginning or the end of a ring may show the moment before or
/// after it.
const EDGE: Duration = Duration::from_millis(100);
/// Renewals were late if the samples are this far apart: the machine has paused.
const STALL: Duration = Duration::from_millis(300);
/// A store that has just recovered may still lack what it got meanwhile.
const RECOVERY: Duration = Duration::from_millis(1500);

pub(super) fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut violations = Vec::new();
    for dial in &evidence.dials {
        if !evidence.was_paused_before_its_send(dial) {
            violations.extend(reservation(evidence, dial));
            violations.extend(lock(evidence, dial));
        }
    }
    violations.extend(keys(evidence));
    violations
}

/// The reservation is durable: whatever fails, it stays while the phone rings.
fn reservation(evidence: &Evidence, dial: &Dial) -> Option<Violation> {
    let ringing = evidence.samples_between(dial.at + EDGE, dial.rings_until.saturating_sub(EDGE));
    let missing = ringing
        .iter()
        .find(|sample| sample.reservations.as_ref().is_some_and(|all| !all.contains_key(&dial.call_id)))?;
    Some(HeldWhileRinging.broken(format!(
        "{} rings from {:?} to {:?} and has no reservation at {:?}",
        dial.reason, dial.at, dial.rings_until, missing.from
    )))
}

/// The lock is renewed until the provider responds, as long as its store can be reached.
fn lock(evidence: &Evidence, dial: &Dial) -> Option<Violation> {
    let request = evidence.request_of(dial)?;
    let ended = request.status().and(request.ended)?;
    let begins = dial.at.saturating_sub(RECOVERY);
    let parts = [Part::Gateway(request.gateway), Part::Locks, Part::LocksOf(request.gateway)];
    if parts.iter().any(|part| evidence.is_disturbed(*part, begins, ended)) {
        return None;
    }
    let in_flight = evidence.samples_between(dial.at + EDGE, ended.saturating_sub(EDGE));
    if in_flight.windows(2).any(|pair| pair[1].from - pair[0].from > STALL) {
        return None;
    }
    let lost = |sample: &Sample| {
        let (Some(locks), Some(reservations)) = (&sample.locks, &sample.reservations) else { return false };
        let Some((key, token)) = reservations.get(&dial.call_id) else { return false };
        locks.get(key) != Some(token)
    };
    let first = in_flight.iter().position(lost)?;
    // The lock and the reservation of one sample were not read at the same moment.
    let (sample, next) = (&in_flight[first], in_flight.get(first + 1)?);
    lost(next).then(|| {
        FreedByTheOwner.broken(format!(
            "{} is in flight from {:?} to {ended:?} and has lost its lock at {:?}",
            dial.reason, dial.at, sample.from
        ))
    })
}

/// All calls of an intent have one key, and no key belongs to two intents.
fn keys(evidence: &Evidence) -> Vec<Violation> {
    let mut keys: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut violations = Vec::new();
    for sample in &evidence.samples {
        for (call_id, (key, _)) in sample.reservations.iter().flatten() {
            let Some(call) = evidence.calls.get(call_id) else { continue };
            let first = *keys.entry((&call.user, &call.number)).or_insert(key);
            if first != key {
                violations
                    .push(HeldWhileRinging.broken(format!("call {call_id} has a second key of its intent")));
            }
        }
    }
    violations.dedup_by(|one, other| one.text == other.text);
    violations
}
