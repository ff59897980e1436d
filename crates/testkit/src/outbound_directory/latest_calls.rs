use std::time::Duration;

use domain::ports::{OutboundQuery, Recipient};
use domain::{
    AnswerTime, Booking, CallFailure, CallIdentity, CallPurpose, CallStatus, CallUpdate, CallingPolicy,
    DialOutcome, NotConnectedReason, PhoneNumber, ProviderCause, ProviderReference, Timestamp, UpdateContent,
};

use super::facts::{facts, put_policy, stored_tenant};
use super::query;
use crate::call_ledger::booking::{book, settlement};
use crate::fixtures::{Tenant, moment, phone_number, provider_reference};
use crate::harness::OutboundDirectoryHarness;

const A_MINUTE: Duration = Duration::from_secs(60);

/// The last conversation, the last decline and the caller number that was last answered are those of the
/// newest calls of the organization to the number, whatever others called it. They are found if the organization stored a policy, or
/// the purpose of the query may need them.
pub async fn the_latest_calls_are_found_if_they_matter(harness: &impl OutboundDirectoryHarness) {
    let tenant = stored_tenant(harness).await;
    let number = tenant.contact.phone_number.clone().expect("the fixture has a number");
    let (answered, declined) = (DialOutcome::Placed(provider_reference()), not_connected());
    let [first, second, third] = [phone_number(), phone_number(), phone_number()];
    call(harness, &tenant, &first, 1, &declined).await;
    call(harness, &tenant, &first, 5, &answered).await;
    call(harness, &tenant, &second, 9, &answered).await;
    call(harness, &tenant, &third, 13, &declined).await;
    // A report says that this one was declined, and the dial did not.
    let reported = call(harness, &tenant, &third, 17, &answered).await;
    let failure =
        CallFailure { reason: NotConnectedReason::Declined, at: minute(19), cause: ProviderCause::default() };
    let update = CallUpdate { content: UpdateContent::Failure(failure), ..CallUpdate::unresolved() };
    harness.updater().merge(&reported.identity.call_id, &update).await.expect("store is up");
    book(harness, &dialled(&tenant, &third, 21)).await;

    let contact_id = tenant.contact_id();
    let found = |purpose, recipient| {
        let query = OutboundQuery { purpose, now: minute(60), ..query(&tenant, recipient) };
        async move {
            let found = facts(harness, &query).await;
            (found.last_conversation, found.last_decline, found.last_caller)
        }
    };
    // Settled a minute after the booking.
    let expected = (Some(minute(10)), Some(minute(18)), Some(second));
    let recipients = [Recipient::Contact(&contact_id), Recipient::Number(&number)];
    for recipient in recipients {
        for purpose in [None, Some(CallPurpose::Informational)] {
            assert_eq!(found(purpose, recipient).await, (None, None, None), "{purpose:?} reads calls");
        }
        for purpose in CallPurpose::ALL.into_iter().filter(|one| *one != CallPurpose::Informational) {
            assert_eq!(found(Some(purpose), recipient).await, expected, "{purpose:?}");
        }
    }
    put_policy(harness, &tenant, CallingPolicy::default(), 1).await;
    for recipient in recipients {
        assert_eq!(found(None, recipient).await, expected, "the policy may need the calls");
    }
    let stranger = phone_number();
    assert_eq!(found(None, Recipient::Number(&stranger)).await, (None, None, None));
    // Newer ones of another organization do not take their place.
    let other = stored_tenant(harness).await;
    for n in 0..OutboundQuery::LATEST_CALLS {
        let booking = dialled(&other, &phone_number(), 25 + n);
        let identity = CallIdentity { to: number.clone(), ..booking.identity };
        book(harness, &Booking { identity, ..booking }).await;
    }
    assert_eq!(found(None, recipients[0]).await, expected, "the calls of another organization are read");
    // Older than the newest ones.
    for n in 0..OutboundQuery::LATEST_CALLS {
        book(harness, &dialled(&tenant, &first, 25 + n)).await;
    }
    assert_eq!(found(None, recipients[0]).await, (None, None, None), "more than the newest calls are read");
}

fn not_connected() -> DialOutcome {
    DialOutcome::NotConnected {
        reference: ProviderReference::default(),
        reason: NotConnectedReason::Declined,
        code: None,
    }
}

fn minute(minute: u32) -> Timestamp {
    moment().after(A_MINUTE * minute)
}

/// A call to the tenant's contact that was booked in this minute.
fn dialled(tenant: &Tenant, from: &PhoneNumber, minute_booked: u32) -> Booking {
    let booking = tenant.booking(A_MINUTE * 2);
    let identity = CallIdentity { from: from.clone(), ..booking.identity };
    Booking { identity, booked_at: minute(minute_booked), ..booking }
}

/// The same, settled a minute later.
async fn call(
    harness: &impl OutboundDirectoryHarness,
    tenant: &Tenant,
    from: &PhoneNumber,
    minute_booked: u32,
    outcome: &DialOutcome,
) -> Booking {
    let booking = dialled(tenant, from, minute_booked);
    book(harness, &booking).await;
    let settlement = domain::ports::Settlement {
        settled_at: booking.booked_at.after(A_MINUTE),
        status: CallStatus::after(outcome, AnswerTime::AfterRinging),
        ..settlement(&booking, &booking.token, outcome, A_MINUTE)
    };
    harness.ledger().settle(&settlement).await.expect("store is up");
    booking
}
