use std::sync::Arc;

use async_trait::async_trait;
use domain::RecordingAccess;
use domain::ports::RecordingStore;

use super::LosesStore;

/// What the suite of [`RecordingStore`] needs. The store is to be the harness's own, since the suite uses names that another
/// test may use.
#[async_trait]
pub trait RecordingStoreHarness: LosesStore {
    /// The adapter, as a new process would have it.
    fn recordings(&self) -> Arc<dyn RecordingStore>;

    /// What there is to hear: the bytes, or what the link leads to for somebody who has nothing but the link.
    async fn read(&self, access: RecordingAccess) -> Vec<u8>;
}
