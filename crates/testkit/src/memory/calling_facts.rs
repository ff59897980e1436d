//! What decisions depend on, and the attempts that bookings count.

use domain::ports::OutboundQuery;
use domain::{
    AttemptCount, Booking, CallId, CallPurpose, CallStatus, CallingFacts, ContactId, DialOutcome,
    NotConnectedReason, OrganizationId, PhoneNumber, RefusalCode, Timestamp,
};

use super::tables::{AttemptKey, CountedAttempts};
use super::{LedgerCall, Tables};

impl Tables {
    /// What a decision on a call of this organization to this callee depends on.
    pub(super) fn calling_facts(
        &self,
        organization_id: &OrganizationId,
        number: Option<&PhoneNumber>,
        contact_id: Option<&ContactId>,
        query: &OutboundQuery<'_>,
    ) -> CallingFacts {
        let directory = &self.directory;
        let policy = self.policies.get(organization_id).cloned();
        let attempts = number.and_then(|number| {
            self.attempts.get(&(organization_id.clone(), number.clone(), query.subject.cloned()))
        });
        let needs_calls = policy.is_some() || query.purpose.unwrap_or_default() != CallPurpose::Informational;
        let latest = number.filter(|_| needs_calls).map(|number| self.latest_calls(organization_id, number));
        let latest = latest.unwrap_or_default();
        let known_at = |call: &LedgerCall| call.dial.as_ref().map_or(call.booking.booked_at, |(_, at)| *at);
        CallingFacts {
            policy,
            place: contact_id.and_then(|id| directory.places.get(id)).cloned().unwrap_or_default(),
            is_suppressed: directory.is_suppressed(organization_id, number, contact_id, query.now),
            do_not_call_lists: directory.do_not_call_lists_with(organization_id, number),
            consents: directory.consents_of(organization_id, number, contact_id),
            attempts: attempts.map_or_else(Vec::new, CountedAttempts::times),
            last_conversation: latest
                .iter()
                .filter(|call| was_answered(call))
                .map(|call| known_at(call))
                .max(),
            last_decline: latest.iter().filter(|call| was_declined(call)).map(|call| known_at(call)).max(),
            last_caller: latest
                .iter()
                .find(|call| was_answered(call))
                .map(|call| call.booking.identity.from.clone()),
        }
    }

    /// The newest calls of a number, newest first.
    fn latest_calls(&self, organization_id: &OrganizationId, number: &PhoneNumber) -> Vec<&LedgerCall> {
        let is_of_both = |call: &&LedgerCall| {
            let identity = &call.booking.identity;
            identity.organization_id == *organization_id && identity.to == *number
        };
        let mut calls: Vec<&LedgerCall> = self.calls.iter().filter(is_of_both).collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.booking.booked_at));
        calls.truncate(OutboundQuery::LATEST_CALLS as usize);
        calls
    }

    /// Why a condition of the booking does not hold.
    pub(super) fn refusal(&self, booking: &Booking) -> Option<RefusalCode> {
        let (identity, conditions) = (&booking.identity, &booking.conditions);
        let is_suppressed = self.directory.is_suppressed(
            &identity.organization_id,
            Some(&identity.to),
            Some(&identity.contact_id),
            booking.booked_at,
        );
        if conditions.refuse_suppressed && is_suppressed {
            return Some(RefusalCode::CalleeOptedOut);
        }
        let counted = self.attempts.get(&attempt_key(booking)).map_or_else(Vec::new, CountedAttempts::times);
        let caps = conditions.attempt.iter().flat_map(|attempt| &attempt.caps);
        let is_reached = |cap: &domain::Cap| {
            let counts = |at: &&Timestamp| at.after(cap.within) > booking.booked_at;
            counted.iter().filter(counts).count() >= cap.attempts as usize
        };
        caps.clone().any(is_reached).then_some(RefusalCode::AttemptCap)
    }

    pub(super) fn count_attempt(&mut self, booking: &Booking) {
        let Some(attempt) = &booking.conditions.attempt else { return };
        let counted = self.attempts.entry(attempt_key(booking)).or_default();
        counted.remember_for = counted.remember_for.max(attempt.remember_for);
        let remember_for = counted.remember_for;
        counted.attempts.retain(|(at, _)| at.after(remember_for) > booking.booked_at);
        let oldest = (counted.attempts.len() + 1).saturating_sub(AttemptCount::KEPT as usize);
        counted.attempts.drain(..oldest);
        counted.attempts.push((booking.booked_at, booking.identity.call_id.clone()));
    }

    pub(super) fn take_attempt_back(&mut self, call_id: &CallId) {
        for counted in self.attempts.values_mut() {
            counted.attempts.retain(|(_, id)| id != call_id);
        }
    }
}

impl CountedAttempts {
    fn times(&self) -> Vec<Timestamp> {
        self.attempts.iter().map(|(at, _)| *at).collect()
    }
}

fn attempt_key(booking: &Booking) -> AttemptKey {
    let identity = &booking.identity;
    (identity.organization_id.clone(), identity.to.clone(), booking.conditions.subject.clone())
}

fn was_answered(call: &LedgerCall) -> bool {
    call.progress.status.is_some_and(CallStatus::was_answered)
}

fn was_declined(call: &LedgerCall) -> bool {
    let reported = call.progress.failure.as_ref().map(|failure| failure.reason);
    let dialled = match &call.dial {
        Some((DialOutcome::NotConnected { reason, .. }, _)) => Some(*reason),
        _ => None,
    };
    [reported, dialled].contains(&Some(NotConnectedReason::Declined))
}
