//! Each request is sent at most once, over a connection of its own, whatever the connection and the
//! response do.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use provider_client::{ProviderClient, RequestFailure, Response};
use testkit::peer::{FullQueue, Peer};
use tokio::net::TcpListener;

#[path = "support/client.rs"]
mod support;

use support::{LONG, MAX_BODY, SHORT, client, default_client};

const BODY: &str = r#"{"to_number":"+14165550100"}"#;

fn response(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} S\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn post_within(client: &ProviderClient, time: Duration) -> Result<Response, RequestFailure> {
    let started = Instant::now();
    let result = client.post(&client.endpoint(["call"]), BODY.to_owned(), time, MAX_BODY).await;
    let took = started.elapsed();
    assert!(took < time + Duration::from_secs(1), "a request with a limit of {time:?} took {took:?}");
    result
}

async fn post(peer: &Peer) -> Result<Response, RequestFailure> {
    post_within(&default_client(&peer.base_url()), LONG).await
}

#[track_caller]
fn assert_sent_once(peer: &Peer) {
    let received = peer.received();
    let requests = received.iter().filter(|bytes| bytes.starts_with(b"POST /call HTTP/1.1\r\n")).count();
    assert_eq!((received.len(), requests), (1, 1), "connections and requests");
    assert!(received[0].ends_with(BODY.as_bytes()), "bytes after the request");
}

#[tokio::test]
async fn a_request_is_one_connection_with_these_bytes() {
    let peer = Peer::answering(response(200, "ok")).await;
    post(&peer).await.expect("a response");
    assert_sent_once(&peer);
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    let (head, _) = sent.split_once("\r\n\r\n").expect("a head");
    let mut headers: Vec<&str> = head.lines().skip(1).collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "accept: */*",
            &format!("content-length: {}", BODY.len()),
            "content-type: application/json",
            &format!("host: {}", peer.address()),
            concat!("user-agent: outdial/", env!("CARGO_PKG_VERSION")),
            "x-api-key: sk_0123456789abcdef",
        ]
    );
}

/// A changed key, another method and a form are sent as such, once.
#[tokio::test]
async fn changes_and_forms_are_sent_once_with_the_current_key() {
    let peer = Peer::answering(response(200, "ok")).await;
    let client = default_client(&peer.base_url());
    let url = client.endpoint(["call"]);
    client.patch(&url, BODY.to_owned(), LONG, MAX_BODY).await.expect("a response");
    let token = "token-1".into();
    let client = client.with_key(provider_client::ApiKey::Bearer(&token)).expect("a valid key");
    client.post_form(&url, "a=b".to_owned(), LONG, MAX_BODY).await.expect("a response");
    let sent: Vec<String> =
        peer.received().into_iter().map(|bytes| String::from_utf8(bytes).expect("text")).collect();
    let [patch, form] = &*sent else { panic!("two requests") };
    assert!(patch.starts_with("PATCH /call HTTP/1.1\r\n") && patch.ends_with(BODY), "{patch}");
    assert!(form.starts_with("POST /call HTTP/1.1\r\n") && form.ends_with("\r\n\r\na=b"), "{form}");
    assert!(form.contains("content-type: application/x-www-form-urlencoded\r\n"), "{form}");
    assert!(form.contains("authorization: Bearer token-1\r\n"), "{form}");
}

#[tokio::test]
async fn a_request_is_not_repeated_after_any_status() {
    let elsewhere = Peer::answering(response(200, "followed")).await;
    for status in [200, 204, 301, 302, 303, 307, 308, 401, 407, 408, 409, 421, 425, 429, 500, 502, 503, 504] {
        let headers = format!("location: {}/call\r\nretry-after: 0\r\ncontent-length", elsewhere.base_url());
        let peer = Peer::answering(response(status, "").replace("content-length", &headers)).await;
        assert_eq!(post(&peer).await.expect("a response").status, status);
        assert_sent_once(&peer);
    }
    assert!(elsewhere.received().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn a_connection_is_used_once_whether_the_peer_keeps_it_or_closes_it() {
    for keep in [true, false] {
        let peer = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            connection
                .write(response(200, "ok").replace("S\r\n", "S\r\nconnection: keep-alive\r\n").as_bytes())
                .await;
            while keep && connection.read_some().await > 0 {}
        })
        .await;
        let client = default_client(&peer.base_url());
        for count in 1..=3 {
            assert_eq!(post_within(&client, LONG).await.expect("a response").body, b"ok");
            assert_eq!(peer.received().len(), count, "keep: {keep}");
            assert!(
                peer.received()
                    .iter()
                    .all(|bytes| bytes.starts_with(b"POST ") && bytes.ends_with(BODY.as_bytes()))
            );
        }
    }
}

#[tokio::test]
async fn a_client_closes_the_connection_after_the_response() {
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    let peer = Peer::start(move |mut connection| {
        let closed = Arc::clone(&counted);
        async move {
            connection.read_request().await;
            connection.write(response(200, "ok").as_bytes()).await;
            while connection.read_some().await > 0 {}
            closed.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    post(&peer).await.expect("a response");
    let deadline = Instant::now() + LONG;
    while closed.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "the connection is still open");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection() {
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&closed);
    let peer = Peer::start(move |mut connection| {
        let closed = Arc::clone(&counted);
        async move {
            connection.read_request().await;
            while connection.read_some().await > 0 {}
            closed.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    tokio::time::timeout(SHORT, post(&peer)).await.expect_err("the peer sends no response");
    let deadline = Instant::now() + LONG;
    while closed.load(Ordering::SeqCst) == 0 {
        assert!(Instant::now() < deadline, "the connection is still open");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_sent_once(&peer);
}

#[tokio::test]
async fn a_connection_that_ends_before_the_request_is_read_is_lost() {
    for reset in [false, true] {
        let peer = Peer::start(move |connection| async move {
            if reset {
                connection.stream.set_zero_linger().expect("an open socket");
            }
        })
        .await;
        let failure = post(&peer).await.expect_err("the connection ended");
        assert!(matches!(failure, RequestFailure::ConnectionLost { .. }), "reset {reset}: {failure:?}");
        assert_eq!(peer.received().len(), 1, "a second connection");
    }
}

#[tokio::test]
async fn a_connection_that_ends_after_the_request_is_lost() {
    let whole = response(200, "a response that is cut");
    let chunked = "HTTP/1.1 200 S\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
    for whole in [whole.as_str(), chunked] {
        for (cut, reset) in (0..whole.len()).flat_map(|cut| [(cut, false), (cut, true)]) {
            let start = whole.as_bytes()[..cut].to_vec();
            let peer = Peer::start(move |mut connection| {
                let start = start.clone();
                async move {
                    connection.read_request().await;
                    connection.write(&start).await;
                    if reset {
                        connection.stream.set_zero_linger().expect("an open socket");
                    }
                }
            })
            .await;
            let failure = post(&peer).await.expect_err("the response is cut");
            assert!(
                matches!(failure, RequestFailure::ConnectionLost { .. }),
                "{cut} bytes, reset {reset}: {failure:?}"
            );
            assert!(!failure.cause().is_empty() && !failure.cause().contains("call"), "{}", failure.cause());
            assert_sent_once(&peer);
        }
    }
}

#[tokio::test]
async fn the_cause_of_a_reset_is_the_error_of_the_operating_system() {
    let peer = Peer::start(|mut connection| async move {
        connection.read_request().await;
        connection.stream.set_zero_linger().expect("an open socket");
    })
    .await;
    let failure = post(&peer).await.expect_err("the connection was reset");
    let reset = std::io::Error::from(ErrorKind::ConnectionReset).to_string();
    assert!(failure.cause().to_lowercase().contains(&reset), "{}", failure.cause());
}

#[tokio::test]
async fn text_that_is_not_http_is_a_lost_connection() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    for text in
        ["SSH-2.0-OpenSSH_9.2p1\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", &many_headers]
    {
        let peer = Peer::answering(text).await;
        let failure = post(&peer).await.expect_err("it is not HTTP");
        assert!(matches!(failure, RequestFailure::ConnectionLost { .. }), "{failure:?}");
        assert_eq!(peer.received().len(), 1);
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit_and_no_further() {
    let chunked = |length: usize| {
        let chunk = format!("1\r\n{}\r\n", "x");
        format!("HTTP/1.1 200 S\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(length))
    };
    let until_close = |length: usize| format!("HTTP/1.0 200 S\r\n\r\n{}", "x".repeat(length));
    for text in
        [&|length| response(200, &"x".repeat(length)), &chunked as &dyn Fn(usize) -> String, &until_close]
    {
        let whole = post(&Peer::answering(text(MAX_BODY)).await).await.expect("a response");
        assert_eq!(whole.body.len(), MAX_BODY);
        let peer = Peer::answering(text(MAX_BODY + 1)).await;
        let failure = post(&peer).await.expect_err("it is too long");
        assert!(matches!(failure, RequestFailure::ResponseTooLong), "{failure:?}");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_not_part_of_the_body() {
    for (sent, expected) in [
        ("\u{feff}{}", "{}"),
        ("\u{feff}\u{feff}{}", "\u{feff}{}"),
        ("\u{feff}", ""),
        (" \u{feff}{}", " \u{feff}{}"),
    ] {
        let peer = Peer::answering(response(200, sent)).await;
        assert_eq!(post(&peer).await.expect("a response").body, expected.as_bytes());
    }
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    const TOTAL: usize = 100 << 20;
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let peer = Peer::start(move |mut connection| {
        let written = Arc::clone(&counted);
        async move {
            connection.read_request().await;
            connection.write(format!("HTTP/1.1 200 S\r\ncontent-length: {TOTAL}\r\n\r\n").as_bytes()).await;
            let part = vec![b' '; 64 << 10];
            while written.load(Ordering::SeqCst) < TOTAL && connection.write(&part).await {
                written.fetch_add(part.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    let failure = post(&peer).await.expect_err("it is too long");
    assert!(matches!(failure, RequestFailure::ResponseTooLong), "{failure:?}");
    assert!(written.load(Ordering::SeqCst) < TOTAL, "the whole response was read");
}

#[tokio::test]
async fn a_response_that_stalls_or_trickles_times_out() {
    let whole = response(200, "a response that stalls");
    for (written, trickle) in
        [(0, false), (0, true), (12, false), (whole.len() - 5, true), (whole.len() - 1, false)]
    {
        let whole = whole.clone();
        let peer = Peer::start(move |mut connection| {
            let whole = whole.clone();
            async move {
                connection.read_request().await;
                let (start, rest) = whole.as_bytes().split_at(written);
                connection.write(start).await;
                for byte in rest.iter().filter(|_| trickle) {
                    tokio::time::sleep(SHORT / 3).await;
                    connection.write(&[*byte]).await;
                }
                while connection.read_some().await > 0 {}
            }
        })
        .await;
        let failure = post_within(&default_client(&peer.base_url()), SHORT).await.expect_err("no time left");
        assert!(matches!(failure, RequestFailure::TimedOut { .. }), "{written} bytes: {failure:?}");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_refused_connection_is_not_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let failure =
        post_within(&default_client(&format!("http://{address}")), LONG).await.expect_err("refused");
    assert!(matches!(failure, RequestFailure::NotConnected { .. }), "{failure:?}");
    assert!(failure.cause().to_lowercase().contains("refused"), "{}", failure.cause());
}

#[tokio::test]
async fn an_unknown_host_is_not_connected() {
    let failure =
        post_within(&default_client("http://provider.invalid"), LONG).await.expect_err("no address");
    assert!(matches!(failure, RequestFailure::NotConnected { .. }), "{failure:?}");
    assert!(!failure.cause().contains("provider.invalid"), "{}", failure.cause());
}

#[tokio::test]
async fn a_connect_timeout_is_not_connected_and_the_time_limit_of_the_request_is_a_timeout() {
    let full = FullQueue::start().await;
    let base_url = full.base_url();
    let started = Instant::now();
    let failure = post_within(&client(&base_url, SHORT), LONG).await.expect_err("no connection");
    assert!(matches!(failure, RequestFailure::NotConnected { .. }), "{failure:?}");
    assert!(started.elapsed() < SHORT + Duration::from_secs(1));
    let failure = post_within(&default_client(&base_url), SHORT).await.expect_err("no connection");
    assert!(matches!(failure, RequestFailure::TimedOut { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_read_is_sent_twice_at_most() {
    for (responses, requests, status) in [
        (vec![response(200, "ok")], 1, Some(200)),
        (vec![response(404, "")], 1, Some(404)),
        (vec![response(302, "")], 1, Some(302)),
        (vec![response(503, ""), response(200, "ok")], 2, Some(200)),
        (vec![String::new(), response(200, "ok")], 2, Some(200)),
        (vec![response(503, ""), response(502, "")], 2, Some(502)),
        (vec![String::new(), String::new()], 2, None),
    ] {
        let next = Arc::new(AtomicUsize::new(0));
        let peer = Peer::start(move |mut connection| {
            let response = responses[next.fetch_add(1, Ordering::Relaxed)].clone();
            async move {
                connection.read_request().await;
                connection.write(response.as_bytes()).await;
            }
        })
        .await;
        let client = default_client(&peer.base_url());
        let result = client.read(&client.endpoint(["call", "1"]), Instant::now() + LONG).await;
        assert_eq!(result.ok().map(|response| response.status), status);
        assert_eq!(peer.received().len(), requests);
        assert!(peer.received().iter().all(|bytes| bytes.starts_with(b"GET /call/1 HTTP/1.1\r\n")));
    }
}

#[tokio::test]
async fn both_requests_of_a_read_share_one_deadline() {
    let peer = Peer::start(|mut connection| async move { while connection.read_some().await > 0 {} }).await;
    let client = default_client(&peer.base_url());
    let started = Instant::now();
    let result = client.read(&client.endpoint(["call"]), started + SHORT).await;
    assert!(matches!(result, Err(RequestFailure::TimedOut { .. })), "{result:?}");
    assert!(started.elapsed() < SHORT + SHORT / 2, "{:?}", started.elapsed());
}
