//! The suite of [`CallUpdater`](domain::ports::CallUpdater).

mod identity;
mod recordings;

use std::time::Duration;

use domain::ports::{CallLookup, KnownParties, KnownPartiesQuery, PartiesLookup};
use domain::{
    AudioFormat, Booking, CallId, CallIdentity, CallProgress, CallStatus, CallUpdate, DialOutcome, GivenUp,
    GivenUpReason, NotConnectedReason, NotDialledReason, ProviderCode, ProviderReference, RecordingReport,
    UnknownCause,
};

pub use self::identity::a_booked_call_has_an_identity;
pub use self::recordings::{a_recording_attached_again_is_replaced, an_attached_recording_is_read_back};
use crate::call_ledger::booking::{book, only_call, settlement, tenant};
use crate::call_ledger::undecided::undecided;
use crate::call_updates::{
    bare_conversation, booked, conversation, dialled, dialled_and_updated, everything, failure, find,
    given_up, merge, outcomes, reference, settle,
};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{
    Tenant, call_id, carrier_call_id, conversation_id, moment, phone_number, provider_agent_id,
    provider_reference, recording,
};
use crate::harness::CallsHarness;

suite! {
    $ call_updater_suite of call_updater:
    concurrent_updates_are_all_kept,
    an_update_is_read_back_in_full,
    an_update_may_arrive_before_the_outcome_of_the_dial,
    a_reported_failure_decides_an_unknown_call,
    an_attached_recording_is_read_back,
    a_recording_attached_again_is_replaced,
    a_call_is_found_by_its_identifiers,
    a_call_that_has_ended_is_still_found,
    a_call_that_was_not_dialled_is_not_found_by_numbers,
    a_report_with_a_foreign_id_is_not_matched_by_numbers,
    a_conversation_of_two_calls_finds_neither,
    a_booked_call_has_an_identity,
    known_parties_are_recognized,
    a_lost_call_updater_is_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);
const A_SECOND: Duration = Duration::from_secs(1);

/// A report that the callee was not connected, or giving the call up, decides a call, although the
/// outcome of its dial is unknown. A report of a conversation does not: the client does not have it yet.
/// The reservation is kept for as long as the end of an undecided call is not known.
pub async fn a_reported_failure_decides_an_unknown_call(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let deciding = NotConnectedReason::ALL.map(failure).into_iter().chain([given_up()]);
    let deciding = deciding.chain(CallStatus::NOT_CONNECTED.map(conversation));
    let deciding = deciding.map(|update| (update, true));
    let others = [CallStatus::Ringing, CallStatus::InProgress, CallStatus::Completed].map(conversation);
    let others = others.into_iter().chain([CallUpdate::unresolved()]).map(|update| (update, false));
    for (update, decides) in deciding.chain(others) {
        let booking = tenant.booking(Duration::ZERO);
        book(harness, &booking).await;
        settle(harness, &booking, &DialOutcome::Unknown(UnknownCause::TimedOut)).await;
        merge(harness, &booking, &update).await;
        let call = undecided(harness, &booking.key).await;
        assert_eq!(call.is_none(), decides, "after {update:?}");
        if let Some(call) = call {
            let progress = find(harness, &booking).await.progress;
            assert_eq!(Some(call.status), progress.status);
            assert_eq!(call.lookup.conversation_id, progress.conversation_id);
            assert_eq!(call.carrier_call_id, progress.carrier_call_id);
            harness.ledger().remove_expired(Duration::ZERO, 100).await.expect("store is up");
            let is_kept = undecided(harness, &booking.key).await.is_some();
            assert_eq!(is_kept, !call.status.is_final(), "after {update:?}");
        }
    }
}

/// Updates that arrive at the same time, and at the same time as the outcome of the dial, are all
/// in the ledger.
pub async fn concurrent_updates_are_all_kept(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let named = CallUpdate { conversation_id: Some(conversation_id()), ..CallUpdate::unresolved() };
    let completed =
        CallUpdate { conversation_id: named.conversation_id.clone(), ..conversation(CallStatus::Completed) };
    let updates =
        [named, failure(NotConnectedReason::NoAnswer), completed, failure(NotConnectedReason::Declined)];
    let reference = ProviderReference { conversation_id: None, carrier_call_id: Some(carrier_call_id()) };
    let outcome = DialOutcome::Placed(reference);
    let bookings: Vec<Booking> = (0..CROWD / (updates.len() + 1)).map(|_| tenant.booking(LONG)).collect();
    let mut crowd = Vec::new();
    for booking in &bookings {
        book(harness, booking).await;
        for update in updates.iter().cloned().map(Some).chain([None]) {
            let (updater, ledger) = (harness.updater(), harness.ledger());
            let (booking, outcome) = (booking.clone(), outcome.clone());
            crowd.push(async move {
                match update {
                    Some(update) => updater.merge(&booking.identity.call_id, &update).await,
                    None => ledger.settle(&settlement(&booking, &booking.token, &outcome, LONG)).await,
                }
                .expect("store is up");
            });
        }
    }
    all_at_once(crowd).await;
    let mut expected = dialled(&outcome);
    for update in &updates {
        expected.merge(update);
    }
    for booking in &bookings {
        assert_eq!(find(harness, booking).await.progress, expected);
        assert_eq!(only_call(harness, booking).await.state, outcome.as_str());
    }
}

/// Every field of an update is read back, with and without the optional ones. A later update with
/// fewer fields removes nothing. An update of a call that is not in the ledger is no error and
/// makes no call.
pub async fn an_update_is_read_back_in_full(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let carried = |update: CallUpdate| CallUpdate { carrier_call_id: Some(carrier_call_id()), ..update };
    let mut updates = vec![CallUpdate::unresolved(), carried(CallUpdate::unresolved())];
    updates.extend(NotConnectedReason::ALL.map(failure));
    updates.extend(GivenUpReason::ALL.map(|reason| CallUpdate::given_up(GivenUp { at: moment(), reason })));
    updates.extend(CallStatus::ALL.map(conversation));
    updates.extend(RecordingReport::ALL.map(CallUpdate::recording));
    updates.extend(CallStatus::ALL.map(|status| carried(bare_conversation(status))));
    for update in &updates {
        let booking = tenant.booking(LONG);
        let mut expected = booked();
        book(harness, &booking).await;
        let least = CallUpdate::recording(RecordingReport::AtProvider);
        for merged in [update, update, &CallUpdate::unresolved(), &least] {
            merge(harness, &booking, merged).await;
            expected.merge(merged);
            let read = find(harness, &booking).await;
            assert!(read.progress == expected, "merged {merged:?}, in the ledger is {:?}", read.progress);
        }
    }
    let calls = harness.reader().history(&everything(&tenant)).await.expect("store is up").total;
    merge(harness, &tenant.booking(LONG), &updates[0]).await;
    let calls_after = harness.reader().history(&everything(&tenant)).await.expect("store is up").total;
    assert_eq!(calls_after, calls, "the update made a call");
}

/// The order of an update and the outcome of the dial does not matter.
pub async fn an_update_may_arrive_before_the_outcome_of_the_dial(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    for outcome in outcomes() {
        let id = reference(&outcome).conversation_id.unwrap_or_else(conversation_id);
        let updates = [
            conversation(CallStatus::Completed),
            bare_conversation(CallStatus::Ringing),
            failure(NotConnectedReason::Failed),
            failure(NotConnectedReason::Declined),
        ];
        for update in updates {
            let update = CallUpdate { conversation_id: Some(id.clone()), ..update };
            let (early, late) = (tenant.booking(LONG), tenant.booking(LONG));
            book(harness, &early).await;
            merge(harness, &early, &update).await;
            settle(harness, &early, &outcome).await;
            book(harness, &late).await;
            settle(harness, &late, &outcome).await;
            merge(harness, &late, &update).await;
            let expected: CallProgress = dialled_and_updated(&outcome, &update);
            for (booking, order) in [(&early, "then dialled"), (&late, "after being dialled")] {
                let read = find(harness, booking).await.progress;
                assert!(read == expected, "merged {update:?} {order} {outcome:?}, in the ledger is {read:?}");
                assert_eq!(
                    only_call(harness, booking).await.state,
                    outcome.as_str(),
                    "the dial's own outcome"
                );
            }
        }
    }
}

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

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number, a
/// name or a transcript.
pub async fn a_lost_call_updater_is_unavailable(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let (updater, booking) = (harness.updater(), tenant.booking(LONG));
    book(harness, &booking).await;
    harness.lose().await;
    let CallIdentity { call_id, from, to, .. } = &booking.identity;
    let private = [from.as_e164(), to.as_e164(), tenant.user.full_name.as_str(), "Guten Tag"];
    let (update, recorded) = (conversation(CallStatus::Completed), recording(call_id, AudioFormat::Mp3));
    unavailable_within(LOST_DATABASE_BOUND, updater.locate(&lookup(&tenant)), &private).await;
    let parties = parties(&tenant);
    let query = KnownPartiesQuery {
        provider_agent_id: parties.provider_agent_id,
        numbers: Some([parties.one, parties.other]),
        booked_since: parties.booked_since,
    };
    unavailable_within(LOST_DATABASE_BOUND, updater.known_parties(&query), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, updater.identity(call_id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, updater.merge(call_id, &update), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, updater.attach_recording(call_id, &recorded), &private).await;
}

/// The numbers and the agent of the tenant's calls.
fn lookup(tenant: &Tenant) -> CallLookup {
    CallLookup { parties: Some(parties(tenant)), ..CallLookup::default() }
}

fn parties(tenant: &Tenant) -> PartiesLookup {
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
