use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When a connection was last lost. The connections that were open at that time are probably lost
/// too, above all after a restart of the server or a failover.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLoss(Arc<Mutex<Loss>>);

#[derive(Debug, Default)]
struct Loss {
    /// When a connection broke or hung.
    broken: Option<Instant>,
    /// When a session was found to be read-only.
    read_only: Option<Instant>,
    /// Whether the last new connection was read-only.
    is_read_only: bool,
}

impl LastLoss {
    pub(crate) fn note(&self) {
        self.lock().broken = Some(Instant::now());
    }

    pub(crate) fn note_read_only(&self) {
        self.lock().read_only = Some(Instant::now());
    }

    pub(crate) fn note_connected(&self, is_primary: bool) {
        self.lock().is_read_only = !is_primary;
    }

    pub(crate) fn was_within(&self, past: Duration) -> bool {
        self.lock().broken.is_some_and(|time| time.elapsed() <= past)
    }

    pub(crate) fn was_read_only_within(&self, past: Duration) -> bool {
        self.lock().read_only.is_some_and(|time| time.elapsed() <= past)
    }

    /// Whether the server that the URL leads to is read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.lock().is_read_only
    }

    fn lock(&self) -> MutexGuard<'_, Loss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
