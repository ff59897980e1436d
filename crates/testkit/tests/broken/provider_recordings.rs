//! A provider that keeps recordings, and the adapter that fetches them. It is honest, but for the
//! one flaw that it has.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::ports::{AudioStream, FetchedRecording, PortUnavailable, ProviderRecordings};
use domain::{Audio, AudioFormat, CallId, ConversationId};
use futures_util::stream;
use testkit::fixtures::conversation_id;
use testkit::harness::{ProviderRecordingsHarness, RecordingsUpstream};

use crate::flaw::Flaw;

/// The adapter, its harness and the provider in one; clones share the provider.
#[derive(Clone)]
pub(crate) struct Tapes {
    flaw: Option<Flaw>,
    provider: Arc<Mutex<Provider>>,
}

struct Provider {
    upstream: RecordingsUpstream,
    conversations: Vec<(ConversationId, Option<Audio>)>,
    requests: usize,
    dials: usize,
}

impl Tapes {
    pub(crate) fn honest() -> Self {
        Self::new(None)
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw))
    }

    fn new(flaw: Option<Flaw>) -> Self {
        let upstream = RecordingsUpstream::Responds;
        let provider = Provider { upstream, conversations: Vec::new(), requests: 0, dials: 0 };
        Self { flaw, provider: Arc::new(Mutex::new(provider)) }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn provider(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().expect("no panic while it is locked")
    }

    fn add(&self, recording: Option<Audio>) -> ConversationId {
        let id = conversation_id();
        let mut provider = self.provider();
        provider.dials += 1;
        provider.conversations.push((id.clone(), recording));
        id
    }

    /// One request. The error is the text of the response.
    fn request(&self, id: &ConversationId) -> Result<Option<Audio>, &'static str> {
        let mut provider = self.provider();
        provider.requests += 1;
        provider.dials += usize::from(self.has(Flaw::DialsToLookUp));
        let stored = provider.conversations.iter().find(|(stored, _)| stored == id);
        let recording = stored.and_then(|(_, recording)| recording.clone());
        match provider.upstream {
            RecordingsUpstream::Responds => Ok(recording),
            RecordingsUpstream::Large => {
                let bytes = vec![b'a'; RecordingsUpstream::LARGE_LEN];
                Ok(Some(Audio { format: AudioFormat::Mp3, bytes }))
            }
            RecordingsUpstream::CutResponse if self.has(Flaw::TakesACutForTheEnd) => Ok(recording),
            RecordingsUpstream::RefusesConnection | RecordingsUpstream::CutResponse => {
                Err("no whole response")
            }
            RecordingsUpstream::RefusesTheKey
            | RecordingsUpstream::ServerError
            | RecordingsUpstream::ForeignResponse => Err(RecordingsUpstream::QUOTED),
        }
    }
}

#[async_trait]
impl ProviderRecordings for Tapes {
    async fn fetch(
        &self,
        _: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<Option<FetchedRecording>, PortUnavailable> {
        let mut response = self.request(conversation_id);
        let retries = if self.has(Flaw::RetriesWithoutALimit) { 5 } else { 1 };
        for _ in 0..retries {
            if response.is_err() {
                response = self.request(conversation_id);
            }
        }
        match response {
            Ok(None) if self.has(Flaw::TakesAbsentForUnavailable) => {
                Err(PortUnavailable::new("tapes", "no recording"))
            }
            Ok(recording) => Ok(recording.map(|Audio { mut format, mut bytes }| {
                match self.flaw {
                    Some(Flaw::FetchesTheFirstHalf) => bytes.truncate(bytes.len() / 2),
                    Some(Flaw::FetchesAtMost16Mib) => bytes.truncate(16 << 20),
                    Some(Flaw::TakesEveryRecordingForWav) => format = AudioFormat::Wav,
                    _ => {}
                }
                let chunk_len = if self.has(Flaw::FetchesInOneChunk) { usize::MAX } else { 1 << 16 };
                let chunks: Vec<_> = bytes.chunks(chunk_len).map(|chunk| Ok(chunk.to_vec())).collect();
                FetchedRecording { format, audio: AudioStream::new(stream::iter(chunks)) }
            })),
            Err(_) if self.has(Flaw::TakesUnavailableForAbsent) => Ok(None),
            Err(text) if self.has(Flaw::QuotesTheResponse) => Err(PortUnavailable::new("tapes", text)),
            Err(_) => Err(PortUnavailable::new("tapes", "no recording in the response")),
        }
    }
}

#[async_trait]
impl ProviderRecordingsHarness for Tapes {
    fn recordings(&self) -> Arc<dyn ProviderRecordings> {
        Arc::new(self.clone())
    }

    async fn recorded(&self) -> (ConversationId, Audio) {
        let audio = Audio { format: AudioFormat::Mp3, bytes: b"ID3 and frames".to_vec() };
        (self.add(Some(audio.clone())), audio)
    }

    async fn unrecorded(&self) -> ConversationId {
        self.add(None)
    }

    async fn upstream(&self, upstream: RecordingsUpstream) {
        let mut provider = self.provider();
        provider.upstream = upstream;
        provider.requests = 0;
    }

    async fn requests(&self) -> usize {
        self.provider().requests
    }

    async fn dials(&self) -> usize {
        self.provider().dials
    }
}
