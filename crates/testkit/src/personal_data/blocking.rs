use std::time::Duration;

use domain::ports::{ErasureBlock, ErasureResult, HoldResult, PersonKey};
use domain::{Booking, CallIdentity, DirectoryRecord};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::stored::{Stored, shows};
use super::{erase, erasure, export, person, text_of};
use crate::call_ledger::booking::{book, tenant};
use crate::expect::all_at_once;
use crate::fixtures::{Tenant, call_id, contact, key, stored_contact, token};
use crate::harness::PersonalDataHarness;

const LONG: Duration = Duration::from_secs(120);

/// While the phone rings, and while the reservation holds after the end. Nothing is erased meanwhile.
pub async fn a_call_that_has_not_ended_blocks_an_erasure(harness: &impl PersonalDataHarness) {
    let stored = Stored::with_running_call(harness).await;
    let calls = vec![stored.booking.identity.call_id.clone()];
    let blocked = ErasureResult::Blocked(ErasureBlock { calls, open_events: 0 });
    for person in [stored.by_number(), stored.by_contact()] {
        assert_eq!(harness.personal_data().erase(&erasure(person)).await.as_ref(), Ok(&blocked), "it rings");
    }
    // The reservation has expired: the call may still ring.
    harness.pass(LONG).await;
    let result = harness.personal_data().erase(&erasure(stored.by_number())).await;
    assert_eq!(result.as_ref(), Ok(&blocked), "its end is not known");
    stored.end_call(harness).await;
    let result = harness.personal_data().erase(&erasure(stored.by_number())).await;
    assert_eq!(result.as_ref(), Ok(&blocked), "its result is held");
    let left = export(harness, stored.by_number()).await;
    assert!(shows(&text_of(&left), &stored), "a blocked erasure has erased something");
    harness.pass(LONG).await;
    assert_eq!(erase(harness, stored.by_number()).await.calls, 1);
}

/// An event that is not applied yet may have the callee's opt-out.
pub async fn an_open_event_blocks_an_erasure(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let event = stored.accept(harness, "open", &stored.event("mandrake")).await;
    let result = harness.personal_data().erase(&erasure(stored.by_number())).await;
    let block = ErasureBlock { calls: Vec::new(), open_events: 1 };
    assert_eq!(result, Ok(ErasureResult::Blocked(block)));
    let body = domain::ports::ClosedBody::Kept;
    harness.inbox().close(&event, None, body).await.expect("store is up");
    assert_eq!(erase(harness, stored.by_number()).await.provider_events, 3);
}

/// A request that had read the contact before its erasure books nothing.
pub async fn a_booking_for_an_erased_contact_is_not_granted(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_contact()).await;
    let late = stored.tenant.booking(LONG);
    assert!(matches!(book(harness, &late).await, HoldResult::InFlight { .. }));
    let left = export(harness, stored.by_contact()).await;
    assert!(!shows(&text_of(&left), &stored), "left: {left:?}");
}

enum Done {
    Booked(HoldResult),
    Erased(ErasureResult),
}

/// Of each booking and erasure that run at the same time, one comes first: either the call blocks the
/// erasure, or the booking is not granted.
pub async fn an_erasure_and_a_booking_do_not_interleave(harness: &impl PersonalDataHarness) {
    let tenant = tenant(harness).await;
    for round in 0..20 {
        let record = contact(&tenant.organization.id);
        harness.store(&[DirectoryRecord::Contact(record.clone())]).await;
        let callee = stored_contact(&record);
        let number = callee.phone_number.clone().expect("the contact has a number");
        let mut crowd: Vec<BoxFuture<'static, Done>> = Vec::new();
        for _ in 0..3 {
            let (ledger, booking) = (harness.ledger(), booking(&tenant, &callee));
            let booked = async move { Done::Booked(ledger.book(&booking).await.expect("store is up")) };
            crowd.push(booked.boxed());
        }
        let data = harness.personal_data();
        let order = erasure(person(&tenant.organization.id, PersonKey::Number(number.clone())));
        let erased = async move { Done::Erased(data.erase(&order).await.expect("store is up")) };
        crowd.insert(round % 4, erased.boxed());
        let (mut granted, mut blocking) = (0, None);
        for done in all_at_once(crowd).await {
            match done {
                Done::Booked(HoldResult::Granted) => granted += 1,
                Done::Booked(_) => {}
                Done::Erased(ErasureResult::Erased(_)) => blocking = Some(0),
                Done::Erased(ErasureResult::Blocked(block)) => blocking = Some(block.calls.len()),
            }
        }
        let blocking = blocking.expect("the erasure has a result");
        // A call that is booked after a blocked erasure is none of its business.
        assert!(blocking <= granted && (blocking > 0 || granted == 0), "{granted} granted, {blocking} block");
        let mut booked = harness.calls_in_ledger().await;
        booked.retain(|call| call.contact_id == callee.id);
        assert_eq!(booked.len(), granted, "what was granted is in the ledger");
    }
}

/// As a new contact with the same id: its calls are granted, and the erased ones show nothing of it.
pub async fn an_erased_contact_can_be_stored_again(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_contact()).await;
    harness.store(&[stored.contact_record()]).await;
    let again = stored.tenant.booking(LONG);
    assert_eq!(book(harness, &again).await, HoldResult::Granted);
    let erased = crate::call_updates::find(harness, &stored.booking).await;
    assert_eq!((erased.contact.first_name, erased.contact.phone_number), (None, None));
}

fn booking(tenant: &Tenant, callee: &domain::Contact) -> Booking {
    let of_tenant = tenant.booking(LONG);
    let to = callee.phone_number.clone().expect("the contact has a number");
    let identity =
        CallIdentity { call_id: call_id(), contact_id: callee.id.clone(), to, ..of_tenant.identity.clone() };
    Booking { identity, key: key(), token: token(), ..of_tenant }
}
