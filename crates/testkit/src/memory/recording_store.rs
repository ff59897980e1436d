use async_trait::async_trait;
use domain::ports::{AudioStream, OpenAudio, PortUnavailable, PutError, RecordingAccess, RecordingStore};
use domain::{AudioFormat, AudioPart, RecordingKey};

use super::Memory;

#[async_trait]
impl RecordingStore for Memory {
    async fn put(
        &self,
        key: &RecordingKey,
        _format: AudioFormat,
        audio: AudioStream,
    ) -> Result<u64, PutError> {
        let bytes = audio.read_to_end().await.map_err(PutError::Audio)?;
        let size = bytes.len() as u64;
        self.open()?.recordings.insert(key.as_str().to_owned(), bytes);
        Ok(size)
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        let found = self.open()?.recordings.get(key.as_str()).cloned();
        Ok(found.map(|bytes| RecordingAccess::Stream(bytes.into())))
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        let found = Self::open(self)?.recordings.get(key.as_str()).cloned();
        Ok(found.map(|bytes| OpenAudio {
            size: bytes.len() as u64,
            part: part.of(bytes.len() as u64).map(|at| {
                let content = bytes[at.start as usize..at.end as usize].to_vec();
                (at, content.into())
            }),
        }))
    }

    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        Self::open(self)?.recordings.remove(key.as_str());
        Ok(())
    }
}
