use domain::CallId;
use domain::ports::{AudioError, MockRecordingStore};
use testkit::clock::ManualClock;

use super::*;

/// Storing fails with this error; then storing is attempted again after `elapsed`. Returns how often
/// the store was called.
async fn puts(error: PutError, elapsed: Duration) -> u32 {
    let puts = Arc::new(AtomicU64::new(0));
    let counted = puts.clone();
    let mut store = MockRecordingStore::new();
    store.expect_put().returning(move |_, _, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Err(error.clone())
    });
    store.expect_fetch().returning(|_| Ok(None));
    let clock = Arc::new(ManualClock::new());
    let recordings = PausingRecordings::new(Arc::new(store), clock.clone());
    let key = RecordingKey::of(&CallId::mint(1, [1; 8]), AudioFormat::Mp3);
    for _ in 0..2 {
        let stored = recordings.put(&key, AudioFormat::Mp3, b"voice".to_vec().into()).await;
        assert!(stored.is_err());
        clock.jump(elapsed);
    }
    assert!(recordings.fetch(&key).await.is_ok(), "reading is not paused");
    u32::try_from(puts.load(Ordering::Relaxed)).expect("a few")
}

#[tokio::test]
async fn a_failed_store_is_not_called_again_for_a_minute() {
    let lost = PutError::Store(PortUnavailable::new("recording store", "unreachable"));
    assert_eq!(puts(lost.clone(), PAUSE - Duration::from_millis(1)).await, 1);
    assert_eq!(puts(lost, PAUSE).await, 2);
}

#[tokio::test]
async fn a_store_is_not_paused_because_a_stream_failed() {
    let cut = AudioError::from(PortUnavailable::new("provider", "the connection was lost"));
    for error in [cut, AudioError::TooLarge] {
        assert_eq!(puts(PutError::Audio(error), Duration::ZERO).await, 2);
    }
}
