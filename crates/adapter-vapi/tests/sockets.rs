//! The bytes of a dial, its outcome if the connection or the response fails, and its log line.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_vapi::{Vapi, VapiSettings};
use domain::ports::VoiceProvider;
use domain::{DialOutcome, NotDialledReason, UnknownCause};
use serde_json::{Value, json};
use testkit::peer::Peer;
use tracing::Level;

#[path = "support/dialling.rs"]
mod dialling;

use dialling::{API_KEY, dial, request, vapi};

const RECORD: &str =
    r#"{"id":"call-1","orgId":"org-1","createdAt":"2026-08-20T10:00:00.000Z","status":"queued"}"#;

/// Longer than any complete response takes here.
const LONG: Duration = Duration::from_secs(20);
/// The time limit of a dial that is meant to time out.
const SHORT: Duration = Duration::from_millis(500);

const UNAVAILABLE: DialOutcome = DialOutcome::NotDialled(NotDialledReason::Unavailable);
const TIMED_OUT: DialOutcome = DialOutcome::Unknown(UnknownCause::TimedOut);
const LOST: DialOutcome = DialOutcome::Unknown(UnknownCause::ConnectionLost);
const UNCLEAR: DialOutcome = DialOutcome::Unknown(UnknownCause::UnclearAnswer);

fn created(body: &str) -> String {
    format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n{body}", body.len())
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
        connection.write(created(RECORD).as_bytes()).await;
        // The connection is left open: a second request could come over it.
        while connection.read_some().await > 0 {}
    })
    .await;
    assert!(matches!(dial(&peer.base_url(), LONG).await, DialOutcome::Placed(_)));
    assert_sent_once(&peer);

    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    let (head, body) = sent.split_once("\r\n\r\n").expect("a head and a body");
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /call HTTP/1.1");
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept: */*",
            &format!("authorization: Bearer {API_KEY}"),
            &format!("content-length: {}", body.len()),
            "content-type: application/json",
            &format!("host: {}", peer.address()),
            concat!("user-agent: outdial/", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(
        serde_json::from_str::<Value>(body).expect("JSON and nothing else"),
        json!({
            "assistantId": "assistant-1",
            "phoneNumberId": "number-1",
            "name": "665000000707070707070707",
            "customer": { "number": "+14165550100", "externalId": "665000000707070707070707" },
            "assistantOverrides": {
                "variableValues": {
                    "call_reason": "Your \"quote\"\nis {{ready}}",
                    "caller_name": "Ada Lovelace",
                    "caller_number": "+14165550100",
                    "org_name": "Engines Ltd"
                }
            }
        })
    );
}

#[tokio::test]
async fn a_variable_that_is_not_known_is_sent_empty() {
    let peer = Peer::answering(created(RECORD)).await;
    let mut request = request(LONG);
    (request.reason, request.callee_name) = (None, None);
    vapi(&peer.base_url()).dial(&request).await;
    let sent = String::from_utf8(peer.received().remove(0)).expect("text");
    let (_, body) = sent.split_once("\r\n\r\n").expect("a head and a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let variables = &body["assistantOverrides"]["variableValues"];
    assert_eq!((&variables["call_reason"], &variables["caller_name"]), (&json!(""), &json!("")));
}

#[tokio::test]
async fn every_dial_has_a_connection_of_its_own() {
    let peer = Peer::start(|mut connection| async move {
        connection.read_request().await;
        connection.write(created(RECORD).as_bytes()).await;
        while connection.read_some().await > 0 {}
    })
    .await;
    let provider = vapi(&peer.base_url());
    for _ in 0..3 {
        assert!(matches!(provider.dial(&request(LONG)).await, DialOutcome::Placed(_)));
    }
    assert_eq!(peer.received().len(), 3);
}

#[tokio::test]
async fn without_a_connection_a_call_is_not_dialled_and_no_key_is_sent() {
    assert_eq!(dial("http://127.0.0.1:1", LONG).await, UNAVAILABLE);
    let no_tls = Peer::start(|mut connection| async move {
        connection.read_some().await;
        connection.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(dial(&no_tls.base_url().replace("http:", "https:"), LONG).await, UNAVAILABLE);
    assert!(!String::from_utf8_lossy(&no_tls.received()[0]).contains(API_KEY));
}

#[tokio::test]
async fn a_response_cut_anywhere_is_unknown() {
    let whole = created(RECORD);
    for cut in 0..whole.len() {
        let peer = Peer::answering(&whole.as_bytes()[..cut]).await;
        assert_eq!(dial(&peer.base_url(), LONG).await, LOST, "cut after {cut} bytes");
        assert_sent_once(&peer);
    }
    let peer = Peer::answering(whole).await;
    assert!(matches!(dial(&peer.base_url(), LONG).await, DialOutcome::Placed(_)));
}

#[tokio::test]
async fn a_reset_is_unknown() {
    for written in ["", "HTTP/1.1 201 Created\r\ncontent-length: 400\r\n\r\n{\"id\":\"call-1\""] {
        let peer = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            connection.write(written.as_bytes()).await;
            connection.stream.set_zero_linger().expect("an open socket");
        })
        .await;
        assert_eq!(dial(&peer.base_url(), LONG).await, LOST, "after {written:?}");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn a_response_that_stalls_is_unknown() {
    let whole = created(RECORD);
    for written in [0, 12, whole.find('{').expect("a body"), whole.len() - 1] {
        let start = whole.as_bytes()[..written].to_vec();
        let peer = Peer::start(move |mut connection| {
            let start = start.clone();
            async move {
                connection.read_request().await;
                connection.write(&start).await;
                while connection.read_some().await > 0 {}
            }
        })
        .await;
        assert_eq!(dial(&peer.base_url(), SHORT).await, TIMED_OUT, "after {written} bytes");
        assert_sent_once(&peer);
    }
}

#[tokio::test]
async fn an_endless_response_is_read_up_to_the_limit_only() {
    const TOTAL: usize = 100 << 20;
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let peer = Peer::start(move |mut connection| {
        let written = Arc::clone(&counted);
        async move {
            connection.read_request().await;
            // A client that reads all of it finds a success.
            let length = RECORD.len() + TOTAL;
            let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {length}\r\n\r\n{RECORD}");
            connection.write(head.as_bytes()).await;
            let spaces = vec![b' '; 64 << 10];
            while written.load(Ordering::SeqCst) < TOTAL && connection.write(&spaces).await {
                written.fetch_add(spaces.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    assert_eq!(dial(&peer.base_url(), LONG).await, UNCLEAR);
    assert!(written.load(Ordering::SeqCst) < TOTAL, "the whole response was read");
    assert_sent_once(&peer);
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let elsewhere = Peer::answering(created(RECORD)).await;
    for status in [301, 302, 303, 307, 308] {
        for location in [format!("{}/call", elsewhere.base_url()), "/".to_owned()] {
            let response =
                format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
            let peer = Peer::answering(response).await;
            assert_eq!(dial(&peer.base_url(), LONG).await, UNCLEAR, "{status} to {location}");
            assert_sent_once(&peer);
        }
    }
    assert!(elsewhere.received().is_empty(), "the redirect was followed");
}

#[tokio::test]
async fn an_error_is_not_retried() {
    for status in [408, 409, 425, 429, 500, 502, 503, 504] {
        let response = format!("HTTP/1.1 {status} Later\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n");
        let peer = Peer::answering(response).await;
        assert_eq!(dial(&peer.base_url(), LONG).await, UNCLEAR, "{status}");
        assert_sent_once(&peer);
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while it holds the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn outcomes_and_the_trace_log_name_the_call_and_no_personal_data() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let refusal = r#"{"message":["D51 +14165550100"],"error":"+14165550100","statusCode":400}"#;
    let refusal = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n{refusal}", refusal.len());
    let mut shown = String::new();
    for response in [created(RECORD), refusal, "D51 +14165550100\r\n\r\n".to_owned()] {
        let peer = Peer::answering(response).await;
        shown.push_str(&format!("{:?}\n", dial(&peer.base_url(), LONG).await));
    }
    dial("http://127.0.0.1:1", LONG).await;
    let settings = VapiSettings::new(API_KEY.into());
    shown.push_str(&format!(
        "{settings:?} {:?}",
        Vapi::new(&VapiSettings {
            base_url: "http://127.0.0.1:1".parse().expect("a URL"),
            ..settings.clone()
        })
    ));

    let logged = String::from_utf8(log.0.lock().expect("no test panics while it holds the lock").clone())
        .expect("text");
    assert_eq!(logged.matches("665000000707070707070707").count(), 4, "one line for each dial:\n{logged}");
    for secret in [API_KEY, "4165550100", "Lovelace", "Engines", "quote", "D51"] {
        assert!(!logged.contains(secret), "{secret} is in the log:\n{logged}");
        assert!(!shown.contains(secret), "{secret} is in an outcome:\n{shown}");
    }
}
