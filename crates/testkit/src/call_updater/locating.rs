//! Which call a report is about.

use std::time::Duration;

use domain::ports::{CallLookup, KnownParties, KnownPartiesQuery, PartiesLookup};
use domain::{
    Booking, CallId, CallIdentity, CallStatus, CallUpdate, DialOutcome, NotConnectedReason, NotDialledReason,
    ProviderCode, ProviderReference, UnknownCause,
};

use super::{A_SECOND, LONG};
use crate::call_ledger::booking::{book, tenant};
use crate::call_updates::{bare_conversation, merge, settle};
use crate::fixtures::{
    Tenant, call_id, conversation_id, moment, phone_number, provider_agent_id, provider_reference,
};
use crate::harness::CallsHarness;

/// A call is found by our id; by its conversation, known from the dial or from an update, also if
/// the lookup has an id that is not ours; and by both numbers, in either order, and the agent, if
/// no other call matches. A call with another known conversation does not match.
pub async fn a_call_is_found_by_its_identifiers(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let (answered, reported) = (tenant.booking(LONG), tenant.booking(LONG));
    let (answered_id, reported_id) = (conversation_id(), conversation_id());
    let reference = ProviderReference { conversation_id: Some(answered_id.clone()), ..provider_reference() };
    book(harness, &answered).await;
    book(harness, &reported).await;
    settle(harness, &answered, &DialOutcome::Placed(reference)).await;
    let mut update = bare_conversation(CallStatus::InProgress);
    update.conversation_id = Some(reported_id.clone());
    merge(harness, &reported, &update).await;

    let nothing = CallLookup::default();
    assert_eq!(locate(harness, &nothing).await, None);
    for (booking, id) in [(&answered, answered_id), (&reported, reported_id)] {
        let ours = CallLookup { call_id: Some(booking.identity.call_id.clone()), ..nothing.clone() };
        let disagreeing = CallLookup { conversation_id: Some(conversation_id()), ..ours.clone() };
        let theirs = CallLookup { conversation_id: Some(id), ..nothing.clone() };
        let foreign = CallLookup { call_id: Some(call_id()), ..theirs.clone() };
        for lookup in [ours, disagreeing, theirs, foreign] {
            assert_eq!(
                locate(harness, &lookup).await.as_ref(),
                Some(&booking.identity.call_id),
                "{lookup:?}"
            );
        }
    }
    let unknown =
        CallLookup { call_id: Some(call_id()), conversation_id: Some(conversation_id()), ..nothing.clone() };
    assert_eq!(locate(harness, &unknown).await, None);

    let by_parties = lookup(&tenant);
    let unknown_conversation = CallLookup { conversation_id: Some(conversation_id()), ..by_parties.clone() };
    assert_eq!(locate(harness, &by_parties).await, None, "two calls match");
    assert_eq!(locate(harness, &unknown_conversation).await, None, "both have other conversations");
    let only = Booking { booked_at: moment().after(A_SECOND), ..tenant.booking(LONG) };
    book(harness, &only).await;
    assert_eq!(locate(harness, &unknown_conversation).await.as_ref(), Some(&only.identity.call_id));
    let parties = PartiesLookup { booked_since: only.booked_at, ..parties(&tenant) };
    let turned = PartiesLookup { one: parties.other.clone(), other: parties.one.clone(), ..parties.clone() };
    for fitting in [&parties, &turned] {
        let lookup = CallLookup { parties: Some(fitting.clone()), ..nothing.clone() };
        assert_eq!(locate(harness, &lookup).await.as_ref(), Some(&only.identity.call_id), "{lookup:?}");
    }
    let mismatches = [
        PartiesLookup { one: phone_number(), ..parties.clone() },
        PartiesLookup { other: phone_number(), ..parties.clone() },
        PartiesLookup { provider_agent_id: provider_agent_id(), ..parties.clone() },
        PartiesLookup { booked_since: only.booked_at.after(Duration::from_millis(1)), ..parties.clone() },
        PartiesLookup { booked_until: only.booked_at.before(Duration::from_millis(1)), ..parties },
    ];
    for parties in mismatches {
        let lookup = CallLookup { parties: Some(parties), ..nothing.clone() };
        assert_eq!(locate(harness, &lookup).await, None, "{lookup:?}");
    }
}

/// A late report finds its ended call, and is not merged into the next call to the same contact:
/// while both match, neither is found.
pub async fn a_call_that_has_ended_is_still_found(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let late = CallLookup { conversation_id: Some(conversation_id()), ..lookup(&tenant) };
    let ended = tenant.booking(LONG);
    book(harness, &ended).await;
    let reason = NotConnectedReason::Busy;
    let reference = ProviderReference::default();
    settle(harness, &ended, &DialOutcome::NotConnected { reference, reason, code: None }).await;
    assert_eq!(locate(harness, &late).await.as_ref(), Some(&ended.identity.call_id));
    book(harness, &tenant.booking(LONG)).await;
    assert_eq!(locate(harness, &late).await, None, "both calls match");
}

/// A call that was not dialled has no conversation. Otherwise the transcript of a call that another
/// system placed between the same numbers would be merged into it. It does not make the numbers
/// ambiguous either, and it is still found by its id.
pub async fn a_call_that_was_not_dialled_is_not_found_by_numbers(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let by_parties = lookup(&tenant);
    let strangers = CallLookup { conversation_id: Some(conversation_id()), ..by_parties.clone() };
    let rejected = NotDialledReason::Rejected(ProviderCode::from_untrusted("agent_not_found"));
    for reason in [NotDialledReason::Unavailable, rejected] {
        let not_dialled = tenant.booking(LONG);
        book(harness, &not_dialled).await;
        settle(harness, &not_dialled, &DialOutcome::NotDialled(reason)).await;
        for lookup in [&by_parties, &strangers] {
            assert_eq!(locate(harness, lookup).await, None, "{lookup:?}");
        }
        let ours = CallLookup { call_id: Some(not_dialled.identity.call_id), ..by_parties.clone() };
        assert_eq!(locate(harness, &ours).await, ours.call_id);
    }
    for outcome in [None, Some(DialOutcome::Unknown(UnknownCause::TimedOut))] {
        let tenant = self::tenant(harness).await;
        let (not_dialled, dialled) = (tenant.booking(LONG), tenant.booking(LONG));
        book(harness, &not_dialled).await;
        settle(harness, &not_dialled, &DialOutcome::NotDialled(NotDialledReason::Unavailable)).await;
        book(harness, &dialled).await;
        if let Some(outcome) = &outcome {
            settle(harness, &dialled, outcome).await;
        }
        let found = locate(harness, &lookup(&tenant)).await;
        assert_eq!(found, Some(dialled.identity.call_id), "its phone may have rung: {outcome:?}");
    }
}

/// Another system may use the same agent and numbers. A report with its id is not about our call, even
/// if ours is the only one between the numbers. A conversation that is ours still decides.
pub async fn a_report_with_a_foreign_id_is_not_matched_by_numbers(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    let by_parties = lookup(&tenant);
    assert_eq!(locate(harness, &by_parties).await.as_ref(), Some(&booking.identity.call_id));
    let foreign = CallLookup { call_id: Some(call_id()), ..by_parties };
    let strangers = CallLookup { conversation_id: Some(conversation_id()), ..foreign.clone() };
    for lookup in [&foreign, &strangers] {
        assert_eq!(locate(harness, lookup).await, None, "{lookup:?}");
    }
    let update =
        CallUpdate { conversation_id: strangers.conversation_id.clone(), ..CallUpdate::unresolved() };
    merge(harness, &booking, &update).await;
    assert_eq!(locate(harness, &strangers).await, Some(booking.identity.call_id));
}

/// If two calls have one conversation, a report cannot be assigned, so neither is found.
pub async fn a_conversation_of_two_calls_finds_neither(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let shared = CallUpdate { conversation_id: Some(conversation_id()), ..CallUpdate::unresolved() };
    let lookup = CallLookup { conversation_id: shared.conversation_id.clone(), ..CallLookup::default() };
    let bookings = [tenant.booking(LONG), tenant.booking(LONG)];
    for (booking, expected) in bookings.iter().zip([Some(&bookings[0].identity.call_id), None]) {
        book(harness, booking).await;
        merge(harness, booking, &shared).await;
        assert_eq!(locate(harness, &lookup).await.as_ref(), expected);
    }
    let ours = CallLookup { call_id: Some(bookings[1].identity.call_id.clone()), ..lookup };
    assert_eq!(locate(harness, &ours).await, ours.call_id, "our id is unambiguous");
}

/// The agent of any organization is known, and so are the numbers of a call of the period, in
/// either order, even if the call was not dialled. Neither depends on the other.
pub async fn known_parties_are_recognized(harness: &impl CallsHarness) {
    let (first, tenant) = (self::tenant(harness).await, tenant(harness).await);
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    settle(harness, &booking, &DialOutcome::NotDialled(NotDialledReason::Unavailable)).await;
    let CallIdentity { from, to, .. } = booking.identity.clone();
    let agent_of = |tenant: &Tenant| tenant.agent.provider_agent_id.clone().expect("the agent is synced");
    let (stranger, booked_at) = (phone_number(), booking.booked_at);
    for (provider_agent_id, agent) in
        [(agent_of(&first), true), (agent_of(&tenant), true), (provider_agent_id(), false)]
    {
        for (one, other, booked_since, numbers) in [
            (&from, &to, booked_at, true),
            (&to, &from, booked_at, true),
            (&from, &to, booked_at.after(Duration::from_millis(1)), false),
            (&from, &stranger, booked_at, false),
            (&stranger, &to, booked_at, false),
            (&to, &to, booked_at, false),
        ] {
            let query = KnownPartiesQuery {
                provider_agent_id: provider_agent_id.clone(),
                numbers: Some([one.clone(), other.clone()]),
                booked_since,
            };
            let known = harness.updater().known_parties(&query).await.expect("store is up");
            assert_eq!(known, KnownParties { agent, numbers }, "{query:?}");
        }
        let numbers = None;
        let query = KnownPartiesQuery { provider_agent_id, numbers, booked_since: booked_at };
        let known = harness.updater().known_parties(&query).await.expect("store is up");
        assert_eq!(known, KnownParties { agent, numbers: false }, "{query:?}");
    }
}

/// The numbers and the agent of the tenant's calls.
pub(super) fn lookup(tenant: &Tenant) -> CallLookup {
    CallLookup { parties: Some(parties(tenant)), ..CallLookup::default() }
}

pub(super) fn parties(tenant: &Tenant) -> PartiesLookup {
    let booking = tenant.booking(LONG);
    PartiesLookup {
        one: booking.identity.from,
        other: booking.identity.to,
        provider_agent_id: tenant.agent.provider_agent_id.clone().expect("the fixture's agent is synced"),
        booked_since: booking.booked_at,
        booked_until: booking.booked_at.after(LONG),
    }
}

async fn locate(harness: &impl CallsHarness, lookup: &CallLookup) -> Option<CallId> {
    harness.updater().locate(lookup).await.expect("store is up")
}
