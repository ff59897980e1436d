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
