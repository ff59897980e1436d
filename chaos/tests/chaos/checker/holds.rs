//! I2 and I3: the lock and the reservation of a call while its phone rings.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Invariant::{FreedByTheOwner, HeldWhileRinging};
use super::Violation;
use crate::evidence::{Dial, Evidence, Part};
use crate::observer::Sample;
use crate::topology::Storage;
use crate::view::Reservation;

/// A sample that is this close to the beginning or the end of a ring may show the moment before or
/// after it.
const EDGE: Duration = Duration::from_millis(100);
/// Renewals were late if the samples are this far apart: the machine has paused.
const STALL: Duration = Duration::from_millis(300);
/// How long before its last check a call may have been booked.
const BOOKED_BEFORE: Duration = Duration::from_millis(1600);
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

/// The reservation is durable: whatever fails, it stays while the phone rings. If no outcome was ever
/// recorded, or an unknown one, it stays to its own end.
fn reservation(evidence: &Evidence, dial: &Dial) -> Option<Violation> {
    let state = evidence.calls.get(&dial.call_id).map(|call| call.state.as_str());
    let is_undecided = matches!(state, Some("dialling" | "unknown"));
    let until = match is_undecided {
        true => dial.rings_until.max(dial.checked_at.min(dial.at) + evidence.reserved - BOOKED_BEFORE),
        false => dial.rings_until,
    };
    let clock_stepped =
        evidence.is_disturbed(Part::LedgerClock, dial.at.saturating_sub(evidence.reserved), until);
    let is_held = |sample: &Sample| {
        let Some(reservations) = &sample.reservations else { return true };
        reservations.get(&dial.call_id).is_some_and(|reservation| !reservation.is_over || clock_stepped)
    };
    let held = evidence.samples_between(dial.at + EDGE, until.saturating_sub(EDGE));
    let missing = held.iter().find(|sample| !is_held(sample))?;
    Some(HeldWhileRinging.broken(format!(
        "{} (now {}) rings from {:?} to {:?} and has no reservation at {:?}",
        dial.reason,
        state.unwrap_or("missing"),
        dial.at,
        dial.rings_until,
        missing.from
    )))
}

/// The number of dials whose lock was watched.
pub(crate) fn watched_locks(evidence: &Evidence) -> usize {
    evidence.dials.iter().filter(|dial| watched(evidence, dial).is_some()).count()
}

/// The samples in which a call must have its lock. `None` if the lock may be lost, or if the samples
/// are not close enough.
fn watched<'a>(evidence: &'a Evidence, dial: &Dial) -> Option<&'a [Sample]> {
    let request = evidence.request_of(dial)?;
    let ended = request.status().and(request.ended)?;
    let begins = dial.at.saturating_sub(RECOVERY);
    let mut parts = vec![Part::Locks, Part::LocksOf(request.gateway)];
    match evidence.topology.storage {
        Storage::Services => parts.push(Part::Gateway(request.gateway)),
        // A gateway that is stopped while it writes keeps the others from writing.
        Storage::File => parts.extend((0..evidence.topology.replicas).map(Part::Gateway)),
    }
    if parts.iter().any(|part| evidence.is_disturbed(*part, begins, ended)) {
        return None;
    }
    let in_flight = evidence.samples_between(dial.at + EDGE, ended.saturating_sub(EDGE));
    let is_close = in_flight.windows(2).all(|pair| pair[1].from - pair[0].from <= STALL);
    (is_close && in_flight.len() > 1).then_some(in_flight)
}

/// The lock is renewed until the provider responds, as long as its store can be reached.
fn lock(evidence: &Evidence, dial: &Dial) -> Option<Violation> {
    let in_flight = watched(evidence, dial)?;
    let lost = |sample: &Sample| {
        let (Some(locks), Some(reservations)) = (&sample.locks, &sample.reservations) else { return false };
        let Some(Reservation { key, token, .. }) = reservations.get(&dial.call_id) else { return false };
        locks.get(key) != Some(token)
    };
    let first = in_flight.iter().position(lost)?;
    // The lock and the reservation of one sample were not read at the same moment.
    let (sample, next) = (&in_flight[first], in_flight.get(first + 1)?);
    lost(next).then(|| {
        FreedByTheOwner.broken(format!(
            "{} is in flight from {:?} and has lost its lock at {:?}",
            dial.reason, dial.at, sample.from
        ))
    })
}

/// All calls of an intent have one key.
fn keys(evidence: &Evidence) -> Vec<Violation> {
    let mut keys: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut with_another_key: BTreeSet<&str> = BTreeSet::new();
    for sample in &evidence.samples {
        for (call_id, Reservation { key, .. }) in sample.reservations.iter().flatten() {
            let Some(call) = evidence.calls.get(call_id) else { continue };
            if *keys.entry((&call.user, &call.number)).or_insert(key) != key {
                with_another_key.insert(call_id);
            }
        }
    }
    let broken = |call_id| HeldWhileRinging.broken(format!("call {call_id} has a second key of its intent"));
    with_another_key.into_iter().map(broken).collect()
}
