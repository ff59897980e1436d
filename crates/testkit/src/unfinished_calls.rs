//! The suite of [`UnfinishedCalls`](domain::ports::UnfinishedCalls).

use std::time::Duration;

use domain::ports::{OverdueLease, ProviderLookup, UnrecordedLease};
use domain::{
    AudioFormat, Booking, CallId, CallStatus, CallUpdate, ConversationId, DialOutcome, NotConnectedReason,
    ProviderReference, RecordingReport, UnknownCause, UpdateContent,
};

use crate::call_ledger::booking::{book, tenant};
use crate::call_updates::{
    bare_conversation, failure, given_up, merge, outcomes, overdue, reference, settle,
};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{conversation_id, moment, provider_reference, recording};
use crate::harness::CallsHarness;

suite! {
    $ unfinished_calls_suite of unfinished_calls:
    an_overdue_call_is_leased_to_one_worker,
    only_overdue_calls_are_leased,
    an_older_call_is_leased_for_longer,
    a_long_lease_ends_when_the_call_is_given_up,
    an_unrecorded_call_is_leased_to_one_worker,
    only_unrecorded_calls_are_leased,
    a_reported_recording_is_leased_unless_it_is_too_large,
    every_overdue_call_has_its_turn,
    lost_unfinished_calls_are_unavailable,
}

/// Longer than any test.
const LONG: Duration = Duration::from_secs(120);
/// A lease that expires during a test.
const LEASE_FOR: Duration = Duration::from_secs(20);
const A_SECOND: Duration = Duration::from_secs(1);

/// Fifty concurrent workers lease each overdue call once in total, and none gets more than its
/// limit. After the lease the calls are leased again.
pub async fn an_overdue_call_is_leased_to_one_worker(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let mut expected = Vec::new();
    for millis in 0..7 {
        let booked_at = moment().after(Duration::from_millis(millis));
        let booking = Booking { booked_at, ..tenant.booking(LONG) };
        book(harness, &booking).await;
        expected.push(overdue(&tenant, &booking, ProviderReference::default()));
    }
    let crowd =
        (0..CROWD).map(|_| {
            let unfinished = harness.unfinished();
            async move {
                unfinished.lease_overdue(&OverdueLease { limit: 2, ..lease() }).await.expect("store is up")
            }
        });
    let shares = all_at_once(crowd).await;
    assert!(shares.iter().all(|share| share.len() <= 2), "a worker got more than its limit");
    assert_eq!(sorted(shares.into_iter().flatten()), expected, "the calls of all workers");
    assert_eq!(leased(harness).await, []);
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased(harness).await, expected, "the leases have expired");
    assert_eq!(leased(harness).await, []);
}

/// An undecided call and a call in progress are overdue after their own times, each with its known
/// ids, however old it is. An ended call is never overdue, nor is one that was given up.
pub async fn only_overdue_calls_are_leased(harness: &impl CallsHarness) {
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
        (9, true, true),
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
    let lost = [at(9), at(15)];
    for booking in &lost {
        book(harness, booking).await;
        settle(harness, booking, &DialOutcome::Placed(provider_reference())).await;
        merge(harness, booking, &given_up()).await;
    }
    let ended = at(15);
    book(harness, &ended).await;
    merge(harness, &ended, &bare_conversation(CallStatus::Completed)).await;

    let leased = harness.unfinished().lease_overdue(&lease).await.expect("store is up");
    assert_eq!(sorted(leased), sorted(expected));
}

/// A call that is twenty leases old is leased for two leases. A young one is leased for one,
/// whatever the old one does.
pub async fn an_older_call_is_leased_for_longer(harness: &impl CallsHarness) {
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
        "the old one is leased for two leases"
    );
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased(harness).await, [old_call, young_call]);
}

/// The long lease of an old call ends when the call is to be given up. After that time, leases are
/// short.
pub async fn a_long_lease_ends_when_the_call_is_given_up(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let at = |secs| Booking { booked_at: moment().before(A_SECOND * secs), ..tenant.booking(LONG) };
    // A tenth of their ages exceeds the shortest lease by far.
    let (overdue_to_give_up, old) = (at(700), at(475));
    let lease = OverdueLease { given_up_before: moment().before(A_SECOND * 500), ..lease() };
    let [given_up_call, old_call] =
        [&overdue_to_give_up, &old].map(|it| overdue(&tenant, it, ProviderReference::default()));
    book(harness, &overdue_to_give_up).await;
    book(harness, &old).await;
    let again = async || sorted(harness.unfinished().lease_overdue(&lease).await.expect("store is up"));
    assert_eq!(again().await, [given_up_call.clone(), old_call.clone()]);
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(again().await, [given_up_call], "the shortest lease");
    harness.pass(A_SECOND * 5).await;
    assert_eq!(again().await, [old_call], "25 s are left until it is given up");
}

/// A call without its recording is leased to one worker until the lease expires, and for longer if
/// it is older.
pub async fn an_unrecorded_call_is_leased_to_one_worker(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let young = tenant.booking(LONG);
    let old = Booking { booked_at: moment().before(LEASE_FOR * 20), ..tenant.booking(LONG) };
    let mut expected = Vec::new();
    for booking in [&young, &old] {
        book(harness, booking).await;
        expected.push((booking.identity.call_id.clone(), completed(harness, booking, true).await));
    }
    let crowd = (0..CROWD).map(|_| {
        let unfinished = harness.unfinished();
        async move {
            unfinished
                .lease_unrecorded(&UnrecordedLease { limit: 1, ..unrecorded() })
                .await
                .expect("store is up")
        }
    });
    let mut shares: Vec<_> = all_at_once(crowd).await.into_iter().flatten().collect();
    shares.sort();
    let young_call = expected[0].clone();
    expected.sort();
    assert_eq!(shares, expected, "the calls of all workers");
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased_unrecorded(harness).await, [young_call], "the old one is leased for two leases");
    harness.pass(LEASE_FOR + A_SECOND).await;
    assert_eq!(leased_unrecorded(harness).await, expected);
}

/// Only ended calls with a recording at the provider and none attached are leased, in their time and
/// whichever way they ended.
pub async fn only_unrecorded_calls_are_leased(harness: &impl CallsHarness) {
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
            expected.push((booking.identity.call_id, conversation_id));
        }
    }
    for status in [CallStatus::Failed, CallStatus::NoAnswer, CallStatus::Busy] {
        let booking = at(15);
        book(harness, &booking).await;
        let update = conversation_update(status, true);
        merge(harness, &booking, &update).await;
        expected.push((booking.identity.call_id, update.conversation_id.expect("the update has one")));
    }
    let [unrecorded, attached, unended, unreported] = [(); 4].map(|()| at(15));
    for booking in [&unrecorded, &attached, &unended, &unreported] {
        book(harness, booking).await;
    }
    completed(harness, &unrecorded, false).await;
    completed(harness, &attached, true).await;
    harness
        .updater()
        .attach_recording(
            &attached.identity.call_id,
            &recording(&attached.identity.call_id, AudioFormat::Mp3),
        )
        .await
        .expect("store is up");
    merge(harness, &unended, &conversation_update(CallStatus::InProgress, true)).await;
    settle(harness, &unreported, &DialOutcome::Placed(provider_reference())).await;
    let mut leased = harness.unfinished().lease_unrecorded(&lease).await.expect("store is up");
    leased.sort();
    expected.sort();
    assert_eq!(leased, expected);
}

/// A report that the provider has a recording counts like its record, before and after the end of
/// the call. A recording that was reported as too large is not leased, whichever report came first.
pub async fn a_reported_recording_is_leased_unless_it_is_too_large(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let [at_provider, too_large] = RecordingReport::ALL.map(CallUpdate::recording);
    let mut expected = Vec::new();
    for (before, has_recording, after, is_leased) in [
        (Some(&at_provider), false, None, true),
        (None, false, Some(&at_provider), true),
        (None, true, Some(&at_provider), true),
        (None, true, Some(&too_large), false),
        (Some(&too_large), true, Some(&at_provider), false),
        (Some(&at_provider), false, Some(&too_large), false),
    ] {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        if let Some(update) = before {
            merge(harness, &booking, update).await;
        }
        assert_eq!(leased_unrecorded(harness).await, [], "a call that has not ended, or was leased");
        let conversation_id = completed(harness, &booking, has_recording).await;
        if let Some(update) = after {
            merge(harness, &booking, update).await;
        }
        let call = (booking.identity.call_id, conversation_id);
        let leased = leased_unrecorded(harness).await;
        assert_eq!(leased.contains(&call), is_leased, "{before:?}, {has_recording}, {after:?}");
        expected.extend(leased);
    }
    assert_eq!(expected.len(), 3, "other calls");
}

/// A worker with a small limit gets all calls in turn, and not the oldest one again after each
/// lease.
pub async fn every_overdue_call_has_its_turn(harness: &impl CallsHarness) {
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
        turns.extend(harness.unfinished().lease_overdue(&lease).await.expect("store is up"));
        harness.pass(LEASE_FOR + A_SECOND).await;
    }
    assert_eq!(turns, expected);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number.
pub async fn lost_unfinished_calls_are_unavailable(harness: &impl CallsHarness) {
    let tenant = tenant(harness).await;
    let (unfinished, booking) = (harness.unfinished(), tenant.booking(LONG));
    book(harness, &booking).await;
    harness.lose().await;
    let private = [booking.identity.from.as_e164(), booking.identity.to.as_e164()];
    unavailable_within(LOST_DATABASE_BOUND, unfinished.lease_overdue(&lease()), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, unfinished.lease_unrecorded(&unrecorded()), &private).await;
}

/// A lease of every ended call without a recording.
fn unrecorded() -> UnrecordedLease {
    UnrecordedLease {
        now: moment(),
        booked_before: moment().after(Duration::from_hours(24)),
        given_up_before: moment().before(Duration::from_hours(24)),
        limit: 100,
        lease_for: LEASE_FOR,
    }
}

async fn leased_unrecorded(harness: &impl CallsHarness) -> Vec<(CallId, ConversationId)> {
    let mut leased = harness.unfinished().lease_unrecorded(&unrecorded()).await.expect("store is up");
    leased.sort();
    leased
}

fn conversation_update(status: CallStatus, has_recording: bool) -> CallUpdate {
    let mut update = bare_conversation(status);
    update.conversation_id = Some(conversation_id());
    if let UpdateContent::Conversation(conversation) = &mut update.content {
        conversation.has_recording = has_recording;
    }
    update
}

/// Reports that a call is completed, with a recording at the provider or without. Returns the
/// conversation.
async fn completed(harness: &impl CallsHarness, booking: &Booking, has_recording: bool) -> ConversationId {
    let update = conversation_update(CallStatus::Completed, has_recording);
    merge(harness, booking, &update).await;
    update.conversation_id.expect("the update has one")
}

/// A lease of every call that has not ended.
fn lease() -> OverdueLease {
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

async fn leased(harness: &impl CallsHarness) -> Vec<ProviderLookup> {
    sorted(harness.unfinished().lease_overdue(&lease()).await.expect("store is up"))
}

fn sorted(calls: impl IntoIterator<Item = ProviderLookup>) -> Vec<ProviderLookup> {
    let mut calls: Vec<ProviderLookup> = calls.into_iter().collect();
    calls.sort_by(|a, b| (a.booked_at, &a.call_id).cmp(&(b.booked_at, &b.call_id)));
    calls
}
