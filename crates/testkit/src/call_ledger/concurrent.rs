use domain::ports::HoldResult;
use domain::{Booking, CallIdentity, DialOutcome, NotDialledReason, UnknownCause};

use super::LONG;
use super::booking::{
    book, calls, duplicate, in_flight, only_call, result, results, settled, settlement, tenant, undecided,
};
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::Tenant;
use crate::harness::CallLedgerHarness;

/// Each of many bookings at the same time gets its own result: some are granted, some are blocked, and
/// some name a contact of another organization. Each of many settlements at the same time changes its
/// own call and its own reservation.
pub async fn operations_at_the_same_time_do_not_affect_each_other(harness: &impl CallLedgerHarness) {
    let (tenant, stranger) = (tenant(harness).await, Tenant::new().booking(LONG).identity);
    let held = tenant.booking(LONG);
    assert_eq!(book(harness, &held).await, HoldResult::Granted);
    let bookings: Vec<Booking> = (0..CROWD)
        .map(|n| match n % 5 {
            0 => duplicate(&held),
            1 => {
                let booking = tenant.booking(LONG);
                let contact_id = stranger.contact_id.clone();
                Booking { identity: CallIdentity { contact_id, ..booking.identity.clone() }, ..booking }
            }
            _ => tenant.booking(LONG),
        })
        .collect();
    let crowd = bookings.iter().cloned().map(|booking| {
        let ledger = harness.ledger();
        async move { ledger.book(&booking).await }
    });
    let mut booked = Vec::new();
    for ((n, answer), booking) in all_at_once(crowd).await.into_iter().enumerate().zip(bookings) {
        match n % 5 {
            0 => drop(in_flight(answer.expect("store is up"))),
            1 => assert!(answer.is_err(), "a call with an unknown contact: {answer:?}"),
            _ => {
                assert_eq!(answer, Ok(HoldResult::Granted), "a free key");
                booked.push(booking);
            }
        }
    }
    assert_eq!(calls(harness, &tenant).await.len(), booked.len() + 1);

    let free = [NotDialledReason::Unavailable].map(DialOutcome::NotDialled);
    let unknown = [UnknownCause::TimedOut].map(DialOutcome::Unknown);
    let outcomes = results().into_iter().chain(free).chain(unknown).cycle();
    let ended: Vec<(Booking, DialOutcome)> = booked.into_iter().zip(outcomes).collect();
    let crowd = ended.iter().cloned().map(|(booking, outcome)| {
        let ledger = harness.ledger();
        async move { ledger.settle(&settlement(&booking, &booking.token, &outcome, LONG)).await }
    });
    assert!(all_at_once(crowd).await.iter().all(Result::is_ok), "store is up");
    for (booking, outcome) in &ended {
        assert_eq!(only_call(harness, booking).await, settled(booking, outcome));
        let answer = book(harness, &duplicate(booking)).await;
        match outcome {
            DialOutcome::Placed(_) | DialOutcome::NotConnected { .. } => {
                assert_eq!(answer, HoldResult::Settled(result(booking, outcome)));
            }
            DialOutcome::NotDialled(_) => assert_eq!(answer, HoldResult::Granted, "the key is free"),
            DialOutcome::Unknown(_) => drop(undecided(answer)),
        }
    }
    in_flight(book(harness, &duplicate(&held)).await);
}
