//! The bytes of a dial, and its outcome if the connection or the response fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings};
use domain::ports::VoiceProvider;
use domain::{DialOutcome, NotDialledReason, UnknownCause};
use serde_json::{Value, json};
use testkit::peer::FullQueue;
use tokio::net::TcpListener;

#[path = "support/dialling.rs"]
mod dialling;
#[path = "support/peer.rs"]
mod peer;

use dialling::{API_KEY, dial, request, settings};
use peer::{DialThrough, Peer};

const SUCCESS: &str = r#"{"success":true,"message":"m","conversation_id":"conv_1","sip_call_id":"otb_1"}"#;

/// Longer than any complete response takes here.
const LONG: Duration = Duration::from_secs(20);
/// The time limit of a dial that is meant to time out.
const SHORT: Duration = Duration::from_millis(500);

const UNAVAILABLE: DialOutcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);
const TIMED_OUT: DialOutcome = DialOutcome::Unknown(UnknownCause::TimedOut);
const LOST: DialOutcome = DialOutcome::Unknown(UnknownCause::ConnectionLost);
const UNCLEAR: DialOutcome = DialOutcome::Unknown(UnknownCause::UnclearAnswer);

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[track_caller]
fn assert_sent_once(peer: &Peer) {
    let requests = peer.received().iter().filter(|bytes| bytes.starts_with(b"POST ")).count();
    assert_eq!((peer.received().len(), requests), (1, 1), "connections and requests");
}

#[tokio::test]
async fn a_dial_is_one_request_and_these_bytes() {
    let peer = Peer::start(|mut connection| async move {
        connection.read_request().await;
        connection.write(ok(SUCCESS).as_bytes()).await;
        // The connection is left open: a second request could come over it.
        while connection.read_some().await > 0 {}
    })
    .await;
    assert!(matches!(peer.dial(LONG).await, DialOutcome::Placed(_)));
    assert_sent_once(&peer);

    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    let (head, body) = sent.split_once("\r\n\r\n").expect("a head and a body");
    let (line, headers) = head.split_once("\r\n").expect("headers");
    assert_eq!(line, "POST /v1/convai/sip-trunk/outbound-call HTTP/1.1");
    let mut headers: Vec<&str> = headers.lines().collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "accept: */*",
            &format!("content-length: {}", body.len()),
            "content-type: application/json",
            &format!("host: {}", peer.address()),
            concat!("user-agent: outdial/", env!("CARGO_PKG_VERSION")),
            &format!("xi-api-key: {API_KEY}"),
        ]
    );
    assert_eq!(
        serde_json::from_str::<Value>(body).expect("JSON and nothing else"),
        json!({
            "agent_id": "agent_1",
            "agent_phone_number_id": "phnum_1",
            "to_number": "+14165550100",
            "conversation_initiation_client_data": {
                "user_id": "665000000707070707070707",
                "dynamic_variables": {
                    "call_reason": "Your \"quote\"\nis ready",
                    "caller_name": "Ada Lovelace",
                    "caller_number": "+14165550100",
                    "org_name": "Engines Ltd"
                }
            },
            "telephony_call_config": { "ringing_timeout_secs": 60 }
        })
    );
}

/// Runs one test of this file in a process without CA certificates and with a proxy address on
/// which no server listens.
async fn rerun_behind_a_dead_proxy_without_certificates(test: &str) -> (bool, String) {
    let this = std::env::current_exe().expect("the path of this test binary");
    let mut run = tokio::process::Command::new(this);
    run.args([test, "--exact"]).env_remove("NO_PROXY").env_remove("no_proxy");
    for proxy in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        run.env(proxy, "http://127.0.0.1:1");
    }
    for certificates in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        run.env(certificates, "/nowhere");
    }
    let output = run.output().await.expect("this binary can be started");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn over_http_no_proxy_is_used_and_no_certificate_needed() {
    let (passed, output) =
        rerun_behind_a_dead_proxy_without_certificates("a_dial_is_one_request_and_these_bytes").await;
    assert!(passed && output.contains("1 passed"), "{output}");
}

#[tokio::test]
async fn over_https_missing_certificates_are_reported_at_start() {
    let (passed, output) = rerun_behind_a_dead_proxy_without_certificates(
        "a_failed_tls_handshake_is_not_dialled_and_shows_no_key",
    )
    .await;
    assert!(!passed && output.contains("Https(General("), "{output}");
}

#[tokio::test]
async fn a_variable_that_is_not_known_is_sent_empty() {
    let peer = Peer::answering(ok(SUCCESS)).await;
    let provider = ElevenLabs::new(&settings(&format!("http://{}", peer.address()))).expect("valid settings");
    let mut request = request(LONG);
    (request.reason, request.callee_name) = (None, None);
    provider.dial(&request).await;

    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    let (_, body) = sent.split_once("\r\n\r\n").expect("a head and a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let variables = &body["conversation_initiation_client_data"]["dynamic_variables"];
    assert_eq!((&variables["call_reason"], &variables["caller_name"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn every_dial_has_a_connection_of_its_own() {
    let peer = Peer::start(|mut connection| async move {
        connection.read_request().await;
        connection.write(ok(SUCCESS).as_bytes()).await;
        while connection.read_some().await > 0 {}
    })
    .await;
    let provider = ElevenLabs::new(&settings(&format!("http://{}", peer.address()))).expect("valid settings");
    for _ in 0..3 {
        assert!(matches!(provider.dial(&request(LONG)).await, DialOutcome::Placed(_)));
    }
    assert_eq!(peer.received().len(), 3);
}

#[tokio::test]
async fn a_refused_connection_is_not_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    assert_eq!(dial(&format!("http://{address}"), LONG).await, UNAVAILABLE);
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_not_dialled() {
    let full = FullQueue::start().await;
    let settings = ElevenLabsSettings { connect_timeout: SHORT, ..settings(&full.base_url()) };
    let provider = ElevenLabs::new(&settings).expect("valid settings");
    assert_eq!(provider.dial(&request(LONG)).await, UNAVAILABLE);
}

#[tokio::test]
async fn a_failed_tls_handshake_is_not_dialled_and_shows_no_key() {
    let peer = Peer::start(|mut connection| async move {
        connection.read_some().await;
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(dial(&format!("https://{}", peer.address()), LONG).await, UNAVAILABLE);
    assert_eq!(peer.received().len(), 1);
    assert!(!String::from_utf8_lossy(&peer.received()[0]).contains(API_KEY));
}

#[tokio::test]
async fn a_response_cut_anywhere_is_unknown() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{SUCCESS}\r\n0\r\n\r\n",
        SUCCESS.len()
    );
    for whole in [ok(SUCCESS), chunked] {
        for cut in 0..whole.len() {
            let peer = Peer::answering(&whole.as_bytes()[..cut]).await;
            assert_eq!(peer.dial(LONG).await, LOST, "cut after {cut} bytes");
            assert_sent_once(&peer);
        }
        assert!(matches!(Peer::answering(whole).await.dial(LONG).await, DialOutcome::Placed(_)));
    }
}

#[tokio::test]
async fn a_cut_response_that_ends_with_the_connection_is_unknown() {
    let whole = format!("HTTP/1.0 200 OK\r\n\r\n{SUCCESS}");
    for cut in 0..whole.len() {
        let outcome = Peer::answering(&whole.as_bytes()[..cut]).await.dial(LONG).await;
        assert!(matches!(outcome, DialOutcome::Unknown(_)), "cut after {cut} bytes: {outcome:?}");
    }
}

#[tokio::test]
async fn a_reset_is_unknown() {
    for written in ["", "HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"success\":true"] {
        let peer = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            connection.write(written.as_bytes()).await;
            connection.stream.set_zero_linger().expect("an open socket");
        })
        .await;
        assert_eq!(peer.dial(LONG).await, LOST, "after {written:?}");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_connection_that_closes_before_the_request_is_read_is_unknown() {
    for reset in [false, true] {
        let peer = Peer::start(move |connection| async move {
            if reset {
                connection.stream.set_zero_linger().expect("an open socket");
            }
        })
        .await;
        assert_eq!(peer.dial(LONG).await, LOST, "reset: {reset}");
        assert_eq!(peer.received().len(), 1, "no second connection");
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_is_unknown() {
    let peer = Peer::start(|connection| async move {
        tokio::time::sleep(LONG).await;
        drop(connection);
    })
    .await;
    assert_eq!(peer.dial(SHORT).await, TIMED_OUT);
    assert_eq!(peer.received().len(), 1);
}

#[tokio::test]
async fn a_response_that_stalls_is_unknown() {
    let whole = ok(SUCCESS);
    let head = whole.find('{').expect("a body");
    for written in [0, 12, head, whole.len() - 1] {
        let start = whole.as_bytes()[..written].to_vec();
        let peer = Peer::start(move |mut connection| {
            let start = start.clone();
            async move {
                connection.read_request().await;
                connection.write(&start).await;
                tokio::time::sleep(LONG).await;
            }
        })
        .await;
        assert_eq!(peer.dial(SHORT).await, TIMED_OUT, "after {written} bytes");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_response_that_trickles_past_the_time_limit_is_unknown() {
    // Bytes keep coming, so only the limit on the whole exchange ends the dial.
    for skip in [0, ok("").len()] {
        let peer = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            let whole = ok(SUCCESS);
            let (start, trickled) = whole.as_bytes().split_at(skip);
            connection.write(start).await;
            for byte in trickled {
                tokio::time::sleep(SHORT / 6).await;
                connection.write(&[*byte]).await;
            }
        })
        .await;
        assert_eq!(peer.dial(SHORT).await, TIMED_OUT, "after the first {skip} bytes");
    }
}

#[tokio::test]
async fn a_content_length_that_lies_is_unknown() {
    let response = |length: &str| format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n{SUCCESS}");
    for (length, expected) in [
        (format!("content-length: {}", SUCCESS.len() + 1), LOST),
        (format!("content-length: {}", SUCCESS.len() - 1), UNCLEAR),
        ("content-length: 0".to_owned(), UNCLEAR),
        ("content-length: -1".to_owned(), LOST),
        ("content-length: 18446744073709551615".to_owned(), LOST),
        ("content-length: 5\r\ncontent-length: 6".to_owned(), LOST),
    ] {
        let peer = Peer::answering(response(&length)).await;
        assert_eq!(peer.dial(LONG).await, expected, "{length}");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_response_that_is_not_http_is_unknown() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n{SUCCESS}", "a: b\r\n".repeat(10_000));
    for garbage in [
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "\0\0\0\u{1}\u{7f}",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        SUCCESS,
        &many_headers,
    ] {
        let peer = Peer::answering(garbage).await;
        let start: String = garbage.chars().take(40).collect();
        assert_eq!(peer.dial(LONG).await, LOST, "{start:?}");
        assert_eq!(peer.received().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_response_is_read_up_to_the_limit_only() {
    const TOTAL: usize = 100 * 1024 * 1024;
    let written = Arc::new(AtomicUsize::new(0));
    let peer = Peer::start({
        let written = Arc::clone(&written);
        move |mut connection| {
            let written = Arc::clone(&written);
            async move {
                connection.read_request().await;
                // A client that reads all of it finds a success.
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{{\"success\":true", TOTAL + 15);
                connection.write(head.as_bytes()).await;
                let spaces = vec![b' '; 64 * 1024];
                while written.load(Ordering::SeqCst) < TOTAL && connection.write(&spaces).await {
                    written.fetch_add(spaces.len(), Ordering::SeqCst);
                }
                connection.write(b"}").await;
            }
        }
    })
    .await;
    assert_eq!(peer.dial(LONG).await, UNCLEAR);
    assert!(written.load(Ordering::SeqCst) < TOTAL, "the whole response was read");
    assert_sent_once(&peer);
}

#[tokio::test]
async fn a_deeply_nested_response_is_unknown() {
    let body = format!(r#"{{"success":true,"message":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(Peer::answering(ok(&body)).await.dial(LONG).await, UNCLEAR);
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let elsewhere = Peer::answering(ok(SUCCESS)).await;
    for status in [301, 302, 303, 307, 308] {
        for location in
            [format!("http://{}/v1/convai/sip-trunk/outbound-call", elsewhere.address()), "/".to_owned()]
        {
            let peer = Peer::answering(format!(
                "HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
            ))
            .await;
            assert_eq!(peer.dial(LONG).await, UNCLEAR, "{status} to {location}");
            assert_sent_once(&peer);
        }
    }
    assert!(elsewhere.received().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn an_error_is_not_retried() {
    for status in [408, 409, 425, 429, 500, 502, 503, 504] {
        let peer = Peer::answering(format!(
            "HTTP/1.1 {status} Later\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(peer.dial(LONG).await, UNCLEAR, "{status}");
        assert_sent_once(&peer);
    }
}
