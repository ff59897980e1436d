//! The suite of [`CallUpdater`](domain::ports::CallUpdater).

mod identity;
mod locating;
mod recordings;

use std::time::Duration;

use domain::ports::KnownPartiesQuery;
use domain::{
    AudioFormat, Booking, CallIdentity, CallProgress, CallStatus, CallUpdate, DialOutcome, GivenUp,
    GivenUpReason, NotConnectedReason, ProviderReference, RecordingReport, UnknownCause,
};

pub use self::identity::a_booked_call_has_an_identity;
pub use self::locating::{
    a_call_is_found_by_its_identifiers, a_call_that_has_ended_is_still_found,
    a_call_that_was_not_dialled_is_not_found_by_numbers, a_conversation_of_two_calls_finds_neither,
    a_report_with_a_foreign_id_is_not_matched_by_numbers, known_parties_are_recognized,
};
use self::locating::{lookup, parties};
pub use self::recordings::{a_recording_attached_again_is_replaced, an_attached_recording_is_read_back};
use crate::call_ledger::booking::{book, only_call, settlement, tenant};
use crate::call_ledger::undecided::undecided;
use crate::call_updates::{
    bare_conversation, booked, conversation, dialled, dialled_and_updated, everything, failure, find,
    given_up, merge, outcomes, reference, settle,
};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{carrier_call_id, conversation_id, moment, recording};
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
