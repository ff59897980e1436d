use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::ports::{EventFeed, FeedQuery};
use domain::{CallEvent, CallEventKind, CallStatus, DialOutcome, EventId, EventSequence};
use tokio::task::JoinHandle;

use crate::call_events::{LONG, publish, query, read};
use crate::call_ledger::booking::{settlement, tenant};
use crate::call_updates::bare_conversation;
use crate::fixtures::{Tenant, provider_reference};
use crate::harness::CallEventsHarness;

const WRITERS: usize = 8;
const CALLS_EACH: usize = 6;

/// While many tasks write calls of two tenants and several processes publish, readers continue from
/// their own sequence. In the end each reader has seen every event of its tenant once, in rising
/// order, and the same events as a reader who starts afterwards.
pub async fn no_event_is_passed_over(harness: &impl CallEventsHarness) {
    let tenants = [tenant(harness).await, tenant(harness).await];
    let feeds = [harness.feed(), harness.other_feed().await];
    let (written, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));

    let readers: Vec<_> = tenants
        .iter()
        .flat_map(|tenant| feeds.iter().map(move |feed| (tenant, feed)))
        .map(|(tenant, feed)| (tenant, read_along(feed, tenant, &published)))
        .collect();
    let publishers: Vec<_> = feeds
        .iter()
        .chain(&feeds)
        .map(|feed| publish_along(Arc::clone(feed), Arc::clone(&written)))
        .collect();
    let writers: Vec<_> = (0..WRITERS).map(|writer| write(harness, &tenants[writer % 2])).collect();

    let mut expected = [BTreeSet::new(), BTreeSet::new()];
    for (number, writer) in writers.into_iter().enumerate() {
        expected[number % 2].extend(writer.await.expect("no writer panics"));
    }
    written.store(true, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.expect("no publisher panics");
    }
    while publish(harness).await > 0 {}
    published.store(true, Ordering::SeqCst);

    let mut seen = Vec::new();
    for (tenant, reader) in readers {
        seen.push((tenant, reader.await.expect("no reader panics")));
    }
    for (tenant, seen) in seen {
        let index = tenants.iter().position(|other| other.organization.id == tenant.organization.id);
        let expected = &expected[index.expect("one of the two tenants")];
        let ids: BTreeSet<EventId> = seen.iter().map(|event| event.id.clone()).collect();
        assert_eq!(seen.len(), ids.len(), "an event was read twice");
        assert!(seen.is_sorted_by(|one, next| one.sequence < next.sequence), "sequences that do not rise");
        let missed = expected.difference(&ids).count();
        assert_eq!(missed, 0, "events that a reader missed, of {}", expected.len());
        assert_eq!(&ids, expected, "events that were not written");
        assert!(read(harness, tenant).await == seen, "a later reader reads other events");
    }
}

/// Books, settles and ends some calls of a tenant. Returns the ids of their events.
fn write(harness: &impl CallEventsHarness, tenant: &Tenant) -> JoinHandle<Vec<EventId>> {
    let (ledger, updater) = (harness.ledger(), harness.updater());
    let bookings: Vec<_> = (0..CALLS_EACH).map(|_| tenant.booking(LONG)).collect();
    tokio::spawn(async move {
        let mut written = Vec::new();
        for booking in &bookings {
            ledger.book(booking).await.expect("store is up");
            let outcome = DialOutcome::Placed(provider_reference());
            let settlement = settlement(booking, &booking.token, &outcome, LONG);
            ledger.settle(&settlement).await.expect("store is up");
            let completed = bare_conversation(CallStatus::Completed);
            updater.merge(&booking.identity.call_id, &completed).await.expect("store is up");
            // Publishers and readers run in between, also on a fast store.
            tokio::time::sleep(Duration::from_millis(5)).await;
            written.extend([
                EventId::of(&booking.identity.call_id, CallEventKind::Initiated, CallStatus::Initiated),
                EventId::of(&booking.identity.call_id, CallEventKind::Answered, CallStatus::InProgress),
                EventId::of(&booking.identity.call_id, CallEventKind::Ended, CallStatus::Completed),
            ]);
        }
        written
    })
}

/// Publishes a few events at a time until all are written.
fn publish_along(feed: Arc<dyn EventFeed>, written: Arc<AtomicBool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while !written.load(Ordering::SeqCst) {
            feed.publish(7).await.expect("store is up");
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    })
}

/// Reads a few events at a time, after the last one each time, until all are published and read.
fn read_along(
    feed: &Arc<dyn EventFeed>,
    tenant: &Tenant,
    published: &Arc<AtomicBool>,
) -> JoinHandle<Vec<CallEvent>> {
    let (feed, published) = (Arc::clone(feed), Arc::clone(published));
    let query = query(tenant, EventSequence::START);
    let mut query = FeedQuery { limit: 5, wait: Duration::from_millis(50), ..query };
    tokio::spawn(async move {
        let mut seen: Vec<CallEvent> = Vec::new();
        loop {
            let is_over = published.load(Ordering::SeqCst);
            let page = feed.read(&query).await.expect("store is up");
            match page.last() {
                Some(last) => query.after = last.sequence,
                None if is_over => break seen,
                None => {}
            }
            seen.extend(page);
        }
    })
}
