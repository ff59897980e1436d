//! The key and personal data appear in no log line, outcome or `Debug` output.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_elevenlabs::ElevenLabs;
use tracing::Level;

#[path = "support/dialling.rs"]
mod dialling;
#[path = "support/peer.rs"]
mod peer;

use dialling::{API_KEY, dial, settings};
use peer::{DialThrough, Peer};

/// The key, the number, the name, the organization, the reason, the provider's text.
const SECRETS: [&str; 6] = [API_KEY, "4165550100", "Lovelace", "Engines", "quote", "D51"];

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

    let failure = r#"{"success":false,"message":"sip status: 403: +14165550100 D51 (SIP 403)"}"#;
    let refusal = r#"{"detail":{"code":"+14165550100","message":"D51"}}"#;
    let (mut dials, mut shown) = (0, String::new());
    for response in [
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{failure}", failure.len()),
        format!("HTTP/1.1 422 No\r\ncontent-length: {}\r\n\r\n{refusal}", refusal.len()),
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n+14165550100 D51".to_owned(),
        "D51 +14165550100\r\n\r\n".to_owned(),
    ] {
        let peer = Peer::answering(response).await;
        shown.push_str(&format!("{:?}\n", peer.dial(Duration::from_secs(20)).await));
        dials += peer.received().len();
    }
    dial("http://127.0.0.1:1", Duration::from_secs(20)).await;
    dials += 1;

    let logged = String::from_utf8(log.0.lock().expect("no test panics while it holds the lock").clone())
        .expect("text");
    assert_eq!(
        logged.matches("665000000707070707070707").count(),
        dials,
        "one line for each dial:\n{logged}"
    );
    for secret in SECRETS {
        assert!(!logged.contains(secret), "{secret} is in the log:\n{logged}");
        assert!(!shown.contains(secret), "{secret} is in an outcome:\n{shown}");
    }
}

#[test]
fn debug_shows_the_base_url_and_not_the_key() {
    let settings = settings("https://gateway.example/");
    let shown = format!("{settings:?} {:?}", ElevenLabs::new(&settings));
    assert!(shown.contains("gateway.example") && !shown.contains(API_KEY), "{shown}");
}
