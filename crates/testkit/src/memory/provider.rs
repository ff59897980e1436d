use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::ports::{
    DialRequest, FetchedRecording, PortUnavailable, ProviderLookup, ProviderRecordings, ProviderRecords,
    VoiceProvider,
};
use domain::{AnswerTime, Audio, CallId, CallUpdate, Carrier, ConversationId, DialOutcome};

use crate::fixtures::SERVED_CARRIERS;

/// A voice provider with scripted responses: `VoiceProvider`, `ProviderRecords` and
/// `ProviderRecordings`. Clones share the script.
///
/// A new one answers every dial with the outcome that it was made with, after ringing, and has no
/// records.
#[derive(Clone)]
pub struct Provider {
    script: Arc<Mutex<Script>>,
}

struct Script {
    outcome: DialOutcome,
    dials: Vec<DialRequest>,
    records: HashMap<CallId, CallUpdate>,
    recordings: HashMap<ConversationId, Audio>,
    is_lost: bool,
}

impl Provider {
    /// A provider whose dials have this outcome.
    #[must_use]
    pub fn new(outcome: DialOutcome) -> Self {
        let script = Script {
            outcome,
            dials: Vec::new(),
            records: HashMap::new(),
            recordings: HashMap::new(),
            is_lost: false,
        };
        Self { script: Arc::new(Mutex::new(script)) }
    }

    /// From now on dials have this outcome.
    pub fn set_outcome(&self, outcome: DialOutcome) {
        self.script().outcome = outcome;
    }

    /// Every dial so far, in order.
    #[must_use]
    pub fn dials(&self) -> Vec<DialRequest> {
        self.script().dials.clone()
    }

    /// From now on the provider's record of this call is `update`.
    pub fn add_record(&self, call_id: &CallId, update: CallUpdate) {
        self.script().records.insert(call_id.clone(), update);
    }

    /// From now on the provider has this recording of the conversation.
    pub fn add_recording(&self, conversation_id: &ConversationId, audio: Audio) {
        self.script().recordings.insert(conversation_id.clone(), audio);
    }

    /// From now on records and recordings are unavailable. Dials still have their outcome.
    pub fn lose_records(&self) {
        self.script().is_lost = true;
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic while the script is locked")
    }

    fn records(&self) -> Result<MutexGuard<'_, Script>, PortUnavailable> {
        let script = self.script();
        if script.is_lost {
            return Err(PortUnavailable::new("provider", "its records are lost"));
        }
        Ok(script)
    }
}

#[async_trait]
impl VoiceProvider for Provider {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    fn carriers(&self) -> &[Carrier] {
        SERVED_CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let mut script = self.script();
        script.dials.push(request.clone());
        script.outcome.clone()
    }
}

#[async_trait]
impl ProviderRecords for Provider {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        Ok(self.records()?.records.get(&lookup.call_id).cloned())
    }
}

#[async_trait]
impl ProviderRecordings for Provider {
    async fn fetch(
        &self,
        _: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<Option<FetchedRecording>, PortUnavailable> {
        let recording = self.records()?.recordings.get(conversation_id).cloned();
        Ok(recording.map(|Audio { format, bytes }| FetchedRecording { format, audio: bytes.into() }))
    }
}
