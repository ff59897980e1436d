//! The suite of [`EventInbox`](domain::ports::EventInbox).

use std::slice::from_ref;
use std::time::Duration;

use domain::Timestamp;
use domain::ports::{AcceptResult, ClosedBody, InboxLease, IncomingEvent, OpenEvent};

use crate::eventually;
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, call_id, conversation_id, moment};
use crate::harness::EventInboxHarness;

suite! {
    $ event_inbox_suite of event_inbox:
    an_accepted_event_survives_a_crash,
    one_of_many_deliveries_is_accepted,
    an_event_is_leased_to_one_worker,
    a_leased_event_is_what_was_accepted,
    an_abandoned_event_is_leased_again,
    recent_events_are_leased_first,
    waiting_events_take_turns,
    a_closed_event_is_not_leased,
    a_postponed_event_waits,
    a_closed_event_can_leave_its_body,
    a_lost_inbox_is_unavailable,
}

/// A lease longer than any test.
const LONG: Duration = Duration::from_secs(120);
/// A lease that expires during a test, and a pause.
const BRIEF: Duration = Duration::from_secs(4);
const A_SECOND: Duration = Duration::from_secs(1);

/// After a crash an accepted event can be leased, and is known when it is delivered again. A closed
/// event stays closed.
pub async fn an_accepted_event_survives_a_crash(harness: &impl EventInboxHarness) {
    let (open, closed) = (event(0), event(1));
    accept(harness, &open).await;
    accept(harness, &closed).await;
    close(harness, &closed).await;
    harness.crash().await;
    // A connection from before the crash may fail first.
    let events =
        eventually("the inbox recovers", async || harness.inbox().lease(&all(10, LONG)).await.ok()).await;
    assert_eq!(events, from_ref(&open));
    for event in [&open, &closed] {
        assert_eq!(deliver(harness, event).await, AcceptResult::Known);
    }
}

/// Of fifty concurrent deliveries of one event one is accepted, the others are known, and the event
/// is stored once. It stays known after it is closed.
pub async fn one_of_many_deliveries_is_accepted(harness: &impl EventInboxHarness) {
    let event = event(0);
    let crowd = (0..CROWD).map(|_| {
        let (inbox, event) = (harness.inbox(), event.clone());
        async move { inbox.accept(&incoming(&event)).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    let accepted = answers.iter().filter(|answer| **answer == AcceptResult::Accepted).count();
    assert_eq!(accepted, 1, "deliveries of one event that were accepted");
    assert_eq!(lease(harness, 10, LONG).await, from_ref(&event));
    close(harness, &event).await;
    assert_eq!(deliver(harness, &event).await, AcceptResult::Known);
    assert_eq!(lease(harness, 10, LONG).await, []);
}

/// Fifty concurrent workers lease each event once in total, and none gets more than its limit.
pub async fn an_event_is_leased_to_one_worker(harness: &impl EventInboxHarness) {
    let events: Vec<OpenEvent> = (0..7).map(event).collect();
    for event in &events {
        accept(harness, event).await;
    }
    let crowd = (0..CROWD).map(|_| {
        let inbox = harness.inbox();
        async move { inbox.lease(&all(2, LONG)).await.expect("store is up") }
    });
    let shares = all_at_once(crowd).await;
    assert!(shares.iter().all(|share| share.len() <= 2), "a worker got more than its limit");
    let mut leased: Vec<OpenEvent> = shares.into_iter().flatten().collect();
    leased.sort_by_key(|event| event.received_at);
    assert!(leased == events, "of {} events the workers got {}", events.len(), leased.len());
}

/// A leased event is byte for byte what was accepted, for the same organization. The oldest events come first.
pub async fn a_leased_event_is_what_was_accepted(harness: &impl EventInboxHarness) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let bodies =
        [every_byte.clone(), "{\"a\": \"é\\u0000 \"}\r\n".into(), Vec::new(), every_byte.repeat(4096)];
    let events: Vec<OpenEvent> =
        bodies.into_iter().zip(0..).map(|(body, at)| OpenEvent { body, ..scoped(at) }).collect();
    for event in &events {
        accept(harness, event).await;
    }
    assert!(lease(harness, 3, LONG).await == events[..3], "the three oldest events");
    assert!(lease(harness, 3, LONG).await == events[3..], "the newest event");
}

/// An event whose worker died is leased again when its lease has expired, and not before.
pub async fn an_abandoned_event_is_leased_again(harness: &impl EventInboxHarness) {
    let event = event(0);
    accept(harness, &event).await;
    assert_eq!(lease(harness, 10, BRIEF).await, from_ref(&event));
    assert_eq!(lease(harness, 10, BRIEF).await, []);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [event]);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "the last worker chose the lease");
}

/// However many older events are open, those received after a time are leased first, and of these
/// the newest. The list is in the order of receiving.
pub async fn recent_events_are_leased_first(harness: &impl EventInboxHarness) {
    let old: Vec<OpenEvent> = (0..3).map(event).collect();
    let recent: Vec<OpenEvent> = (11..14).map(event).collect();
    for event in recent.iter().chain(&old) {
        accept(harness, event).await;
    }
    let lease = |limit| InboxLease { recent_since: old[2].received_at, ..all(limit, LONG) };
    let leased = async |limit| harness.inbox().lease(&lease(limit)).await.expect("store is up");
    assert_eq!(leased(2).await, recent[1..]);
    assert_eq!(leased(2).await, [old[0].clone(), recent[0].clone()]);
    assert_eq!(leased(10).await, old[1..]);
}

/// Events that wait are leased in the order in which they are due, whatever their age.
pub async fn waiting_events_take_turns(harness: &impl EventInboxHarness) {
    let [oldest, second, newest] = [0, 1, 2].map(event);
    for event in [&oldest, &second, &newest] {
        accept(harness, event).await;
    }
    assert_eq!(lease(harness, 10, LONG).await.len(), 3);
    for (event, pause) in [(&oldest, 3), (&second, 1), (&newest, 2)] {
        harness.inbox().postpone(&event.key, A_SECOND * pause).await.expect("store is up");
    }
    harness.pass(BRIEF).await;
    for expected in [second, newest, oldest] {
        assert_eq!(lease(harness, 1, LONG).await, [expected]);
    }
}

/// A closed event is not leased again, with a call or without, and a late worker cannot reopen it
/// by postponing it. Other events are leased.
pub async fn a_closed_event_is_not_leased(harness: &impl EventInboxHarness) {
    let (of_a_call, of_none, open) = (event(0), event(1), event(2));
    for event in [&of_a_call, &of_none, &open] {
        accept(harness, event).await;
    }
    assert_eq!(lease(harness, 10, BRIEF).await.len(), 3);
    close(harness, &of_a_call).await;
    harness.inbox().close(&of_none.key, None, ClosedBody::Kept).await.expect("store is up");
    for event in [&of_a_call, &of_none] {
        close(harness, event).await;
        harness.inbox().postpone(&event.key, A_SECOND).await.expect("a late worker is no error");
    }
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [open]);
}

/// A postponed event is leased when its pause is over, which may be longer or shorter than its
/// lease.
pub async fn a_postponed_event_waits(harness: &impl EventInboxHarness) {
    let (longer, shorter) = (event(0), event(1));
    accept(harness, &longer).await;
    assert_eq!(lease(harness, 10, BRIEF).await, from_ref(&longer));
    accept(harness, &shorter).await;
    assert_eq!(lease(harness, 10, LONG).await, from_ref(&shorter));
    harness.inbox().postpone(&longer.key, BRIEF * 3).await.expect("store is up");
    harness.inbox().postpone(&shorter.key, BRIEF).await.expect("store is up");
    assert_eq!(lease(harness, 10, LONG).await, []);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [shorter]);
    harness.pass(BRIEF * 2).await;
    assert_eq!(lease(harness, 10, LONG).await, [longer]);
}

/// An event that is closed without its body is known when it is delivered again, and is not leased.
/// Other events keep their body.
pub async fn a_closed_event_can_leave_its_body(harness: &impl EventInboxHarness) {
    let (closed, open) = (event(0), event(1));
    accept(harness, &closed).await;
    accept(harness, &open).await;
    assert_eq!(lease(harness, 1, BRIEF).await, from_ref(&closed));
    let dropped = harness.inbox().close(&closed.key, Some(call_id()), ClosedBody::Dropped).await;
    dropped.expect("store is up");
    assert_eq!(deliver(harness, &closed).await, AcceptResult::Known);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [open]);
    assert_eq!(deliver(harness, &closed).await, AcceptResult::Known);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the event.
pub async fn a_lost_inbox_is_unavailable(harness: &impl EventInboxHarness) {
    let (inbox, known, event) = (harness.inbox(), event(0), event(1));
    accept(harness, &known).await;
    harness.lose().await;
    let body = std::str::from_utf8(&event.body).expect("a text");
    let private = [event.key.as_str(), known.key.as_str(), body];
    let call_id = call_id();
    unavailable_within(LOST_DATABASE_BOUND, inbox.accept(&incoming(&event)), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, inbox.lease(&all(10, LONG)), &private).await;
    unavailable_within(
        LOST_DATABASE_BOUND,
        inbox.close(&known.key, Some(call_id), ClosedBody::Kept),
        &private,
    )
    .await;
    unavailable_within(LOST_DATABASE_BOUND, inbox.postpone(&known.key, BRIEF), &private).await;
}

/// A new event, received this many milliseconds after the first.
fn event(at: i64) -> OpenEvent {
    let key = format!("post_call_transcription:{}", conversation_id());
    let received_at = Timestamp::from_unix_millis(moment().unix_millis() + at);
    let body = format!("{{\"said\": \"number {at}\"}}").into_bytes();
    OpenEvent { body, key, received_at, organization_id: None }
}

/// Every second one was verified by a secret of an organization.
fn scoped(at: i64) -> OpenEvent {
    let organization_id = (at % 2 == 1).then(|| Tenant::new().organization.id);
    OpenEvent { organization_id, ..event(at) }
}

fn incoming(event: &OpenEvent) -> IncomingEvent<'_> {
    IncomingEvent {
        key: &event.key,
        kind: "post_call_transcription",
        body: &event.body,
        received_at: event.received_at,
        organization_id: event.organization_id.as_ref(),
    }
}

async fn deliver(harness: &impl EventInboxHarness, event: &OpenEvent) -> AcceptResult {
    harness.inbox().accept(&incoming(event)).await.expect("store is up")
}

async fn accept(harness: &impl EventInboxHarness, event: &OpenEvent) {
    assert_eq!(deliver(harness, event).await, AcceptResult::Accepted);
}

async fn lease(harness: &impl EventInboxHarness, limit: u32, lease_for: Duration) -> Vec<OpenEvent> {
    harness.inbox().lease(&all(limit, lease_for)).await.expect("store is up")
}

/// A lease that prefers no event.
fn all(limit: u32, lease_for: Duration) -> InboxLease {
    InboxLease { recent_since: moment().after(Duration::from_hours(24)), limit, lease_for }
}

async fn close(harness: &impl EventInboxHarness, event: &OpenEvent) {
    harness.inbox().close(&event.key, Some(call_id()), ClosedBody::Kept).await.expect("store is up");
}
