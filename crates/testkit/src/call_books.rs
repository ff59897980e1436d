//! The promises of [`CallBooks`](domain::ports::CallBooks).

mod reading;
mod reconciling;
mod recordings;
pub(crate) mod updates;

use std::time::Duration;

use domain::{
    AudioFormat, Booking, CallProgress, CallStatus, CallUpdate, DialOutcome, NotConnectedReason,
    ProviderReference,
};

pub use self::reading::{
    a_booked_call_is_read, another_tenants_call_is_absent, history_is_filtered_and_paged,
    history_is_the_tenants_own,
};
pub use self::reconciling::{
    a_call_is_found_by_its_identifiers, a_call_that_has_ended_is_still_found,
    an_older_call_is_leased_for_longer, an_overdue_call_is_leased_to_one_worker,
    an_unrecorded_call_is_leased_to_one_worker, every_overdue_call_has_its_turn,
    only_overdue_calls_are_leased, only_unrecorded_calls_are_leased,
};
pub use self::recordings::{a_recording_attached_again_is_replaced, an_attached_recording_is_read_back};
use self::updates::{
    bare_conversation, booked, conversation, dialled, dialled_and_told, everything, failure, find, merge,
    outcomes, record, reference, settle,
};
use crate::call_ledger::books::{book, only_call, settlement, tenant};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{carrier_call_id, conversation_id, recording};
use crate::harness::CallBooksHarness;

suite! {
    $ call_books_suite of call_books:
    a_booked_call_is_read,
    another_tenants_call_is_absent,
    history_is_filtered_and_paged,
    history_is_the_tenants_own,
    the_outcome_of_the_dial_is_read,
    concurrent_updates_are_all_kept,
    an_update_is_read_back_in_full,
    an_update_may_arrive_before_the_outcome_of_the_dial,
    an_attached_recording_is_read_back,
    a_recording_attached_again_is_replaced,
    a_call_is_found_by_its_identifiers,
    a_call_that_has_ended_is_still_found,
    an_overdue_call_is_leased_to_one_worker,
    only_overdue_calls_are_leased,
    an_unrecorded_call_is_leased_to_one_worker,
    only_unrecorded_calls_are_leased,
    an_older_call_is_leased_for_longer,
    every_overdue_call_has_its_turn,
    lost_books_are_unavailable,
}

/// A time that no test outlives.
const LONG: Duration = Duration::from_secs(120);

/// What the dial came to is read at once, every outcome of it.
pub async fn the_outcome_of_the_dial_is_read(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    for outcome in outcomes() {
        let booking = tenant.booking(LONG);
        book(harness, &booking).await;
        settle(harness, &booking, &outcome).await;
        let read = find(harness, &booking).await;
        assert_eq!(read, record(&tenant, &booking, dialled(&outcome)), "dialled {outcome:?}");
    }
}

/// Accounts that come at once, and at once with the dial's answer, are all in the books.
pub async fn concurrent_updates_are_all_kept(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let named = CallUpdate { conversation_id: Some(conversation_id()), ..CallUpdate::unresolved() };
    let told =
        CallUpdate { conversation_id: named.conversation_id.clone(), ..conversation(CallStatus::Completed) };
    let updates = [named, failure(NotConnectedReason::NoAnswer), told, failure(NotConnectedReason::Declined)];
    let reference = ProviderReference { conversation_id: None, carrier_call_id: Some(carrier_call_id()) };
    let outcome = DialOutcome::Placed(reference);
    let bookings: Vec<Booking> = (0..CROWD / (updates.len() + 1)).map(|_| tenant.booking(LONG)).collect();
    let mut crowd = Vec::new();
    for booking in &bookings {
        book(harness, booking).await;
        for update in updates.iter().cloned().map(Some).chain([None]) {
            let (books, ledger) = (harness.books(), harness.ledger());
            let (booking, outcome) = (booking.clone(), outcome.clone());
            crowd.push(async move {
                match update {
                    Some(update) => books.merge(&booking.call_id, &update).await,
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

/// Whatever is told of a call is read back, every field, with and without what an account may lack; a later account that
/// tells less takes nothing away. An account of a call that is not in the books is no error, and makes no call.
pub async fn an_update_is_read_back_in_full(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let carried = |update: CallUpdate| CallUpdate { carrier_call_id: Some(carrier_call_id()), ..update };
    let mut updates = vec![CallUpdate::unresolved(), carried(CallUpdate::unresolved())];
    updates.extend(NotConnectedReason::ALL.map(failure));
    updates.extend(CallStatus::ALL.map(conversation));
    updates.extend(CallStatus::ALL.map(|status| carried(bare_conversation(status))));
    for update in &updates {
        let booking = tenant.booking(LONG);
        let mut expected = booked();
        book(harness, &booking).await;
        for told in [update, update, &CallUpdate::unresolved()] {
            merge(harness, &booking, told).await;
            expected.merge(told);
            let read = find(harness, &booking).await;
            assert!(read.progress == expected, "told {told:?}, in the books is {:?}", read.progress);
        }
    }
    let calls = harness.books().history(&everything(&tenant)).await.expect("store is up").total;
    merge(harness, &tenant.booking(LONG), &updates[0]).await;
    let calls_after = harness.books().history(&everything(&tenant)).await.expect("store is up").total;
    assert_eq!(calls_after, calls, "an account of no call has made one");
}

/// It comes to the same whether an account comes before the dial's answer or after it.
pub async fn an_update_may_arrive_before_the_outcome_of_the_dial(harness: &impl CallBooksHarness) {
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
            let expected: CallProgress = dialled_and_told(&outcome, &update);
            for (booking, order) in [(&early, "then dialled"), (&late, "after being dialled")] {
                let read = find(harness, booking).await.progress;
                assert!(read == expected, "told {update:?} {order} {outcome:?}, in the books is {read:?}");
                assert_eq!(
                    only_call(harness, booking).await.state,
                    outcome.as_str(),
                    "the dial's own outcome"
                );
            }
        }
    }
}

/// Without its store the port says so, within 5 s and without quoting a number, a name or what was said.
pub async fn lost_books_are_unavailable(harness: &impl CallBooksHarness) {
    let tenant = tenant(harness).await;
    let (books, booking) = (harness.books(), tenant.booking(LONG));
    book(harness, &booking).await;
    let (query, lookup, lease) = (everything(&tenant), reconciling::lookup(&tenant), reconciling::lease());
    let (told, recorded) =
        (conversation(CallStatus::Completed), recording(&booking.call_id, AudioFormat::Mp3));
    harness.lose().await;
    let name = tenant.user.full_name.as_str();
    let private = [booking.from.as_e164(), booking.to.as_e164(), name, "Guten Tag"];
    let (organization_id, call_id) = (&booking.organization_id, &booking.call_id);
    unavailable_within(LOST_DATABASE_BOUND, books.find(organization_id, call_id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, books.history(&query), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, books.locate(&lookup), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, books.merge(call_id, &told), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, books.attach_recording(call_id, &recorded), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, books.lease_overdue(&lease), &private).await;
}
