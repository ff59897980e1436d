use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{RecordingAccess, RecordingStore};

use super::LosesStore;

/// What the suite of [`RecordingStore`] needs. The store belongs to this harness alone, because the
/// suite uses names that another test may use.
#[async_trait]
pub trait RecordingStoreHarness: LosesStore {
    /// The adapter, as a new process would have it.
    fn recordings(&self) -> Arc<dyn RecordingStore>;

    /// The bytes of a recording: those of the stream in `access`, or those behind its link, fetched with nothing
    /// but the link.
    async fn read(&self, access: RecordingAccess) -> Vec<u8>;
}
