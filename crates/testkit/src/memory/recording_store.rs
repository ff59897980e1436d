use async_trait::async_trait;
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, RecordingAccess, RecordingKey};

use super::Memory;

#[async_trait]
impl RecordingStore for Memory {
    async fn put(
        &self,
        key: &RecordingKey,
        _format: AudioFormat,
        bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable> {
        self.open()?.recordings.insert(key.as_str().to_owned(), bytes);
        Ok(())
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        Ok(self.open()?.recordings.get(key.as_str()).cloned().map(RecordingAccess::Bytes))
    }
}
