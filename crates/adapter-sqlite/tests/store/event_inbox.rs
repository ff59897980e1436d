//! Large bodies in the inbox.

use std::time::Duration;

use domain::ports::{AcceptResult, ClosedBody, EventInbox, InboxLease, IncomingEvent, OpenEvent};
use testkit::fixtures::{call_id, moment};

use crate::{LONG, connect, migrated};

/// A lease that prefers the events received a minute after the first.
fn lease() -> InboxLease {
    InboxLease { recent_since: moment().after(LONG), limit: 20, lease_for: LONG }
}

/// Recordings are as large as an event may be, and all bodies of a lease are in memory at the same
/// time.
#[tokio::test]
async fn large_events_are_leased_whole_and_in_portions() {
    let (store, ..) = &migrated().await;
    let sizes = [5 << 20, 5 << 20, 16 << 20, 2];
    let events = sizes.iter().zip(0..).map(|(size, at)| OpenEvent {
        key: format!("post_call_audio:{at}"),
        body: vec![7; *size],
        received_at: moment().after(Duration::from_secs(at)),
        organization_id: None,
    });
    let events: Vec<OpenEvent> = events.collect();
    for OpenEvent { key, body, received_at, .. } in &events {
        let event = IncomingEvent {
            key,
            kind: "post_call_audio",
            body,
            received_at: *received_at,
            organization_id: None,
        };
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Accepted));
    }
    for portion in [&events[..2], &events[2..3], &events[3..], &[]] {
        let leased = store.lease(&lease()).await.expect("the store is available");
        // Not with `assert_eq!`, which would print the bodies.
        assert!(leased == portion, "{} events instead of {}", leased.len(), portion.len());
    }
}

/// A recording is stored elsewhere when its event is closed, so that the file must not keep the
/// body.
#[tokio::test]
async fn the_body_of_an_event_that_is_closed_as_dropped_is_removed() {
    let (store, path, _folder) = migrated().await;
    let mut connection = connect(&path).await;
    for (key, closed, left) in [("audio", ClosedBody::Dropped, 0), ("transcription", ClosedBody::Kept, 5)] {
        let event =
            IncomingEvent { key, kind: key, body: b"12345", received_at: moment(), organization_id: None };
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Accepted));
        EventInbox::close(&store, key, Some(call_id()), closed).await.expect("the store is available");
        let length: i64 = sqlx::query_scalar("select length(body) from provider_events where key = ?")
            .bind(key)
            .fetch_one(&mut connection)
            .await
            .expect("the event stays");
        assert_eq!(length, left, "{key}");
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Known));
    }
    assert_eq!(store.lease(&lease()).await, Ok(Vec::new()));
}

/// Events of other systems in a shared workspace may wait for a call in any number. They do not
/// delay a new event.
#[tokio::test]
async fn a_new_event_is_leased_before_thousands_that_wait() {
    let (store, path, _folder) = migrated().await;
    sqlx::query(
        "with recursive numbers (number) as (select 1 union all select number + 1 from numbers limit 20000)
         insert into provider_events (key, kind, body, received_at, open_at)
         select 'waiting:' || number, 'post_call_transcription', x'7b7d', ?1 - number, number from numbers",
    )
    .bind(moment().unix_millis())
    .execute(&mut connect(&path).await)
    .await
    .expect("the table is there");
    let received_at = moment().after(LONG * 2);
    let event = IncomingEvent {
        key: "ours",
        kind: "post_call_transcription",
        body: b"{}",
        received_at,
        organization_id: None,
    };
    assert_eq!(store.accept(&event).await, Ok(AcceptResult::Accepted));
    let leased = store.lease(&lease()).await.expect("the store is available");
    assert_eq!(leased.len(), 20);
    assert_eq!(leased.last().map(|event| event.key.as_str()), Some("ours"), "the newest one");
    let mut waited: Vec<&str> = leased[..19].iter().map(|event| event.key.as_str()).collect();
    waited.sort_unstable();
    let mut due: Vec<String> = (1..20).map(|number| format!("waiting:{number}")).collect();
    due.sort_unstable();
    assert_eq!(waited, due, "those that are due the longest");
}
