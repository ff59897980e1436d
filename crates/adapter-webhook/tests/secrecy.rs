//! No log contains the token of a URL or what is sent.

use std::io;
use std::sync::{Arc, Mutex};

use domain::ports::{SendOutcome, WebhookSender};
use testkit::peer::Peer;
use tracing::Level;

#[path = "support/deliveries.rs"]
#[expect(dead_code, reason = "settings and failures are for the other tests")]
mod deliveries;

use deliveries::{NOW, delivery, open_sender};

/// Must not be logged: the token of the URL, the phone numbers, the signature, a part of the body.
const SECRETS: [&str; 5] = ["t0ken", "4165550100", "4165550123", "v1,", "contact_1"];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while it is locked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_log_at_trace_level_has_no_private_data() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("a line of the test");

    let receiver = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let (sender, base) = (open_sender(), receiver.base_url());
    let sent = sender.send(&delivery(&format!("{base}/t0ken?t0ken")), NOW).await;
    assert_eq!(sent, SendOutcome::Accepted);
    for to in [
        "http://127.0.0.1:1/t0ken".to_owned(),
        format!("https://{}/t0ken", receiver.address()),
        "http://user:t0ken@127.0.0.1:1/".to_owned(),
    ] {
        assert_ne!(sender.send(&delivery(&to), NOW).await, SendOutcome::Accepted);
        let _ = sender.check(&delivery(&to).url).await;
    }

    let logged = String::from_utf8(log.0.lock().expect("no panic while it is locked").clone()).expect("text");
    assert!(logged.contains("a line of the test"));
    for secret in SECRETS {
        assert!(!logged.contains(secret), "{secret} is in the log:\n{logged}");
    }
}
