use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Clock, PortUnavailable, RecordingStore};
use domain::{AudioFormat, RecordingAccess, RecordingKey};

/// A circuit breaker in front of a recording store: after a failed `put`, further ones fail
/// immediately for a minute. Reading is not affected.
pub(crate) struct PausingRecordings {
    store: Arc<dyn RecordingStore>,
    clock: Arc<dyn Clock>,
    paused_until_unix_millis: AtomicI64,
}

const PAUSE: Duration = Duration::from_mins(1);

impl PausingRecordings {
    pub(crate) const fn new(store: Arc<dyn RecordingStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, paused_until_unix_millis: AtomicI64::new(i64::MIN) }
    }
}

#[async_trait]
impl RecordingStore for PausingRecordings {
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable> {
        if self.clock.now().unix_millis() < self.paused_until_unix_millis.load(Ordering::Relaxed) {
            return Err(PortUnavailable::new("recording store", "paused after a failure a moment ago"));
        }
        let stored = self.store.put(key, format, bytes).await;
        if stored.is_err() {
            let until = self.clock.now().after(PAUSE).unix_millis();
            self.paused_until_unix_millis.store(until, Ordering::Relaxed);
        }
        stored
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        self.store.fetch(key).await
    }
}

#[cfg(test)]
mod tests;
