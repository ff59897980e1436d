use crate::ports::{CallUpdater, Clock, PortUnavailable, RecordingStore};
use crate::{Audio, CallId, Recording, RecordingKey};

/// Stores a call's recording. The audio is stored before the ledger points at it, and doing this
/// again after a crash between the two has the same result.
pub(super) async fn store_recording(
    store: &dyn RecordingStore,
    calls: &dyn CallUpdater,
    clock: &dyn Clock,
    call_id: &CallId,
    audio: Audio,
) -> Result<(), PortUnavailable> {
    let Audio { format, bytes } = audio;
    let recording = Recording {
        key: RecordingKey::of(call_id, format),
        format,
        size_bytes: bytes.len() as u64,
        stored_at: clock.now(),
    };
    store.put(&recording.key, format, bytes).await?;
    calls.attach_recording(call_id, &recording).await
}
