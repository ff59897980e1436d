//! Following calls: server-sent events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{EventFeed, FeedQuery, MockEventFeed, PortUnavailable};
use domain::{CallEvent, CallEventKind, CallStatus, EventSequence, OrganizationId};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use testkit::eventually;
use tokio::net::TcpStream;

use crate::log::{log, message_is};
use crate::running::{Options, Running, send, soon, start, start_with};
use crate::stored::{ended, event};
use crate::world::{World, organization_id};

const EVENTS: &str = "/api/calls/events";
const OPENING: &str = "retry: 2000\nid: 0\n\n: events of calls follow\n\n";

/// A world with a feed whose reads have this result.
fn scripted(read: impl Fn(&FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> + Send + 'static) -> World {
    let mut feed = MockEventFeed::new();
    feed.expect_newest().returning(|_| Ok(EventSequence::START));
    feed.expect_read().returning(move |query| read(query));
    World { feed: Arc::new(feed), ..World::new() }
}

/// An event that belongs to another organization.
fn foreign(mut event: CallEvent) -> CallEvent {
    event.identity.organization_id = organization_id("o2");
    event
}

/// An event stream and the text that was read from it.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(request: RequestBuilder) -> Self {
        let response = soon(request.send()).await.expect("the headers of the response");
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Reads until the stream contains this text.
    async fn read_until(&mut self, text: &str) {
        while !self.text.contains(text) {
            self.read_more().await;
        }
    }

    /// Reads until the stream contains this many events.
    async fn read_events(&mut self, events: usize) {
        while self.text.matches("\"}}\n\n").count() < events {
            self.read_more().await;
        }
    }

    async fn read_more(&mut self) {
        let chunk = soon(self.response.chunk()).await.expect("a chunk").expect("more of the stream");
        self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }

    /// Reads to the end of the stream, which must not be a broken connection.
    async fn ends(mut self) -> String {
        while let Some(chunk) = soon(self.response.chunk()).await.expect("a complete response") {
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
        self.text
    }
}

fn lines(event: &CallEvent) -> String {
    let (sequence, kind) = (event.sequence.number(), event.kind.as_str());
    format!("id: {sequence}\nevent: {kind}\ndata: {{\"type\":\"{kind}\"")
}

#[tokio::test]
async fn the_headers_arrive_before_any_event() {
    let gateway = start(&World::new()).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(stream.response.headers()[name], value, "{name}");
    }
    stream.read_until(OPENING).await;
    assert_eq!(stream.text, OPENING);
}

#[tokio::test]
async fn an_event_is_sent_whole_and_its_fields_are_in_order() {
    let world = World::with_events([foreign(ended(4710))]);
    let gateway = start(&world).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    world.publish(event(4711, CallEventKind::Ended, CallStatus::NoAnswer)).await;
    let initiated = event(4712, CallEventKind::Initiated, CallStatus::Initiated);
    world.publish(CallEvent { conversation_id: None, metadata: None, ..initiated }).await;
    stream.read_events(2).await;
    let ended = concat!(
        "id: 4711\nevent: call_ended\ndata: {\"type\":\"call_ended\",\"timestamp\":\"2026-03-02T09:12:35.120Z\",",
        "\"data\":{\"eventId\":\"evt_call-4711_call_ended_no-answer\",\"callId\":\"call-4711\",",
        "\"status\":\"no-answer\",\"endReason\":\"no-answer\",\"direction\":\"outbound\",",
        "\"conversationId\":\"conv_1\",\"metadata\":{\"private order\":1.10},",
        "\"organizationId\":\"o1\",\"userId\":\"u1\",\"contactId\":\"c1\",\"agentId\":\"a1\",",
        "\"from\":\"+14165550100\",\"to\":\"+14165550111\"}}\n\n",
    );
    let initiated = concat!(
        "id: 4712\nevent: call_initiated\ndata: {\"type\":\"call_initiated\",",
        "\"timestamp\":\"2026-03-02T09:12:35.120Z\",",
        "\"data\":{\"eventId\":\"evt_call-4712_call_initiated_initiated\",\"callId\":\"call-4712\",",
        "\"status\":\"initiated\",\"direction\":\"outbound\",",
        "\"organizationId\":\"o1\",\"userId\":\"u1\",\"contactId\":\"c1\",\"agentId\":\"a1\",",
        "\"from\":\"+14165550100\",\"to\":\"+14165550111\"}}\n\n",
    );
    assert_eq!(stream.text, format!("{OPENING}{ended}{initiated}"));
}

#[tokio::test]
async fn a_stream_begins_with_the_next_event_or_after_the_last_one_that_was_seen() {
    let world = World::with_events([ended(1), ended(2), ended(3)]);
    let gateway = start(&world).await;
    let mut fresh = Stream::open(gateway.read(EVENTS)).await;
    let mut seen = Stream::open(gateway.read(EVENTS).header("last-event-id", "1")).await;
    let mut all = Stream::open(gateway.read(EVENTS).header("last-event-id", "0")).await;
    world.publish(ended(4)).await;
    for stream in [&mut fresh, &mut seen, &mut all] {
        stream.read_until(&lines(&ended(4))).await;
    }
    let received =
        |stream: &Stream| (1..=4).filter(|n| stream.text.contains(&lines(&ended(*n)))).collect::<Vec<_>>();
    assert_eq!(
        (received(&fresh), received(&seen), received(&all)),
        (vec![4], vec![2, 3, 4], vec![1, 2, 3, 4])
    );
}

/// A client that lost its stream before the first event misses nothing either.
#[tokio::test]
async fn the_first_lines_of_a_stream_have_the_sequence_that_it_starts_after() {
    let world = World::with_events([ended(1), ended(7)]);
    let gateway = start(&world).await;
    let mut fresh = Stream::open(gateway.read(EVENTS)).await;
    fresh.read_until("\nid: 7\n\n").await;
    drop(fresh);
    world.publish(ended(8)).await;
    let mut again = Stream::open(gateway.read(EVENTS).header("last-event-id", "7")).await;
    again.read_until(&lines(&ended(8))).await;
    assert!(again.text.starts_with("retry: 2000\nid: 7\n\n"), "{}", again.text);
}

#[tokio::test]
async fn a_stream_has_the_events_of_the_users_organization() {
    let world = World::new();
    let gateway = start(&world).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    world.publish(foreign(ended(1))).await;
    world.publish(ended(2)).await;
    stream.read_until(&lines(&ended(2))).await;
    assert!(!stream.text.contains("call-1"), "{}", stream.text);
}

#[tokio::test]
async fn more_events_than_one_read_returns_arrive_in_order() {
    let gateway = start(&World::with_events((1..=250).map(ended))).await;
    let mut stream = Stream::open(gateway.read(EVENTS).header("last-event-id", "0")).await;
    stream.read_until("id: 250\n").await;
    let ids: Vec<_> = stream.text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    // The first id is the sequence that the stream starts after.
    assert_eq!(ids, (0..=250).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_stream_without_events_has_a_comment_for_each_heartbeat() {
    let heartbeat = Duration::from_secs(7);
    let world = scripted(move |query| {
        assert_eq!(query.wait, heartbeat);
        Ok(Vec::new())
    });
    let gateway = start_with(&world, Options { heartbeat, ..Options::default() }).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    stream.read_until(":\n\n:\n\n").await;
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn a_text_that_is_not_the_id_of_an_event_is_refused() {
    let gateway = start(&World::lost()).await;
    for id in ["", "-1", "x", "1.5", "9223372036854775808", "hunter2"] {
        let response = send(gateway.read(EVENTS).header("last-event-id", id)).await;
        response.assert_invalid(&["Last-Event-ID"], id);
        assert_eq!(response.body["error"]["details"][0]["message"], "must be the id of an event");
    }
    let twice = gateway.read(EVENTS).header("last-event-id", "1").header("last-event-id", "1");
    send(twice).await.assert_error(400, "VALIDATION_FAILED");
}

#[tokio::test]
async fn following_takes_a_token_and_its_user() {
    // A query of the store would make this a 500.
    let gateway = start(&World::lost()).await;
    send(gateway.get(EVENTS)).await.assert_error(401, "UNAUTHORIZED");
    send(gateway.get(EVENTS).bearer_auth("a.b.c")).await.assert_error(401, "UNAUTHORIZED");
    let without_user = start(&World::without_user()).await;
    send(without_user.read(EVENTS)).await.assert_error(404, "USER_NOT_FOUND");
}

#[tokio::test]
async fn a_stream_ends_when_the_token_expires() {
    let options = Options { token_lifetime: Duration::from_secs(2), ..Options::default() };
    let gateway = start_with(&World::new(), options).await;
    let stream = Stream::open(gateway.read(EVENTS)).await;
    assert_eq!(stream.ends().await, OPENING);
}

#[tokio::test]
async fn draining_ends_streams_and_a_graceful_stop_does_not_wait_for_them() {
    let world = World::new();
    let gateway = start(&world).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    world.publish(ended(1)).await;
    stream.read_events(1).await;
    gateway.gateway.start_draining();
    assert!(stream.ends().await.ends_with("\"}}\n\n"));
    // A client that reconnects while the gateway drains learns when to try again.
    let opening = OPENING.replace("id: 0", "id: 1");
    assert_eq!(Stream::open(gateway.read(EVENTS)).await.ends().await, opening);
    soon(gateway.server.stop(true)).await;
}

#[tokio::test]
async fn a_feed_that_fails_ends_the_stream_and_is_logged_once() {
    let log = log();
    let world = scripted(|_| Err(PortUnavailable::new("postgres", "secret detail")));
    let gateway = start(&world).await;
    let stream = Stream::open(gateway.read(EVENTS).header("x-request-id", "lost-feed")).await;
    assert_eq!(stream.ends().await, OPENING);
    log.assert_one_cause("lost-feed", "postgres is unavailable: secret detail");
    let failed = |line: &Value| {
        message_is(line, "an event stream ends: a store is unavailable; the client reconnects")
    };
    assert!(log.lines("lost-feed").iter().any(failed));
}

#[tokio::test]
async fn a_user_has_at_most_20_streams_and_a_disconnected_client_frees_its_own() {
    let heartbeat = Duration::from_secs(15);
    let world = World::new();
    let gateway = start_with(&world, Options { heartbeat, ..Options::default() }).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(gateway.read(EVENTS)).await);
    }
    let refused = soon(send(gateway.read(EVENTS))).await;
    refused.assert_error(503, "TOO_MANY_STREAMS");
    refused.assert_retry_after();
    streams.pop();
    eventually("the gateway accepts another stream", async || {
        // The gateway notices a disconnected client when it sends a heartbeat.
        world.clock.advance(heartbeat).await;
        gateway.read(EVENTS).send().await.expect("a response").status() == 200
    })
    .await;
}

/// A feed that always has more events.
#[derive(Default)]
struct EndlessFeed {
    reads: AtomicUsize,
}

#[async_trait]
impl EventFeed for EndlessFeed {
    async fn publish(&self, _: u32) -> Result<usize, PortUnavailable> {
        unreachable!("a handler publishes nothing")
    }

    async fn read(&self, query: &FeedQuery) -> Result<Vec<CallEvent>, PortUnavailable> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let after = query.after.number();
        Ok((after + 1..=after + i64::from(query.limit)).map(ended).collect())
    }

    async fn newest(&self, _: &OrganizationId) -> Result<EventSequence, PortUnavailable> {
        Ok(EventSequence::START)
    }

    async fn skip(&self, _: u32) -> Result<(), PortUnavailable> {
        unreachable!("a handler skips nothing")
    }
}

impl EndlessFeed {
    fn world(self: &Arc<Self>) -> World {
        World { feed: Arc::clone(self) as Arc<dyn EventFeed>, ..World::new() }
    }

    /// Waits until the gateway reads no more, and returns the number of reads.
    async fn reads_until_they_stop(&self) -> usize {
        let mut seen = 0;
        eventually("the gateway reads no more", async || {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let reads = self.reads.load(Ordering::SeqCst);
            std::mem::replace(&mut seen, reads) == reads && reads > 0
        })
        .await;
        seen
    }
}

/// A client that opens a stream and reads nothing.
async fn open_unread(gateway: &Running) -> TcpStream {
    let request = gateway.read(EVENTS).build().expect("a request");
    let token = request.headers()["authorization"].to_str().expect("ASCII").to_owned();
    gateway.raw("GET", EVENTS, &format!("Authorization: {token}\r\n")).await
}

#[tokio::test]
async fn the_gateway_reads_no_more_for_a_client_that_reads_nothing() {
    let feed = Arc::new(EndlessFeed::default());
    let gateway = start(&feed.world()).await;
    let stream = open_unread(&gateway).await;
    let reads = feed.reads_until_they_stop().await;
    assert!(reads < 600, "{reads} reads for a client that reads nothing");
    drop(stream);
}

/// Without the timeout, the client decides how long the connection lasts, and a graceful stop waits
/// for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let feed = Arc::new(EndlessFeed::default());
    let options = Options { unread_timeout: Duration::from_millis(500), ..Options::default() };
    let gateway = start_with(&feed.world(), options).await;
    let stream = open_unread(&gateway).await;
    feed.reads_until_they_stop().await;
    gateway.gateway.start_draining();
    soon(gateway.server.stop(true)).await;
    drop(stream);
}
