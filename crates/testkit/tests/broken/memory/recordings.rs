use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{PortUnavailable, RecordingStore};
use domain::{AudioFormat, RecordingAccess, RecordingKey};
use testkit::harness::RecordingStoreHarness;

use super::{Memory, lock};
use crate::flaw::Flaw;

pub(super) type Recordings = HashMap<String, Vec<u8>>;

impl Memory {
    fn name(&self, key: &RecordingKey) -> String {
        let name = key.as_str();
        let last = name.rsplit('/').next().filter(|_| self.has(Flaw::TakesNamesForPaths));
        last.unwrap_or(name).to_owned()
    }
}

#[async_trait]
impl RecordingStore for Memory {
    async fn put(
        &self,
        key: &RecordingKey,
        _format: AudioFormat,
        mut bytes: Vec<u8>,
    ) -> Result<(), PortUnavailable> {
        self.reach(key.as_str()).await?;
        let name = self.name(key);
        match self.flaw {
            Some(Flaw::KeepsTheFirstAudio) if lock(&self.store.recordings).contains_key(&name) => {
                return Ok(());
            }
            Some(Flaw::KeepsTextsAlone) => bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
            Some(Flaw::ShowsHalfARecording) => {
                let half = bytes[..bytes.len() / 2].to_vec();
                lock(&self.store.recordings).insert(name.clone(), half);
                tokio::task::yield_now().await;
            }
            _ => {}
        }
        lock(&self.store.recordings).insert(name, bytes);
        Ok(())
    }

    async fn fetch(&self, key: &RecordingKey) -> Result<Option<RecordingAccess>, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let recordings = lock(&self.store.recordings);
        let found = match recordings.get(&self.name(key)) {
            None if self.has(Flaw::AnswersSomeRecording) => recordings.values().next(),
            found => found,
        };
        Ok(found.cloned().map(RecordingAccess::Bytes))
    }
}

#[async_trait]
impl RecordingStoreHarness for Memory {
    fn recordings(&self) -> Arc<dyn RecordingStore> {
        if self.has(Flaw::KeepsRecordingsInTheProcess) {
            lock(&self.store.recordings).clear();
        }
        Arc::new(self.clone())
    }

    async fn read(&self, access: RecordingAccess) -> Vec<u8> {
        match access {
            RecordingAccess::Bytes(bytes) => bytes,
            RecordingAccess::Link { .. } => panic!("memory has no links"),
        }
    }
}
