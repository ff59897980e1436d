use async_trait::async_trait;
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, RecordingAccess, RecordingKey};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// The name that a recording is really stored under.
    fn stored_name(&self, key: &RecordingKey) -> String {
        let last = key.as_str().rsplit('/').next().filter(|_| self.has(Flaw::TakesNamesForPaths));
        last.unwrap_or(key.as_str()).to_owned()
    }

    fn put_recording(&self, key: &RecordingKey, bytes: &[u8]) {
        self.memory.tables().recordings.insert(self.stored_name(key), bytes.to_vec());
    }
}

#[async_trait]
impl RecordingStore for BrokenStore {
    async fn put(
        &self,
        key: &RecordingKey,
        format: AudioFormat,
        bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable> {
        self.reach(key.as_str()).await?;
        let is_stored = self.memory.tables().recordings.contains_key(key.as_str());
        match self.flaw {
            Flaw::KeepsTheFirstAudio if is_stored => {}
            Flaw::KeepsTextsAlone => self.put_recording(key, String::from_utf8_lossy(&bytes).as_bytes()),
            Flaw::ShowsHalfARecording => {
                self.put_recording(key, &bytes[..bytes.len() / 2]);
                tokio::task::yield_now().await;
                self.put_recording(key, &bytes);
            }
            Flaw::TakesNamesForPaths => self.put_recording(key, &bytes),
            _ => self.memory.put(key, format, bytes).await?,
        }
        Ok(())
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let found = self.memory.fetch(key).await?;
        let tables = self.memory.tables();
        let wrong = match self.flaw {
            Flaw::TakesNamesForPaths => tables.recordings.get(&self.stored_name(key)),
            Flaw::AnswersSomeRecording => tables.recordings.values().next(),
            _ => None,
        };
        Ok(found.or_else(|| wrong.cloned().map(RecordingAccess::Bytes)))
    }
}
