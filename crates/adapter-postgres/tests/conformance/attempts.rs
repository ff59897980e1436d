//! The rows that count attempts.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{CallLedger, CallReader, HoldResult, Settlement};
use domain::{
    AttemptCount, Booking, BookingConditions, CallIdentity, CallStatus, Cap, DialOutcome, IntentKey,
    NotDialledReason, PhoneNumber, RefusalCode,
};
use sqlx::Row;
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;
use tokio::sync::Barrier;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);
const NOT_DIALLED: DialOutcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);

fn not_dialled(booking: &Booking) -> Settlement<'_> {
    Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &NOT_DIALLED,
        status: CallStatus::Failed,
        hold_for: MINUTE,
        settled_at: booking.booked_at,
    }
}

fn counted(tenant: &Tenant, to: &PhoneNumber, key: &IntentKey) -> Booking {
    let caps = vec![Cap { attempts: 5, within: MINUTE, unless_consent: false }];
    let attempt = Some(AttemptCount { caps, remember_for: MINUTE });
    let booking = tenant.booking(MINUTE);
    Booking {
        identity: CallIdentity { to: to.clone(), ..booking.identity },
        key: key.clone(),
        conditions: BookingConditions { attempt, ..BookingConditions::default() },
        ..booking
    }
}

/// Batches of two processes book and settle calls of few keys and few callees, in any order. None of
/// them fails because it waits for another. After all is taken back, no attempt is left.
#[tokio::test(flavor = "multi_thread")]
async fn bookings_and_settlements_of_the_same_callees_do_not_fail() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let stores = [harness.adapter(), harness.database().open().await];
    let keys: Vec<IntentKey> = (0..7).map(|_| fixtures::key()).collect();
    let callees: Vec<PhoneNumber> = (0..5).map(|_| fixtures::phone_number()).collect();
    for _ in 0..5 {
        let start = Arc::new(Barrier::new(48));
        let running: Vec<_> = (0..48)
            .map(|n| {
                let (ledger, start) = (stores[n % 2].clone(), Arc::clone(&start));
                let booking = counted(&tenant, &callees[n % callees.len()], &keys[n * 3 % keys.len()]);
                tokio::spawn(async move {
                    start.wait().await;
                    let answer = ledger.book(&booking).await?;
                    if answer == HoldResult::Granted {
                        ledger.settle(&not_dialled(&booking)).await?;
                    }
                    Ok::<_, domain::ports::PortUnavailable>(answer)
                })
            })
            .collect();
        let mut granted = 0;
        for work in running {
            let answer = work.await.expect("no work panics").expect("nothing fails");
            granted += usize::from(answer == HoldResult::Granted);
        }
        assert!(granted >= keys.len(), "{granted}");
    }
    let left = "select count(*) as left from call_attempts where cardinality(call_ids) + cardinality(attempted_at) > 0";
    assert_eq!(harness.database().query(left).await[0].get::<i64, _>("left"), 0);
}

/// Three bookings arrive together. A cap refuses the first, so that they are made one by one, and the
/// second then fails. The third is booked, and its caller gets that result.
#[tokio::test]
async fn a_booking_that_fails_after_its_batch_was_refused_fails_alone() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let booking = || counted(&tenant, &fixtures::phone_number(), &fixtures::key());
    let (mut refused, failing, free) = (booking(), booking(), booking());
    let cap = Cap { attempts: 0, within: MINUTE, unless_consent: false };
    refused.conditions.attempt = Some(AttemptCount { caps: vec![cap], remember_for: MINUTE });
    // It fires at the end of a statement, and so never before the cap.
    let fault = format!(
        "create function fail() returns trigger language plpgsql as $$ begin raise 'a full disk'; end $$;
         create trigger fault after insert on calls for each row when (new.id = '{}') execute function fail()",
        failing.identity.call_id
    );
    harness.database().execute(&fault).await;
    let store = harness.adapter();
    let results = tokio::join!(store.book(&refused), store.book(&failing), store.book(&free));
    assert_eq!(results.0, Ok(HoldResult::Refused(RefusalCode::AttemptCap)));
    assert!(results.1.is_err(), "{:?}", results.1);
    assert_eq!(results.2, Ok(HoldResult::Granted));
}

/// During an upgrade the previous release books calls, and a replica of this one may settle them.
#[tokio::test]
async fn a_call_of_the_previous_release_is_settled_and_read() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let booking = tenant.booking(MINUTE);
    let CallIdentity { call_id, organization_id, user_id, contact_id, agent_id, from, to } =
        &booking.identity;
    let texts = [organization_id.as_str(), user_id.as_str(), contact_id.as_str(), agent_id.as_str()];
    let [organization, user, contact, agent] = texts.map(|text| text.replace('\'', "''"));
    let (key, token) = (booking.key.as_str(), booking.token.as_str());
    let previous = format!(
        "insert into dial_guards (key, token, call_id, blocked_until)
         values ('{key}', '{token}', '{call_id}', now() + interval '1 minute');
         insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, reason,
                            variables, metadata, state, status_rank, booked_at)
         values ('{call_id}', '{organization}', '{user}', '{contact}', '{agent}', '{from}', '{to}', null, null, null,
                 'dialling', 0, now());
         insert into call_events (call_id, organization_id, kind, status_rank)
         values ('{call_id}', '{organization}', 'call_initiated', 0)",
        from = from.as_e164(),
        to = to.as_e164()
    );
    harness.database().execute(&previous).await;
    let store = harness.adapter();
    store.settle(&not_dialled(&booking)).await.expect("the server responds");
    let call = CallReader::find(&store, organization_id, call_id).await.expect("the server responds");
    assert!(call.is_some_and(|call| call.not_dialled.is_some()));
    assert_eq!(store.book(&booking_again(&booking)).await, Ok(HoldResult::Granted));
}

fn booking_again(booking: &Booking) -> Booking {
    let identity = CallIdentity { call_id: fixtures::call_id(), ..booking.identity.clone() };
    Booking { identity, ..booking.clone() }
}
