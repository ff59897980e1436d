use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    AudioStream, Clock, OpenAudio, PortUnavailable, PutError, RecordingAccess, RecordingStore,
};
use domain::{AudioFormat, AudioPart, RecordingKey};

/// A circuit breaker in front of a recording store: after a failed `put`, further ones fail
/// immediately for a minute. Reading is not affected. A recording whose own stream failed says
/// nothing about the store.
pub(crate) struct PausingRecordings {
    store: Arc<dyn RecordingStore>,
    clock: Arc<dyn Clock>,
    paused_until_millis: AtomicU64,
}

const PAUSE: Duration = Duration::from_mins(1);

impl PausingRecordings {
    pub(crate) const fn new(store: Arc<dyn RecordingStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, paused_until_millis: AtomicU64::new(0) }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl RecordingStore for PausingRecordings {
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        audio: AudioStream,
    ) -> Result<u64, PutError> {
        if millis(self.clock.monotonic()) < self.paused_until_millis.load(Ordering::Relaxed) {
            let paused = PortUnavailable::new("recording store", "paused after a failure a moment ago");
            return Err(paused.into());
        }
        let stored = self.store.put(key, format, audio).await;
        if matches!(stored, Err(PutError::Store(_))) {
            let until = millis(self.clock.monotonic().saturating_add(PAUSE));
            self.paused_until_millis.store(until, Ordering::Relaxed);
        }
        stored
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        self.store.fetch(key).await
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        self.store.open(key, part).await
    }

    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        self.store.remove(key).await
    }
}

#[cfg(test)]
mod tests;
