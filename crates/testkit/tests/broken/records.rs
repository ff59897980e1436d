//! A provider with records of calls, and the adapter that reads them. It is honest, but for the one
//! flaw that it has.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{
    CallFailure, CallStatus, CallUpdate, ConversationRecord, NotConnectedReason, ProviderAgentId,
    UpdateContent,
};
use testkit::fixtures::{call_id, conversation_id, moment, provider_agent_id};
use testkit::harness::{ProviderRecordsHarness, RecordedCall, RecordsUpstream};

use crate::flaw::Flaw;

/// The adapter, its harness and the provider in one; clones share the archive.
#[derive(Clone)]
pub(crate) struct Archive {
    flaw: Option<Flaw>,
    agent: ProviderAgentId,
    provider: Arc<Mutex<Provider>>,
}

struct Provider {
    upstream: RecordsUpstream,
    calls: Vec<(ProviderLookup, RecordedCall)>,
    dials: usize,
}

impl Archive {
    pub(crate) fn honest() -> Self {
        Self::new(None)
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw))
    }

    fn new(flaw: Option<Flaw>) -> Self {
        let provider = Provider { upstream: RecordsUpstream::Responds, calls: Vec::new(), dials: 0 };
        Self { flaw, agent: provider_agent_id(), provider: Arc::new(Mutex::new(provider)) }
    }

    fn provider(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().expect("no panic while it is locked")
    }
}

#[async_trait]
impl ProviderRecords for Archive {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let mut provider = self.provider();
        if provider.upstream != RecordsUpstream::Responds {
            return match self.flaw {
                Some(Flaw::TakesUnavailableForAbsent) => Ok(None),
                _ => Err(PortUnavailable::new("archive", "the provider is unavailable")),
            };
        }
        if self.flaw == Some(Flaw::DialsToLookUp) {
            provider.dials += 1;
        }
        let mut calls = provider.calls.iter();
        let found = match (&lookup.conversation_id, self.flaw) {
            (Some(_), Some(Flaw::ReturnsTheLastConversation)) => calls.next_back(),
            (Some(_), _) => calls.find(|(known, _)| known.conversation_id == lookup.conversation_id),
            (None, Some(Flaw::FindsByConversationAlone)) => None,
            (None, Some(Flaw::ReturnsTheAgentsLastCall)) => {
                calls.rfind(|(known, _)| known.provider_agent_id == lookup.provider_agent_id)
            }
            (None, _) => calls.find(|(known, _)| known.call_id == lookup.call_id),
        };
        Ok(found.map(|(known, call)| reported(known, *call)))
    }
}

fn reported(known: &ProviderLookup, call: RecordedCall) -> CallUpdate {
    let conversation = |status| {
        UpdateContent::Conversation(ConversationRecord {
            status,
            duration_secs: None,
            transcript: Vec::new(),
            started_at: None,
            answered_at: None,
            end_reason: None,
            summary: None,
            cost_credits: None,
            has_recording: false,
        })
    };
    let content = match call {
        RecordedCall::InProgress => conversation(CallStatus::InProgress),
        RecordedCall::Completed => conversation(CallStatus::Completed),
        RecordedCall::Failed => {
            UpdateContent::Failure(CallFailure { reason: NotConnectedReason::NoAnswer, at: moment() })
        }
    };
    CallUpdate { conversation_id: known.conversation_id.clone(), carrier_call_id: None, content }
}

#[async_trait]
impl ProviderRecordsHarness for Archive {
    fn records(&self) -> Arc<dyn ProviderRecords> {
        Arc::new(self.clone())
    }

    async fn record(&self, call: RecordedCall) -> ProviderLookup {
        let lookup = ProviderLookup {
            call_id: call_id(),
            conversation_id: Some(conversation_id()),
            provider_agent_id: Some(self.agent.clone()),
            booked_at: moment(),
        };
        let mut provider = self.provider();
        provider.dials += 1;
        provider.calls.push((lookup.clone(), call));
        lookup
    }

    async fn upstream(&self, upstream: RecordsUpstream) {
        self.provider().upstream = upstream;
    }

    async fn dials(&self) -> usize {
        self.provider().dials
    }
}
