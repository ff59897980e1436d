//! The rows of the ledger, beyond what its port shows.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{CallLedger, ContactRepo, HoldResult, Settlement};
use domain::{
    Booking, CallIdentity, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode,
    ProviderReference, SettledCall, UnknownCause,
};
use sqlx::Row;
use testkit::fixtures::{self, Tenant};
use testkit::harness::{PassesTime, StoresRecords};
use tokio::sync::Barrier;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);

async fn harness_with_tenant() -> (PostgresHarness, Tenant) {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    (harness, tenant)
}

fn settlement<'a>(booking: &'a Booking, outcome: &'a DialOutcome) -> Settlement<'a> {
    Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome,
        status: domain::CallStatus::after(outcome, domain::AnswerTime::AfterRinging),
        hold_for: MINUTE,
        settled_at: booking.booked_at.after(MINUTE),
    }
}

#[tokio::test]
async fn a_settled_call_says_why() {
    let (harness, tenant) = harness_with_tenant().await;
    let reference = ProviderReference::default;
    let rejected = ProviderCode::from_untrusted("agent_not_found");
    for (outcome, state, detail) in [
        (DialOutcome::Placed(reference()), "placed", None),
        (
            DialOutcome::NotConnected {
                reference: reference(),
                reason: NotConnectedReason::Busy,
                code: None,
            },
            "not-connected",
            Some("busy"),
        ),
        (
            DialOutcome::NotDialled(NotDialledReason::Rejected(rejected)),
            "not-dialled",
            Some("agent_not_found"),
        ),
        (
            DialOutcome::NotDialled(NotDialledReason::RejectedForNow {
                code: ProviderCode::from_untrusted("rate_limit_exceeded"),
                retry_after: MINUTE,
            }),
            "not-dialled",
            Some("rate_limit_exceeded"),
        ),
        (DialOutcome::NotDialled(NotDialledReason::Unavailable), "not-dialled", None),
        (DialOutcome::NotDialled(NotDialledReason::Withdrawn), "not-dialled", None),
        (DialOutcome::Unknown(UnknownCause::TimedOut), "unknown", Some("timed-out")),
    ] {
        let booking = tenant.booking(MINUTE);
        assert_eq!(harness.adapter().book(&booking).await, Ok(HoldResult::Granted));
        harness.adapter().settle(&settlement(&booking, &outcome)).await.expect("the server responds");
        let call_id = &booking.identity.call_id;
        let sql = format!(
            "select state, outcome_detail, (extract(epoch from settled_at - booked_at))::bigint::text as seconds \
               from calls where id = '{call_id}'"
        );
        let rows = harness.database().query(&sql).await;
        let text = |column: &str| rows[0].get::<Option<String>, _>(column);
        assert_eq!(text("state").as_deref(), Some(state));
        assert_eq!(text("outcome_detail").as_deref(), detail, "{state}");
        assert_eq!(text("seconds").as_deref(), Some("60"), "{state}");
    }
}

/// A call whose outcome was unknown may turn out to have been placed. That does not shorten the
/// reservation, since the phone may ring until its end. A known outcome stays.
#[tokio::test]
async fn an_unknown_outcome_can_become_known_and_a_known_one_stays() {
    let (harness, tenant) = harness_with_tenant().await;
    let ledger = harness.adapter();
    let booking = tenant.booking(MINUTE * 10);
    ledger.book(&booking).await.expect("the server responds");
    for outcome in [
        DialOutcome::Unknown(UnknownCause::ConnectionLost),
        DialOutcome::NotDialled(NotDialledReason::Unavailable),
        DialOutcome::Placed(fixtures::provider_reference()),
        DialOutcome::NotDialled(NotDialledReason::Unavailable),
        DialOutcome::Unknown(UnknownCause::TimedOut),
    ] {
        ledger.settle(&settlement(&booking, &outcome)).await.expect("settling twice is no error");
    }
    harness.pass(MINUTE * 9).await;
    let again = Booking { key: booking.key.clone(), ..tenant.booking(MINUTE) };
    let result = ledger.book(&again).await.expect("the server responds");
    let HoldResult::Settled(SettledCall::Placed(reference)) = result else {
        panic!("a duplicate of a placed call gets the placed call, not {result:?}");
    };
    assert_eq!(reference.call_id, booking.identity.call_id);
    assert!(reference.conversation_id.is_some() && reference.carrier_call_id.is_some());
}

/// The statements of the bookings that lose see the ledger as it was before the winner: they must
/// look again, and must not answer with the call whose reservation has expired.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_takes_over_an_expired_reservation() {
    let (harness, tenant) = harness_with_tenant().await;
    let first = tenant.booking(MINUTE);
    harness.adapter().book(&first).await.expect("the server responds");
    let placed = DialOutcome::Placed(fixtures::provider_reference());
    harness.adapter().settle(&settlement(&first, &placed)).await.expect("the server responds");
    for round in 0..10 {
        harness.pass(MINUTE * 2).await;
        let start = Arc::new(Barrier::new(20));
        let bookings: Vec<_> = (0..20)
            .map(|_| {
                let (ledger, start) = (harness.adapter(), Arc::clone(&start));
                let booking = Booking { key: first.key.clone(), ..tenant.booking(MINUTE) };
                tokio::spawn(async move {
                    start.wait().await;
                    ledger.book(&booking).await
                })
            })
            .collect();
        let mut granted = 0;
        for booking in bookings {
            match booking.await.expect("no booking panics").expect("the server responds") {
                HoldResult::Granted => granted += 1,
                HoldResult::InFlight { remaining } => assert!(remaining > MINUTE / 2, "{remaining:?}"),
                held => {
                    panic!("answered with a call whose reservation has expired: {held:?}")
                }
            }
        }
        assert_eq!(granted, 1, "round {round}");
    }
}

/// A booking that names what is not stored leaves no reservation. The error names no ids.
#[tokio::test]
async fn a_booking_that_is_refused_leaves_no_reservation_and_quotes_nothing() {
    let (harness, tenant) = harness_with_tenant().await;
    let other = Tenant::new();
    harness.store(&other.records()).await;
    let foreign_contact = Booking {
        identity: CallIdentity { contact_id: other.contact_id(), ..tenant.booking(MINUTE).identity },
        ..tenant.booking(MINUTE)
    };
    let refusal = harness
        .adapter()
        .book(&foreign_contact)
        .await
        .expect_err("another organization's contact cannot be called");
    assert_eq!(
        refusal.to_string(),
        "postgres is unavailable: the user, the contact or the agent of a call is not stored"
    );
    let own_contact = Booking { key: foreign_contact.key, ..tenant.booking(MINUTE) };
    assert_eq!(harness.adapter().book(&own_contact).await, Ok(HoldResult::Granted));
}

#[tokio::test]
async fn a_stored_number_in_no_known_range_can_be_read() {
    let (harness, tenant) = harness_with_tenant().await;
    harness.database().execute("update contacts set phone_number = '+99912345678'").await;
    let found = harness.adapter().find(&tenant.organization.id, &tenant.contact_id()).await;
    let number = found.expect("a readable row").and_then(|contact| contact.phone_number);
    assert_eq!(number.map(|number| number.as_e164().to_owned()).as_deref(), Some("+99912345678"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_by_its_column_alone() {
    let (harness, tenant) = harness_with_tenant().await;
    harness.database().execute("update contacts set phone_number = '416-555-0110'").await;
    let found = harness.adapter().find(&tenant.organization.id, &tenant.contact_id()).await;
    let inconsistency = found.expect_err("that is no phone number").to_string();
    assert_eq!(
        inconsistency,
        "postgres is unavailable: contacts.phone_number holds a value that cannot be read"
    );
}
