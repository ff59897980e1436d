//! Following calls: server-sent events over the real server.

use std::time::Duration;

use domain::{CallEvent, CallEventKind, CallIdentity, CallStatus, EventSequence, OrganizationId};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::books::Books;
use crate::calls::{soon, until};
use crate::feed::{Feed, NEVER, ended, event};
use crate::log::{log, message_is};
use crate::running::{Options, Running, answer, start_with};
use crate::world::World;

const EVENTS: &str = "/api/calls/events";
const OPENING: &str = "retry: 2000\nid: 0\n\n: events of calls follow\n\n";

async fn start_telling(feed: &Feed) -> Running {
    start_with(World::new(), Options { feed: feed.clone(), heartbeat: NEVER, ..Options::default() }).await
}

/// A stream, read as it comes.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(request: RequestBuilder) -> Self {
        let response = soon(request.send()).await.expect("headers come at once");
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Reads until this is there.
    async fn reads(&mut self, text: &str) {
        while !self.text.contains(text) {
            self.reads_more().await;
        }
    }

    /// Reads until so many events are there.
    async fn reads_events(&mut self, events: usize) {
        while self.text.matches("\"}}\n\n").count() < events {
            self.reads_more().await;
        }
    }

    async fn reads_more(&mut self) {
        let chunk = soon(self.response.chunk()).await.expect("a sound stream").expect("more to come");
        self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }

    /// Reads to the end, which must be an orderly one.
    async fn ends(mut self) -> String {
        while let Some(chunk) = soon(self.response.chunk()).await.expect("an orderly end") {
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
        self.text
    }
}

fn lines(event: &CallEvent) -> String {
    let (position, kind) = (event.sequence.number(), event.kind.as_str());
    format!("id: {position}\nevent: {kind}\ndata: {{\"type\":\"{kind}\"")
}

#[tokio::test]
async fn headers_come_before_any_event() {
    let gateway = start_telling(&Feed::default()).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("transfer-encoding", "chunked"),
    ] {
        assert_eq!(stream.response.headers()[name], value, "{name}");
    }
    stream.reads(OPENING).await;
    assert_eq!(stream.text, OPENING);
}

#[tokio::test]
async fn an_event_is_told_whole_in_its_order_of_fields() {
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    feed.tell(event(4711, CallEventKind::Ended, CallStatus::NoAnswer));
    let first =
        CallEvent { conversation_id: None, ..event(4712, CallEventKind::Initiated, CallStatus::Initiated) };
    feed.tell(first);
    stream.reads_events(2).await;
    let ended = concat!(
        "id: 4711\nevent: call_ended\ndata: {\"type\":\"call_ended\",\"timestamp\":\"2026-03-02T09:12:35.120Z\",",
        "\"data\":{\"eventId\":\"evt_call-4711_call_ended_no-answer\",\"callId\":\"call-4711\",",
        "\"status\":\"no-answer\",\"direction\":\"outbound\",\"conversationId\":\"conv_1\",",
        "\"organizationId\":\"organization of u1\",\"userId\":\"u1\",\"contactId\":\"c1\",\"agentId\":\"a1\",",
        "\"from\":\"+14165550100\",\"to\":\"+14165550111\"}}\n\n",
    );
    let initiated = concat!(
        "id: 4712\nevent: call_initiated\ndata: {\"type\":\"call_initiated\",",
        "\"timestamp\":\"2026-03-02T09:12:35.120Z\",",
        "\"data\":{\"eventId\":\"evt_call-4712_call_initiated_initiated\",\"callId\":\"call-4712\",",
        "\"status\":\"initiated\",\"direction\":\"outbound\",",
        "\"organizationId\":\"organization of u1\",\"userId\":\"u1\",\"contactId\":\"c1\",\"agentId\":\"a1\",",
        "\"from\":\"+14165550100\",\"to\":\"+14165550111\"}}\n\n",
    );
    assert_eq!(stream.text, format!("{OPENING}{ended}{initiated}"));
}

#[tokio::test]
async fn a_stream_begins_with_the_next_event_or_behind_the_last_one_that_was_seen() {
    let feed = Feed::of([ended(1), ended(2), ended(3)]);
    let gateway = start_telling(&feed).await;
    let mut fresh = Stream::open(gateway.read(EVENTS)).await;
    let mut seen = Stream::open(gateway.read(EVENTS).header("last-event-id", "1")).await;
    let mut all = Stream::open(gateway.read(EVENTS).header("last-event-id", "0")).await;
    feed.tell(ended(4));
    for stream in [&mut fresh, &mut seen, &mut all] {
        stream.reads(&lines(&ended(4))).await;
    }
    let told =
        |stream: &Stream| (1..=4).filter(|n| stream.text.contains(&lines(&ended(*n)))).collect::<Vec<_>>();
    assert_eq!((told(&fresh), told(&seen), told(&all)), (vec![4], vec![2, 3, 4], vec![1, 2, 3, 4]));
}

/// What happens between two streams is not missed by a client that was told of nothing yet.
#[tokio::test]
async fn a_stream_says_where_it_begins() {
    let feed = Feed::of([ended(1), ended(7)]);
    let gateway = start_telling(&feed).await;
    let mut fresh = Stream::open(gateway.read(EVENTS)).await;
    fresh.reads("\nid: 7\n\n").await;
    drop(fresh);
    feed.tell(ended(8));
    let mut again = Stream::open(gateway.read(EVENTS).header("last-event-id", "7")).await;
    again.reads(&lines(&ended(8))).await;
    assert!(again.text.starts_with("retry: 2000\nid: 7\n\n"), "{}", again.text);
}

#[tokio::test]
async fn events_are_those_of_the_tokens_users_organization() {
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    let organization_id = OrganizationId::parse("organization of u2").expect("an id");
    feed.tell(CallEvent { identity: CallIdentity { organization_id, ..ended(1).identity }, ..ended(1) });
    feed.tell(ended(2));
    stream.reads(&lines(&ended(2))).await;
    assert!(!stream.text.contains("call-1"), "{}", stream.text);
}

#[tokio::test]
async fn more_events_than_are_read_at_once_come_in_order() {
    let feed = Feed::of((1..=250).map(ended));
    let gateway = start_telling(&feed).await;
    let mut stream = Stream::open(gateway.read(EVENTS).header("last-event-id", "0")).await;
    stream.reads("id: 250\n").await;
    let ids: Vec<_> = stream.text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    // The first one says where the stream begins.
    assert_eq!(ids, (0..=250).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let feed = Feed::default();
    let heartbeat = Duration::from_millis(20);
    let options = Options { feed: feed.clone(), heartbeat, ..Options::default() };
    let gateway = start_with(World::new(), options).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    stream.reads(":\n\n:\n\n").await;
    assert!(feed.asked().iter().all(|query| query.wait == heartbeat));
}

#[tokio::test]
async fn what_is_not_the_id_of_an_event_is_refused() {
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    for id in ["", "-1", "x", "1.5", "9223372036854775808", "hunter2"] {
        let answer = answer(gateway.read(EVENTS).header("last-event-id", id)).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = json!([{ "field": "Last-Event-ID", "message": "must be the id of an event" }]);
        assert_eq!(answer.body["error"]["details"], details, "{id}");
    }
    let twice = gateway.read(EVENTS).header("last-event-id", "1").header("last-event-id", "1");
    answer(twice).await.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(feed.asked(), []);
}

#[tokio::test]
async fn following_takes_a_token_and_its_user() {
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    answer(gateway.get(EVENTS)).await.assert_error(401, "UNAUTHORIZED");
    answer(gateway.get(EVENTS).bearer_auth("a.b.c")).await.assert_error(401, "UNAUTHORIZED");
    let books = Books { nobody: true, ..Books::default() };
    let nobodys = start_with(World::new(), Options { books, ..Options::default() }).await;
    answer(nobodys.read(EVENTS)).await.assert_error(404, "USER_NOT_FOUND");
    assert_eq!(feed.asked(), []);
}

#[tokio::test]
async fn a_stream_ends_when_the_token_does() {
    let options = Options { token_lifetime: Duration::from_secs(2), heartbeat: NEVER, ..Options::default() };
    let gateway = start_with(World::new(), options).await;
    let stream = Stream::open(gateway.read(EVENTS)).await;
    assert_eq!(stream.ends().await, OPENING);
}

#[tokio::test]
async fn draining_ends_streams_and_a_graceful_stop_does_not_wait_for_them() {
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    let mut stream = Stream::open(gateway.read(EVENTS)).await;
    feed.tell(ended(1));
    stream.reads_events(1).await;
    gateway.gateway.start_draining();
    assert!(stream.ends().await.ends_with("\"}}\n\n"));
    // Who comes back while nobody new is sent here is told when to try again.
    let opening = OPENING.replace("id: 0", "id: 1");
    assert_eq!(Stream::open(gateway.read(EVENTS)).await.ends().await, opening);
    soon(gateway.server.stop(true)).await;
}

#[tokio::test]
async fn a_feed_that_fails_ends_the_stream_and_is_logged_once() {
    let log = log();
    let feed = Feed::default();
    let gateway = start_telling(&feed).await;
    let stream = Stream::open(gateway.read(EVENTS).header("x-request-id", "feed-away")).await;
    until("the feed is read", || !feed.asked().is_empty()).await;
    feed.go_away();
    assert_eq!(stream.ends().await, OPENING);
    let cause = |line: &&Value| line["fields"]["cause"] == "postgres is unavailable: secret detail";
    assert_eq!(log.lines("feed-away").iter().filter(cause).count(), 1);
    let failed = |line: &Value| {
        message_is(line, "an event stream ends: a store is unavailable; the client reconnects")
    };
    assert!(log.lines("feed-away").iter().any(failed));
}

#[tokio::test]
async fn a_user_has_so_many_streams_and_a_client_that_goes_gives_its_place_back() {
    // That nobody listens any more shows when something is sent.
    let gateway =
        start_with(World::new(), Options { heartbeat: Duration::from_millis(50), ..Options::default() })
            .await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(Stream::open(gateway.read(EVENTS)).await);
    }
    let refused = soon(answer(gateway.read(EVENTS))).await;
    refused.assert_error(503, "TOO_MANY_STREAMS");
    assert!(
        refused.header("retry-after").is_some_and(|secs| secs.parse::<u32>().is_ok_and(|secs| secs >= 1))
    );
    streams.pop();
    let again = async {
        while soon(gateway.read(EVENTS).send()).await.expect("an answer").status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(again).await;
}

/// More than what the sockets between the two take up.
fn more_than_is_taken() -> Feed {
    let place = |n| EventSequence::from_number(n).expect("a place");
    let first = ended(1);
    Feed::of((1..=60_000).map(|n| CallEvent { sequence: place(n), ..first.clone() }))
}

/// A client that asks for everything and reads nothing of it.
async fn reads_nothing(gateway: &Running) -> TcpStream {
    let request = gateway.read(EVENTS).build().expect("a request");
    let token = request.headers()["authorization"].to_str().expect("ASCII").to_owned();
    let headers = format!("Authorization: {token}\r\nLast-Event-ID: 0\r\n");
    gateway.raw("GET", EVENTS, &headers).await
}

/// How often the feed is asked before it is not asked any more.
async fn pages_until_it_is_full(feed: &Feed) -> usize {
    let asked = || feed.asked().len();
    let mut seen = 0;
    soon(async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if asked() == seen && seen > 0 {
                break;
            }
            seen = asked();
        }
    })
    .await;
    seen
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_not_read_ahead_for() {
    let feed = more_than_is_taken();
    let gateway = start_telling(&feed).await;
    let stream = reads_nothing(&gateway).await;
    assert!(pages_until_it_is_full(&feed).await < 600, "everything was read for a client that reads nothing");
    drop(stream);
}

/// What it did not read would else be held for as long as its machine says that it lives, by a graceful stop too.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let feed = more_than_is_taken();
    let unread_timeout = Duration::from_millis(500);
    let options = Options { feed: feed.clone(), heartbeat: NEVER, unread_timeout, ..Options::default() };
    let gateway = start_with(World::new(), options).await;
    let stream = reads_nothing(&gateway).await;
    pages_until_it_is_full(&feed).await;
    gateway.gateway.start_draining();
    soon(gateway.server.stop(true)).await;
    drop(stream);
}
