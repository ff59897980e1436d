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
mod tests {
    use domain::ports::{MockClock, MockRecordingStore};
    use domain::{CallId, Timestamp};

    use super::*;

    const FAILED_AT: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

    /// Storing fails; then storing is attempted again after `elapsed`. Returns how often the store
    /// was called.
    async fn puts(elapsed: Duration) -> u32 {
        let puts = Arc::new(AtomicI64::new(0));
        let counted = puts.clone();
        let mut store = MockRecordingStore::new();
        store.expect_put().returning(move |_, _, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(PortUnavailable::new("recording store", "unreachable"))
        });
        store.expect_fetch().return_const(Ok(None));
        let mut clock = MockClock::new();
        clock.expect_now().times(2).return_const(FAILED_AT);
        clock.expect_now().return_const(FAILED_AT.after(elapsed));
        let recordings = PausingRecordings::new(Arc::new(store), Arc::new(clock));
        let key = RecordingKey::of(&CallId::mint(1, [1; 8]), AudioFormat::Mp3);
        for _ in 0..2 {
            let stored = recordings.put(&key, AudioFormat::Mp3, b"voice".to_vec()).await;
            assert!(stored.is_err());
        }
        assert_eq!(recordings.fetch(&key).await, Ok(None), "reading is not paused");
        u32::try_from(puts.load(Ordering::Relaxed)).expect("a few")
    }

    #[tokio::test]
    async fn a_failed_store_is_not_called_again_for_a_minute() {
        assert_eq!(puts(PAUSE - Duration::from_millis(1)).await, 1);
        assert_eq!(puts(PAUSE).await, 2);
    }
}
