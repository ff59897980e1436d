use async_trait::async_trait;
use domain::ports::{AudioStream, OpenAudio, PortUnavailable, PutError, RecordingAccess, RecordingStore};
use domain::{AudioFormat, AudioPart, RecordingKey};

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
        mut audio: AudioStream,
    ) -> Result<u64, PutError> {
        self.reach(key.as_str()).await?;
        let (mut bytes, mut failure) = (Vec::new(), None);
        while let Some(chunk) = audio.next().await {
            match chunk {
                Ok(mut chunk) => bytes.append(&mut chunk),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            if self.has(Flaw::StoresWhatCameBeforeAnError) {
                self.put_recording(key, &bytes);
            }
            return Err(match self.flaw {
                Flaw::TakesTheBlameForTheStream => {
                    PutError::Store(PortUnavailable::new("memory", "the stream failed"))
                }
                _ => PutError::Audio(error),
            });
        }
        let size = bytes.len() as u64;
        let is_stored = self.memory.tables().recordings.contains_key(key.as_str());
        match self.flaw {
            Flaw::KeepsTheFirstAudio if is_stored => return Ok(size),
            Flaw::KeepsTextsAlone => bytes = String::from_utf8_lossy(&bytes).into_owned().into_bytes(),
            Flaw::ShowsHalfARecording => {
                self.put_recording(key, &bytes[..bytes.len() / 2]);
                tokio::task::yield_now().await;
            }
            Flaw::TakesNamesForPaths => {
                self.put_recording(key, &bytes);
                return Ok(size);
            }
            Flaw::StoresTheFirstPart => bytes.truncate(8 << 20),
            _ => {}
        }
        self.memory.put(key, format, bytes.into()).await.map(|_| size)
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
        Ok(found.or_else(|| wrong.cloned().map(|bytes| RecordingAccess::Stream(bytes.into()))))
    }

    async fn open(&self, key: &RecordingKey, part: AudioPart) -> Result<Option<OpenAudio>, PortUnavailable> {
        self.reach(key.as_str()).await?;
        let found = RecordingStore::open(&self.memory, key, part).await?;
        let Some(OpenAudio { size, part: Some((at, audio)) }) = found else { return Ok(found) };
        Ok(Some(match self.flaw {
            Flaw::ReadsFromTheStart => {
                let start = AudioPart::Between(0, at.end.saturating_sub(at.start + 1));
                let from_start = RecordingStore::open(&self.memory, key, start).await?;
                let audio = from_start.and_then(|it| it.part).map_or(audio, |(_, audio)| audio);
                OpenAudio { size, part: Some((at, audio)) }
            }
            Flaw::TakesThePartForTheWhole => OpenAudio { size: at.end - at.start, part: Some((at, audio)) },
            _ => OpenAudio { size, part: Some((at, audio)) },
        }))
    }

    async fn remove(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        self.reach(key.as_str()).await?;
        let is_stored = self.memory.tables().recordings.contains_key(key.as_str());
        match self.flaw {
            Flaw::KeepsRemovedRecordings if is_stored => Ok(()),
            Flaw::RemovesBothFormats => {
                let call = key.as_str().rsplit_once('.').map_or("", |(call, _)| call).to_owned();
                self.memory.tables().recordings.retain(|name, _| !name.starts_with(&call));
                Ok(())
            }
            Flaw::FailsForAbsentRecordings if !is_stored && !self.memory.is_lost() => {
                Err(PortUnavailable::new("memory", "nothing to remove"))
            }
            _ => self.memory.remove(key).await,
        }
    }
}
