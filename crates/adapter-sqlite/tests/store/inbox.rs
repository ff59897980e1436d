//! What the inbox does with large bodies.

use std::time::Duration;

use domain::ports::{AcceptResult, ClosedBody, EventInbox, IncomingEvent, OpenEvent};
use testkit::fixtures::{call_id, moment};

use crate::{LONG, beside, migrated};

/// Recordings are as large as an event may be, and a batch of them is held in memory at once.
#[tokio::test]
async fn large_events_are_handed_out_whole_and_in_portions() {
    let (store, ..) = &migrated().await;
    let sizes = [5 << 20, 5 << 20, 16 << 20, 2];
    let events = sizes.iter().zip(0..).map(|(size, at)| OpenEvent {
        key: format!("post_call_audio:{at}"),
        body: vec![7; *size],
        received_at: moment().after(Duration::from_secs(at)),
    });
    let events: Vec<OpenEvent> = events.collect();
    for OpenEvent { key, body, received_at } in &events {
        let event = IncomingEvent { key, kind: "post_call_audio", body, received_at: *received_at };
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Accepted));
    }
    for portion in [&events[..2], &events[2..3], &events[3..], &[]] {
        let leased = store.lease(20, LONG).await.expect("store is up");
        // Not by `assert_eq!`, which would print them.
        assert!(leased == portion, "{} events instead of {}", leased.len(), portion.len());
    }
}

/// A recording is elsewhere once its event is closed, and the books are not to grow by it.
#[tokio::test]
async fn the_body_of_a_closed_event_is_dropped_where_it_is_to_go() {
    let (store, path, _folder) = migrated().await;
    let mut beside = beside(&path).await;
    for (key, closed, left) in [("audio", ClosedBody::Dropped, 0), ("transcription", ClosedBody::Kept, 5)] {
        let event = IncomingEvent { key, kind: key, body: b"12345", received_at: moment() };
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Accepted));
        EventInbox::close(&store, key, Some(call_id()), closed).await.expect("store is up");
        let length: i64 = sqlx::query_scalar("select length(body) from provider_events where key = ?")
            .bind(key)
            .fetch_one(&mut beside)
            .await
            .expect("the event stays");
        assert_eq!(length, left, "{key}");
        assert_eq!(store.accept(&event).await, Ok(AcceptResult::Known));
    }
    assert_eq!(store.lease(10, LONG).await, Ok(Vec::new()));
}
