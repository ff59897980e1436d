//! The log of the gateway.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// What all tests of this process logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

pub(crate) fn log() -> Log {
    static LOG: LazyLock<Log> = LazyLock::new(|| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
        subscriber.with_writer(log.clone()).init();
        log
    });
    LOG.clone()
}

pub(crate) fn message_is(line: &Value, message: &str) -> bool {
    line["fields"]["message"] == message
}

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic while the log is locked")).into_owned()
    }

    /// The lines of one request.
    pub(crate) fn lines(&self, request_id: &str) -> Vec<Value> {
        let text = self.text();
        // The log of all tests is long: parse only the lines that can match.
        let lines = text.lines().filter(|line| line.contains(request_id));
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter(|line| line["spans"][0]["request.id"] == request_id).collect()
    }

    /// Asserts that exactly one line of the request has this cause.
    pub(crate) fn assert_one_cause(&self, request_id: &str, cause: &str) {
        let lines = self.lines(request_id);
        let with_cause = lines.iter().filter(|line| line["fields"]["cause"] == cause);
        assert_eq!(with_cause.count(), 1, "{lines:?}");
    }

    /// Asserts that the request was logged, and that no line of any request has one of these texts.
    pub(crate) fn assert_private(&self, request_id: &str, secrets: &[&str]) {
        assert!(!self.lines(request_id).is_empty());
        let text = self.text();
        for secret in secrets {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while the log is locked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
