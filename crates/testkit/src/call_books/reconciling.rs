use std::time::Duration;

use domain::ports::{CallLookup, OverdueLease, PartiesLookup, ProviderLookup, UnrecordedLease};
use domain::{
    AudioFormat, Booking, CallId, CallStatus, CallUpdate, ConversationId, DialOutcome, NotConnectedReason,
    NotDialledReason, ProviderReference, UnknownCause, UpdateContent,
};

use super::LONG;
use super::updates::{bare_conversation, failure, merge, outcomes, overdue, reference, settle};
use crate::call_ledger::books::{book, tenant};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{
    Tenant, call_id, conversation_id, moment, phone_number, provider_agent_id, provider_reference, recording,
};
use crate::harness::CallBooksHarness;

/// How long a claim holds that is to run out.
const LEASE_FOR: Duration = Duration::from_secs(20);
const A_SECOND: Duration = Duration::from_secs(1);

/// A call is located by our id; by its conversation, whether the dial's answer or an account named it, also where our id is
/// not ours; and by its numbers, either way round, and agent, if it alone fits. A call that is known by another conversation
/// than the clue's does not fit.
pub async fn a_call_is_found_by_its_identifiers(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let (answered, told) = (tenant.booking(LONG), tenant.booking(LONG));
    let (answered_id, told_id) = (conversation_id(), conversation_id());
    let reference = ProviderReference { conversation_id: Some(answered_id.clone()), ..provider_reference() };
    book(harness, &answered).await;
    book(harness, &told).await;
    settle(harness, &answered, &DialOutcome::Placed(reference)).await;
    let mut update = bare_conversation(CallStatus::InProgress);
    update.conversation_id = Some(told_id.clone());
    merge(harness, &told, &update).await;

    let nothing = CallLookup::default();
    assert_eq!(locate(harness, &nothing).await, None);
    for (booking, id) in [(&answered, answered_id), (&told, told_id)] {
        let ours = CallLookup { call_id: Some(booking.call_id.clone()), ..nothing.clone() };
        let disagreeing = CallLookup { conversation_id: Some(conversation_id()), ..ours.clone() };
        let theirs = CallLookup { conversation_id: Some(id), ..nothing.clone() };
        let foreign = CallLookup { call_id: Some(call_id()), ..theirs.clone() };
        for lookup in [ours, disagreeing, theirs, foreign] {
            assert_eq!(locate(harness, &lookup).await.as_ref(), Some(&booking.call_id), "{lookup:?}");
        }
    }
    let unknown =
        CallLookup { call_id: Some(call_id()), conversation_id: Some(conversation_id()), ..nothing.clone() };
    assert_eq!(locate(harness, &unknown).await, None);

    let by_parties = lookup(&tenant);
    let unheard_of = CallLookup { conversation_id: Some(conversation_id()), ..by_parties.clone() };
    assert_eq!(locate(harness, &by_parties).await, None, "two calls fit");
    assert_eq!(locate(harness, &unheard_of).await, None, "both are known by other conversations");
    let only = Booking { booked_at: moment().after(A_SECOND), ..tenant.booking(LONG) };
    book(harness, &only).await;
    assert_eq!(locate(harness, &unheard_of).await.as_ref(), Some(&only.call_id));
    let parties = PartiesLookup { booked_since: only.booked_at, ..parties(&tenant) };
    let turned = PartiesLookup { one: parties.other.clone(), other: parties.one.clone(), ..parties.clone() };
    for fitting in [&parties, &turned] {
        let lookup =
            CallLookup { call_id: Some(call_id()), parties: Some(fitting.clone()), ..nothing.clone() };
        assert_eq!(locate(harness, &lookup).await.as_ref(), Some(&only.call_id), "{lookup:?}");
    }
    let unfitting = [
        PartiesLookup { one: phone_number(), ..parties.clone() },
        PartiesLookup { other: phone_number(), ..parties.clone() },
        PartiesLookup { provider_agent_id: provider_agent_id(), ..parties.clone() },
        PartiesLookup { booked_since: only.booked_at.after(Duration::from_millis(1)), ..parties.clone() },
        PartiesLookup { booked_until: only.booked_at.before(Duration::from_millis(1)), ..parties },
    ];
    for parties in unfitting {
        let lookup = CallLookup { parties: Some(parties), ..nothing.clone() };
        assert_eq!(locate(harness, &lookup).await, None, "{lookup:?}");
    }
}

/// An account that comes when its call has ended finds it, and is not taken for one of the next call to the same person:
/// while both fit, neither is taken.
pub async fn a_call_that_has_ended_is_still_found(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let late = CallLookup { conversation_id: Some(conversation_id()), ..lookup(&tenant) };
    let ended = tenant.booking(LONG);
    book(harness, &ended).await;
    settle(harness, &ended, &DialOutcome::NotDialled(NotDialledReason::Unavailable)).await;
    assert_eq!(locate(harness, &late).await.as_ref(), Some(&ended.call_id));
    book(harness, &tenant.booking(LONG)).await;
    assert_eq!(locate(harness, &late).await, None, "it may be of either");
}

/// Fifty claimants at once get each overdue call once in all, and none gets more than it asked for. When the lease has run
/// out the calls are handed out again.
pub async fn an_overdue_call_is_leased_to_one_worker(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let mut expected = Vec::new();
    for millis in 0..7 {
        let booked_at = moment().after(Duration::from_millis(millis));
        let booking = Booking { booked_at, ..tenant.booking(LONG) };
        book(harness, &booking).await;
        expected.push(overdue(&tenant, &booking, ProviderReference::default()));
    }
    let crowd = (0..CROWD).map(|_| {
        let books = harness.books();
        async move { books.lease_overdue(&OverdueLease { limit: 2, ..lease() }).await.expect("store is up") }
    });
    let shares = all_at_once(crowd).await;
    assert!(shares.iter().all(|share| share.len() <= 2), "a claimant got more than it asked for");
    assert_eq!(sorted(shares.into_iter().flatten()), expected, "what all claimants got");
    assert_eq!(leased(harness).await, []);
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased(harness).await, expected, "the leases have run out");
    assert_eq!(leased(harness).await, []);
}

/// What is undecided or not ended is overdue past its own time, each with the ids that are known of it, unless it was given
/// up; what has ended never is.
pub async fn only_overdue_calls_are_leased(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let at =
        |secs: u64| Booking { booked_at: moment().after(Duration::from_secs(secs)), ..tenant.booking(LONG) };
    let lease = OverdueLease {
        given_up_before: moment().after(A_SECOND * 10),
        unended_before: moment().after(A_SECOND * 20),
        undecided_before: moment().after(A_SECOND * 30),
        ..lease()
    };
    let mut expected = Vec::new();
    for (secs, undecided_is_due, unended_is_due) in [
        (9, false, false),
        (10, true, true),
        (19, true, true),
        (20, true, false),
        (29, true, false),
        (30, false, false),
    ] {
        let booking = at(secs);
        book(harness, &booking).await;
        let unknown = at(secs);
        book(harness, &unknown).await;
        settle(harness, &unknown, &DialOutcome::Unknown(UnknownCause::TimedOut)).await;
        let ringing = at(secs);
        book(harness, &ringing).await;
        merge(harness, &ringing, &bare_conversation(CallStatus::Ringing)).await;
        if undecided_is_due {
            let nameless = |booking| overdue(&tenant, booking, ProviderReference::default());
            expected.extend([&booking, &unknown, &ringing].map(nameless));
        }
        let (placed, outcome) = (at(secs), DialOutcome::Placed(provider_reference()));
        book(harness, &placed).await;
        settle(harness, &placed, &outcome).await;
        if unended_is_due {
            expected.push(overdue(&tenant, &placed, reference(&outcome)));
        }
    }
    for outcome in outcomes() {
        let booking = at(15);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome).await;
        merge(harness, &booking, &failure(NotConnectedReason::NoAnswer)).await;
    }
    let ended = at(15);
    book(harness, &ended).await;
    merge(harness, &ended, &bare_conversation(CallStatus::Completed)).await;

    let leased = harness.books().lease_overdue(&lease).await.expect("store is up");
    assert_eq!(sorted(leased), sorted(expected));
}

/// A call that is ten leases old is left alone for longer than a lease; a young one for a lease, whatever the old one does.
pub async fn an_older_call_is_leased_for_longer(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let (old, young) = (tenant.booking(LONG), tenant.booking(LONG));
    let old = Booking { booked_at: moment().before(LEASE_FOR * 20), ..old };
    let [old_call, young_call] = [&old, &young].map(|it| overdue(&tenant, it, ProviderReference::default()));
    book(harness, &old).await;
    book(harness, &young).await;
    assert_eq!(leased(harness).await, [old_call.clone(), young_call.clone()]);
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(
        leased(harness).await,
        std::slice::from_ref(&young_call),
        "the old one is taken for two leases"
    );
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased(harness).await, [old_call, young_call]);
}

/// A call whose recording is overdue is in one claimant's hands, until its lease has run out, and longer where it is older.
pub async fn an_unrecorded_call_is_leased_to_one_worker(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let young = tenant.booking(LONG);
    let old = Booking { booked_at: moment().before(LEASE_FOR * 20), ..tenant.booking(LONG) };
    let mut expected = Vec::new();
    for booking in [&young, &old] {
        book(harness, booking).await;
        expected.push((booking.call_id.clone(), completed(harness, booking, true).await));
    }
    let crowd = (0..CROWD).map(|_| {
        let books = harness.books();
        async move {
            books.lease_unrecorded(&UnrecordedLease { limit: 1, ..unrecorded() }).await.expect("store is up")
        }
    });
    let mut shares: Vec<_> = all_at_once(crowd).await.into_iter().flatten().collect();
    shares.sort();
    let young_call = expected[0].clone();
    expected.sort();
    assert_eq!(shares, expected, "what all claimants got");
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased_unrecorded(harness).await, [young_call], "the old one is taken for two leases");
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased_unrecorded(harness).await, expected);
}

/// Only what has ended, has a recording by some account, and none attached; and only in its time.
pub async fn only_unrecorded_calls_are_leased(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let at = |secs: u64| Booking {
        booked_at: moment().after(A_SECOND * u32::try_from(secs).expect("few")),
        ..tenant.booking(LONG)
    };
    let lease = UnrecordedLease {
        given_up_before: moment().after(A_SECOND * 10),
        booked_before: moment().after(A_SECOND * 20),
        ..unrecorded()
    };
    let mut expected = Vec::new();
    for (secs, is_due) in [(9, false), (10, true), (19, true), (20, false)] {
        let booking = at(secs);
        book(harness, &booking).await;
        let conversation_id = completed(harness, &booking, true).await;
        if is_due {
            expected.push((booking.call_id, conversation_id));
        }
    }
    let [unrecorded, attached, unended, untold] = [(); 4].map(|()| at(15));
    for booking in [&unrecorded, &attached, &unended, &untold] {
        book(harness, booking).await;
    }
    completed(harness, &unrecorded, false).await;
    completed(harness, &attached, true).await;
    harness
        .books()
        .attach_recording(&attached.call_id, &recording(&attached.call_id, AudioFormat::Mp3))
        .await
        .expect("store is up");
    merge(harness, &unended, &conversation_update(CallStatus::InProgress, true)).await;
    settle(harness, &untold, &DialOutcome::Placed(provider_reference())).await;
    let mut leased = harness.books().lease_unrecorded(&lease).await.expect("store is up");
    leased.sort();
    expected.sort();
    assert_eq!(leased, expected);
}

/// Whoever takes a few at a time comes to all of them, and not to the oldest again whenever their leases have run out.
pub async fn every_overdue_call_has_its_turn(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let mut expected = Vec::new();
    for secs in 0..3 {
        let booked_at = moment().after(A_SECOND * secs);
        let booking = Booking { booked_at, ..tenant.booking(LONG) };
        book(harness, &booking).await;
        expected.push(overdue(&tenant, &booking, ProviderReference::default()));
    }
    let mut turns = Vec::new();
    for _ in &expected {
        let lease = OverdueLease { limit: 1, ..lease() };
        turns.extend(harness.books().lease_overdue(&lease).await.expect("store is up"));
        harness.pass(LEASE_FOR + A_SECOND).await;
    }
    assert_eq!(turns, expected);
}

/// A claim of everything that has ended and has no recording.
fn unrecorded() -> UnrecordedLease {
    UnrecordedLease {
        now: moment(),
        booked_before: moment().after(Duration::from_hours(24)),
        given_up_before: moment().before(Duration::from_hours(24)),
        limit: 100,
        lease_for: LEASE_FOR,
    }
}

async fn leased_unrecorded(harness: &impl CallBooksHarness) -> Vec<(CallId, ConversationId)> {
    let mut leased = harness.books().lease_unrecorded(&unrecorded()).await.expect("store is up");
    leased.sort();
    leased
}

/// What is told of a conversation that stands so.
fn conversation_update(status: CallStatus, has_recording: bool) -> CallUpdate {
    let mut update = bare_conversation(status);
    update.conversation_id = Some(conversation_id());
    if let UpdateContent::Conversation(conversation) = &mut update.content {
        conversation.has_recording = has_recording;
    }
    update
}

/// Has it told that a call is completed, with a recording at the provider or without one; the conversation.
async fn completed(
    harness: &impl CallBooksHarness,
    booking: &Booking,
    has_recording: bool,
) -> ConversationId {
    let update = conversation_update(CallStatus::Completed, has_recording);
    merge(harness, booking, &update).await;
    update.conversation_id.expect("it was given one")
}

/// A claim of everything that has not ended.
pub(super) fn lease() -> OverdueLease {
    let tomorrow = moment().after(Duration::from_hours(24));
    OverdueLease {
        now: moment(),
        undecided_before: tomorrow,
        unended_before: tomorrow,
        given_up_before: moment().before(Duration::from_hours(24)),
        limit: 100,
        lease_for: LEASE_FOR,
    }
}

/// The numbers and the agent of the tenant's calls.
pub(super) fn lookup(tenant: &Tenant) -> CallLookup {
    CallLookup { parties: Some(parties(tenant)), ..CallLookup::default() }
}

fn parties(tenant: &Tenant) -> PartiesLookup {
    let booking = tenant.booking(LONG);
    PartiesLookup {
        one: booking.from,
        other: booking.to,
        provider_agent_id: tenant.agent.provider_agent_id.clone().expect("the fixture's agent is synced"),
        booked_since: booking.booked_at,
        booked_until: booking.booked_at.after(LONG),
    }
}

async fn locate(harness: &impl CallBooksHarness, lookup: &CallLookup) -> Option<CallId> {
    harness.books().locate(lookup).await.expect("store is up")
}

async fn leased(harness: &impl CallBooksHarness) -> Vec<ProviderLookup> {
    sorted(harness.books().lease_overdue(&lease()).await.expect("store is up"))
}

fn sorted(calls: impl IntoIterator<Item = ProviderLookup>) -> Vec<ProviderLookup> {
    let mut calls: Vec<ProviderLookup> = calls.into_iter().collect();
    calls.sort_by(|a, b| (a.booked_at, &a.call_id).cmp(&(b.booked_at, &b.call_id)));
    calls
}
