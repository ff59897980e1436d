//! What the pace of a call depends on.

use std::time::Duration;

use domain::ports::{CallCount, OutboundQuery, ProvisionedTrunk, ProvisioningChanges, Recipient};
use domain::{
    AnswerTime, Booking, CallIdentity, CallStatus, CallerNumber, Carrier, DialOutcome, DirectoryRecord,
    NotDialledReason, NumberRecord, PacingFacts, PhoneNumber, Timestamp, TrunkFacts,
};

use super::{query, resolve};
use crate::call_ledger::booking::{book, settlement};
use crate::call_updates::{bare_conversation, given_up, merge};
use crate::fixtures::{Tenant, carrier, moment, number, phone_number, provider_reference, trunk_id};
use crate::harness::OutboundDirectoryHarness;

const A_MINUTE: Duration = Duration::from_mins(1);

/// The trunks of the carriers are found with their limits, and no other ones. Nothing is counted.
pub async fn the_trunks_of_the_carriers_are_found(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let carriers = [carrier(), carrier(), carrier()];
    let trunks =
        [(&carriers[0], 3), (&carriers[1], 9), (&carrier(), 5)].map(|(carrier, calls_per_second)| {
            ProvisionedTrunk { id: trunk_id(), carrier: carrier.clone(), calls_per_second }
        });
    for trunk in &trunks {
        store_trunk(harness, trunk).await;
    }
    let expected: Vec<TrunkFacts> = trunks[..2].iter().map(|trunk| facts_of(trunk, None)).collect();
    let found = found(harness, &OutboundQuery { carriers: &carriers, ..of(&tenant) }).await;
    assert_eq!(found, sorted(PacingFacts { trunks: expected, organization_calls: None }));
    let none = self::found(harness, &OutboundQuery { carriers: &carriers[2..], ..of(&tenant) }).await;
    assert_eq!(none, PacingFacts::default());
}

/// Calls count from their booking to their end, those of the organization and those over each trunk,
/// of whichever organization. Whether they are counted is up to the query.
pub async fn calls_that_have_not_ended_are_counted(harness: &impl OutboundDirectoryHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&ours.records()).await;
    harness.store(&theirs.records()).await;
    let (on_one, on_other) = (carrier(), carrier());
    let carriers = [on_one.clone(), on_other.clone()];
    let trunks =
        carriers.clone().map(|carrier| ProvisionedTrunk { id: trunk_id(), carrier, calls_per_second: 1 });
    for trunk in &trunks {
        store_trunk(harness, trunk).await;
    }
    let first = add_number(harness, &ours, &on_one, true).await;
    let second = add_number(harness, &ours, &on_other, true).await;
    let off_trunk = add_number(harness, &ours, &on_one, false).await;
    let their_number = add_number(harness, &theirs, &on_one, true).await;

    let placed = DialOutcome::Placed(provider_reference());
    let not_dialled = DialOutcome::NotDialled(NotDialledReason::Unavailable);
    let unknown = DialOutcome::Unknown(domain::UnknownCause::TimedOut);
    call(harness, &ours, &first, 10, None).await;
    call(harness, &ours, &first, 10, Some(&placed)).await;
    call(harness, &ours, &second, 11, Some(&unknown)).await;
    call(harness, &ours, &off_trunk, 12, None).await;
    call(harness, &theirs, &their_number, 13, None).await;
    // These have ended, were given up, or are too old.
    call(harness, &ours, &first, 14, Some(&not_dialled)).await;
    for end in [bare_conversation(CallStatus::Completed), given_up()] {
        let ended = call(harness, &ours, &first, 15, Some(&placed)).await;
        merge(harness, &ended, &end).await;
    }
    call(harness, &ours, &first, 9, None).await;

    let query = OutboundQuery { carriers: &carriers, ..of(&ours) };
    let counting = OutboundQuery { count_calls: counting_up_to(9), ..query };
    let expected = |calls: [Option<u32>; 2], organization_calls| {
        let trunks = trunks.iter().zip(calls).map(|(trunk, calls)| facts_of(trunk, calls)).collect();
        sorted(PacingFacts { trunks, organization_calls })
    };
    assert_eq!(found(harness, &counting).await, expected([Some(3), Some(1)], Some(4)));
    assert_eq!(found(harness, &query).await, expected([None, None], None), "counted without being asked");
    let listing = OutboundQuery { list_numbers: true, ..counting };
    assert_eq!(found(harness, &listing).await, expected([Some(3), Some(1)], Some(4)));
    let theirs = OutboundQuery { carriers: &carriers, count_calls: counting_up_to(9), ..of(&theirs) };
    assert_eq!(found(harness, &theirs).await, expected([Some(3), Some(1)], Some(1)));
}

/// A count goes no further than a limit needs.
pub async fn calls_are_counted_up_to_a_number(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let carriers = [carrier()];
    let trunk = ProvisionedTrunk { id: trunk_id(), carrier: carriers[0].clone(), calls_per_second: 1 };
    store_trunk(harness, &trunk).await;
    let from = add_number(harness, &tenant, &carriers[0], true).await;
    for _ in 0..3 {
        call(harness, &tenant, &from, 10, None).await;
    }
    for (at_most, counted) in [(2, 2), (3, 3), (4, 3)] {
        let query =
            OutboundQuery { carriers: &carriers, count_calls: counting_up_to(at_most), ..of(&tenant) };
        let trunks = vec![facts_of(&trunk, Some(counted))];
        let expected = PacingFacts { trunks, organization_calls: Some(counted) };
        assert_eq!(found(harness, &query).await, expected, "at most {at_most}");
    }
}

fn counting_up_to(at_most: u32) -> Option<CallCount> {
    Some(CallCount { since: minute(10), at_most })
}

fn of(tenant: &Tenant) -> OutboundQuery<'_> {
    query(tenant, Recipient::Number(tenant.contact.phone_number.as_ref().expect("the fixture has a number")))
}

async fn found(harness: &impl OutboundDirectoryHarness, query: &OutboundQuery<'_>) -> PacingFacts {
    sorted(resolve(harness, query).await.expect("a known user").pacing)
}

/// Trunks come in any order.
fn sorted(mut facts: PacingFacts) -> PacingFacts {
    facts.trunks.sort_by(|one, other| one.id.cmp(&other.id));
    facts
}

fn facts_of(trunk: &ProvisionedTrunk, calls: Option<u32>) -> TrunkFacts {
    let ProvisionedTrunk { id, carrier, calls_per_second } = trunk.clone();
    TrunkFacts { id, carrier, calls_per_second, calls }
}

async fn add_number(
    harness: &impl OutboundDirectoryHarness,
    tenant: &Tenant,
    carrier: &Carrier,
    on_trunk: bool,
) -> PhoneNumber {
    let NumberRecord { number, .. } = number(&tenant.user, 0);
    let number = CallerNumber { carrier: carrier.clone(), on_trunk, ..number };
    let phone_number = number.phone_number.clone();
    harness.store(&[DirectoryRecord::Number(NumberRecord { number, position: 3 })]).await;
    phone_number
}

fn minute(minute: u32) -> Timestamp {
    moment().after(A_MINUTE * minute)
}

/// A call from this number that was booked in this minute, and is dialling without an outcome.
async fn call(
    harness: &impl OutboundDirectoryHarness,
    tenant: &Tenant,
    from: &PhoneNumber,
    minute_booked: u32,
    outcome: Option<&DialOutcome>,
) -> Booking {
    let booking = tenant.booking(A_MINUTE * 2);
    let identity = CallIdentity { from: from.clone(), to: phone_number(), ..booking.identity };
    let booking = Booking { identity, booked_at: minute(minute_booked), ..booking };
    book(harness, &booking).await;
    if let Some(outcome) = outcome {
        let settlement = domain::ports::Settlement {
            settled_at: booking.booked_at.after(A_MINUTE),
            status: CallStatus::after(outcome, AnswerTime::AfterRinging),
            ..settlement(&booking, &booking.token, outcome, A_MINUTE)
        };
        harness.ledger().settle(&settlement).await.expect("store is up");
    }
    booking
}

async fn store_trunk(harness: &impl OutboundDirectoryHarness, trunk: &ProvisionedTrunk) {
    let changes = ProvisioningChanges { trunk: Some(trunk.clone()), ..ProvisioningChanges::default() };
    harness.provisioning().apply(&changes).await.expect("the store responds");
}
