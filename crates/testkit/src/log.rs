//! What the process logs, at trace level.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once};

use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How many captures are running. Without one, no line is formatted.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Collects the log of the whole process, until it is dropped. An adapter may work on any thread, so
/// the lines of other tests are in it too: search it only for texts that occur in no other test.
pub(crate) struct LogCapture;

impl LogCapture {
    /// Starts to collect.
    ///
    /// # Panics
    /// If the process has another global subscriber, because it would get the lines instead.
    pub(crate) fn start() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let lines = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                // The fields of a span without events are in the log as well.
                .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
                .with_writer(|| Writer)
                .with_filter(dynamic_filter_fn(|_, _| RUNNING.load(Ordering::SeqCst) > 0));
            tracing_subscriber::registry()
                .with(lines)
                .try_init()
                .expect("the suite reads the log of the process: set no other global subscriber or logger");
        });
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self
    }

    /// The lines so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&lines()).into_owned()
    }
}

impl Drop for LogCapture {
    fn drop(&mut self) {
        let mut lines = lines();
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            lines.clear();
        }
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Also after the panic of a test: the bytes are whole lines or parts of them.
fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
