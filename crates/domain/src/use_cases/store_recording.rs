use crate::ports::{AudioStream, CallUpdater, Clock, PutError, RecordingStore};
use crate::{AudioFormat, CallId, Recording, RecordingKey};

/// Stores a call's recording. The audio is stored before the ledger points at it, and doing this
/// again after a crash between the two has the same result. The recording of a call that was erased
/// meanwhile is removed again: the ledger does not point at it.
pub(super) async fn store_recording(
    store: &dyn RecordingStore,
    calls: &dyn CallUpdater,
    clock: &dyn Clock,
    call_id: &CallId,
    (format, audio): (AudioFormat, AudioStream),
) -> Result<(), PutError> {
    let key = RecordingKey::of(call_id, format);
    let size_bytes = store.put(&key, format, audio).await?;
    let recording = Recording { key, format, size_bytes, stored_at: clock.now() };
    calls.attach_recording(call_id, &recording).await?;
    if calls.identity(call_id).await?.is_some_and(|identity| identity.to.is_erased()) {
        store.remove(&recording.key).await?;
    }
    Ok(())
}
