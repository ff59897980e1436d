use domain::ports::FeedQuery;
use domain::{CallEvent, CallId, DialOutcome, EventSequence};

use crate::call_events::{LONG, booked, publish, query, read, read_behind};
use crate::call_ledger::booking::{settle, tenant};
use crate::fixtures::{Tenant, organization_id, provider_reference};
use crate::harness::CallEventsHarness;

/// No event is read before it is published, and all are read after that. Publishing takes the
/// oldest events first, at most the limit, and returns their number.
pub async fn what_is_published_is_read(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    assert_eq!(publish(harness).await, 0, "nothing was written");
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(booked(harness, &tenant).await.identity.call_id);
    }
    assert_eq!(read(harness, &tenant).await, [], "nothing is published");
    for (published, in_all) in [(2, 2), (1, 3), (0, 3)] {
        assert_eq!(harness.feed().publish(2).await.expect("store is up"), published);
        assert_eq!(calls(&read(harness, &tenant).await), expected[..in_all]);
    }
    let other = harness.other_feed().await;
    expected.push(booked(harness, &tenant).await.identity.call_id);
    assert_eq!(other.publish(10).await.expect("store is up"), 1);
    assert_eq!(calls(&read(harness, &tenant).await), expected);
}

/// Sequences are positive and rise. After each of them the remaining events are read, in order, up
/// to the limit. After the newest there is none.
pub async fn events_are_read_after_any_sequence(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    for _ in 0..4 {
        let booking = booked(harness, &tenant).await;
        settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
        publish(harness).await;
    }
    let all = read(harness, &tenant).await;
    assert_eq!(all.len(), 8);
    assert!(all[0].sequence > EventSequence::START);
    assert!(all.is_sorted_by(|one, next| one.sequence < next.sequence), "two events with one sequence");
    for (index, event) in all.iter().enumerate() {
        let rest = &all[index + 1..];
        assert!(read_behind(harness, &tenant, event.sequence).await == rest, "after event {index}");
        let page = FeedQuery { limit: 3, ..query(&tenant, event.sequence) };
        let page = harness.feed().read(&page).await.expect("store is up");
        assert!(page == rest[..rest.len().min(3)], "a page after event {index}");
    }
    let beyond = EventSequence::from_number(i64::MAX).expect("a positive number");
    assert_eq!(read_behind(harness, &tenant, beyond).await, []);
}

/// Each tenant reads its own events and no others, though they were written and published in turns.
pub async fn events_are_the_tenants_own(harness: &impl CallEventsHarness) {
    let tenants = [tenant(harness).await, tenant(harness).await];
    let mut expected = [Vec::new(), Vec::new()];
    for _ in 0..3 {
        for (tenant, expected) in tenants.iter().zip(&mut expected) {
            expected.push(booked(harness, tenant).await.identity.call_id);
        }
    }
    assert_eq!(publish(harness).await, 6);
    for (tenant, expected) in tenants.iter().zip(&expected) {
        let events = read(harness, tenant).await;
        assert_eq!(&calls(&events), expected);
        assert!(events.iter().all(|event| event.identity.organization_id == tenant.organization.id));
    }
    let stranger =
        FeedQuery { organization_id: organization_id(), ..query(&tenants[0], EventSequence::START) };
    assert_eq!(harness.feed().read(&stranger).await.expect("store is up"), []);
}

/// The newest sequence is that of the organization's newest published event, or the start. Later
/// events are read after it.
pub async fn the_newest_sequence_is_known(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    booked(harness, &ours).await;
    assert_eq!(newest(harness, &ours).await, EventSequence::START, "nothing is published");
    booked(harness, &ours).await;
    publish(harness).await;
    let events = read(harness, &ours).await;
    assert_eq!(newest(harness, &ours).await, events[1].sequence);
    booked(harness, &theirs).await;
    booked(harness, &ours).await;
    assert_eq!(newest(harness, &theirs).await, EventSequence::START, "another tenant's sequence");
    assert_eq!(newest(harness, &ours).await, events[1].sequence, "the newer one is not published");
    let sequence = newest(harness, &ours).await;
    publish(harness).await;
    let new = read_behind(harness, &ours, sequence).await;
    assert_eq!(new.len(), 1);
    assert_eq!(newest(harness, &ours).await, new[0].sequence);
    let their_events = read(harness, &theirs).await;
    assert_eq!(newest(harness, &theirs).await, their_events[0].sequence);
}

/// Later events have numbers above those that were left out, whichever process skips and publishes, also
/// before the first event. Earlier events keep theirs.
pub async fn skipped_numbers_are_not_given(harness: &impl CallEventsHarness) {
    const SKIPPED: u32 = 1_000_000;
    let tenant = tenant(harness).await;
    harness.other_feed().await.skip(SKIPPED).await.expect("store is up");
    booked(harness, &tenant).await;
    publish(harness).await;
    let before = read(harness, &tenant).await;
    let first = before[0].sequence.number();
    assert!(first > i64::from(SKIPPED), "{first}");
    harness.feed().skip(SKIPPED).await.expect("store is up");
    assert_eq!(read(harness, &tenant).await, before, "what was published stays as it is");
    booked(harness, &tenant).await;
    harness.other_feed().await.publish(10).await.expect("store is up");
    let after = read_behind(harness, &tenant, before[0].sequence).await;
    let second = after[0].sequence.number();
    assert!(second > first + i64::from(SKIPPED), "{first} and {second}");
}

fn calls(events: &[CallEvent]) -> Vec<CallId> {
    events.iter().map(|event| event.identity.call_id.clone()).collect()
}

async fn newest(harness: &impl CallEventsHarness, tenant: &Tenant) -> EventSequence {
    harness.feed().newest(&tenant.organization.id).await.expect("store is up")
}
