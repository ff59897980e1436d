use std::time::Duration;

use domain::EventSequence;
use domain::ports::FeedQuery;
use tokio::time::{Instant, timeout};

use crate::call_events::{A_SECOND, LONG, booked, publish, query, read_behind};
use crate::call_ledger::booking::tenant;
use crate::harness::CallEventsHarness;

/// The time within which a waiting reader must wake: shorter than a store needs that polls now and
/// then.
const SOON: Duration = Duration::from_secs(4);

/// Readers in two processes wake when either process publishes an event, when they start to wait or
/// later. They do not wait if there is an event already.
pub async fn a_waiting_reader_is_answered(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let feeds = [harness.feed(), harness.other_feed().await];
    let mut position = EventSequence::START;
    for round in 0..8 {
        let call_id = booked(harness, &tenant).await.identity.call_id;
        let query = FeedQuery { wait: LONG, ..query(&tenant, position) };
        let readers = feeds.clone().map(|feed| {
            let query = query.clone();
            tokio::spawn(async move { feed.read(&query).await })
        });
        // In half of the rounds the readers are still reading, in the others they wait.
        match round / 2 % 2 {
            0 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_millis(300)).await,
        }
        let published = feeds[round % 2].publish(10).await;
        assert_eq!(published.expect("store is up"), 1);
        for reader in readers {
            let answer = timeout(SOON, reader).await.expect("a waiting reader wakes soon");
            let events = answer.expect("reading does not panic").expect("store is up");
            let calls: Vec<_> = events.iter().map(|event| &event.identity.call_id).collect();
            assert_eq!(calls, [&call_id], "round {round}");
            position = events[0].sequence;
        }
        let immediate = timeout(SOON, feeds[0].read(&query)).await.expect("there is an event already");
        assert_eq!(immediate.expect("store is up").len(), 1);
    }
}

/// A wait without an event returns nothing when it is over, neither earlier nor much later, though
/// another tenant's events are published meanwhile. A reader that does not wait returns
/// immediately.
pub async fn a_wait_ends(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    booked(harness, &ours).await;
    publish(harness).await;
    let feed = harness.feed();
    let position = feed.newest(&ours.organization.id).await.expect("store is up");
    let wait = A_SECOND * 2;
    let waiting = FeedQuery { wait, ..query(&ours, position) };
    let began = Instant::now();
    let reader = tokio::spawn(async move { feed.read(&waiting).await });
    tokio::time::sleep(A_SECOND / 2).await;
    booked(harness, &theirs).await;
    assert_eq!(publish(harness).await, 1);
    let answer = timeout(wait + SOON, reader).await.expect("a wait ends");
    assert_eq!(answer.expect("reading does not panic").expect("store is up"), []);
    assert!(began.elapsed() >= wait, "a wait ended after {:?} of {wait:?}", began.elapsed());

    let immediate = timeout(SOON, read_behind(harness, &ours, position)).await;
    assert_eq!(immediate.expect("the reader does not wait"), []);
}
