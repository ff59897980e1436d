//! The inbox, beyond what its port shows.

use std::time::Duration;

use domain::Timestamp;
use domain::ports::{AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent};
use sqlx::{Connection, PgConnection, Row};
use testkit::fixtures;

use crate::harness::PostgresHarness;

const LEASE_FOR: Duration = Duration::from_secs(60);

/// An event of this size, received this many milliseconds after the first.
fn event(at: i64, size: usize) -> OpenEvent {
    let body = (0..size).map(|index| u8::try_from(index % 251).expect("below 251")).collect();
    let received_at = Timestamp::from_unix_millis(fixtures::moment().unix_millis() + at);
    OpenEvent { key: format!("post_call_audio:{at}"), body, received_at, organization_id: None }
}

/// A lease that prefers the events received a minute after the first.
fn lease() -> InboxLease {
    InboxLease { recent_since: fixtures::moment().after(LEASE_FOR), limit: 20, lease_for: LEASE_FOR }
}

async fn accept(harness: &PostgresHarness, event: &OpenEvent) {
    let OpenEvent { key, body, received_at, .. } = event;
    let incoming = IncomingEvent {
        key,
        kind: "post_call_audio",
        body,
        received_at: *received_at,
        organization_id: None,
    };
    assert_eq!(harness.adapter().accept(&incoming).await, Ok(AcceptResult::Accepted));
}

/// The size of a lease is limited: if its response took longer than a statement may, the events
/// would never be leased.
#[tokio::test]
async fn large_events_are_leased_whole_and_in_portions() {
    let harness = PostgresHarness::new().await;
    let events: Vec<OpenEvent> = (0..4).map(|at| event(at, 5 << 20)).collect();
    for event in &events {
        accept(&harness, event).await;
    }
    for portion in events.chunks(2) {
        let leased = harness.adapter().lease(&lease()).await.expect("the server responds");
        // Not with `assert_eq!`, which would print the bodies.
        assert!(leased == portion, "two of four events of 5 MiB, and the older ones first");
    }
    assert_eq!(harness.adapter().lease(&lease()).await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_event_larger_than_a_portion_is_leased_alone() {
    let harness = PostgresHarness::new().await;
    let (large, small) = (event(0, 16 << 20), event(1, 2));
    accept(&harness, &large).await;
    accept(&harness, &small).await;
    for expected in [large, small] {
        let leased = harness.adapter().lease(&lease()).await.expect("the server responds");
        assert!(leased == [expected], "one event at a time");
    }
}

/// A worker does not wait for an event that another worker is leasing.
#[tokio::test]
async fn a_lease_skips_what_another_worker_is_leasing() {
    let harness = PostgresHarness::new().await;
    let (locked, free) = (event(0, 10), event(1, 10));
    accept(&harness, &locked).await;
    accept(&harness, &free).await;
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut locking = other.begin().await.expect("the server responds");
    sqlx::query("select from provider_events where key = $1 for update")
        .bind(&locked.key)
        .execute(&mut *locking)
        .await
        .expect("the event is there");
    assert_eq!(harness.adapter().lease(&lease()).await, Ok(vec![free]));
    locking.rollback().await.expect("the server responds");
    assert_eq!(harness.adapter().lease(&lease()).await, Ok(vec![locked]));
}

/// A dropped body takes no room any more, also if the event is closed once more. The body of
/// another event stays.
#[tokio::test]
async fn a_dropped_body_is_gone() {
    let harness = PostgresHarness::new().await;
    let (dropped, kept) = (event(0, 1 << 20), event(1, 10));
    for (event, body) in [(&dropped, ClosedBody::Dropped), (&kept, ClosedBody::Kept)] {
        accept(&harness, event).await;
        for body in [body, ClosedBody::Kept] {
            EventInbox::close(&harness.adapter(), &event.key, None, body).await.expect("the server responds");
        }
    }
    let rows = harness
        .database()
        .query("select octet_length(body)::text as size from provider_events order by received_at")
        .await;
    let sizes: Vec<String> = rows.iter().map(|row| row.get("size")).collect();
    assert_eq!(sizes, ["0", "10"]);
}

/// Events of other systems in a shared workspace may wait for a call in any number. They do not
/// delay a new event.
#[tokio::test]
async fn a_new_event_is_leased_before_thousands_that_wait() {
    let harness = PostgresHarness::new().await;
    let (first, ours) = (fixtures::moment(), event(2 * 60_000, 10));
    let insert = format!(
        "insert into provider_events (key, kind, body, received_at, open_at) \
         select 'waiting:' || number, 'post_call_transcription', '{{}}', \
                to_timestamp({}::numeric / 1000) - number * interval '1 ms', \
                clock_timestamp() + (number - 10000) * interval '1 s' \
           from generate_series(1, 20000) as number",
        first.unix_millis()
    );
    harness.database().execute(&insert).await;
    accept(&harness, &ours).await;
    let leased = harness.adapter().lease(&lease()).await.expect("the server responds");
    assert_eq!(leased.len(), 20);
    assert_eq!(leased.last(), Some(&ours), "the newest one");
    let mut waited: Vec<&str> = leased[..19].iter().map(|event| event.key.as_str()).collect();
    waited.sort_unstable();
    let mut due: Vec<String> = (1..20).map(|number| format!("waiting:{number}")).collect();
    due.sort_unstable();
    assert_eq!(waited, due, "those that are due the longest");
}
