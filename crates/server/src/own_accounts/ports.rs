//! The ports of the voice provider, each of which uses the account of the organization that calls.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{
    CallUpdater, DialRequest, FetchedRecording, PortUnavailable, ProviderLookup, ProviderRecordings,
    ProviderRecords, VoiceProvider,
};
use domain::{AnswerTime, CallId, CallUpdate, Carrier, ConversationId, DialOutcome, NotDialledReason};

use super::{OwnAccount, OwnAccounts};

/// Dials.
pub(crate) struct VoiceOfAccounts {
    pub(crate) gateway: Arc<dyn VoiceProvider>,
    pub(crate) accounts: Arc<OwnAccounts>,
}

/// Asks about calls.
pub(crate) struct RecordsOfAccounts {
    pub(crate) gateway: Arc<dyn ProviderRecords>,
    pub(crate) owner: OwnerOfCall,
}

/// Fetches recordings.
pub(crate) struct RecordingsOfAccounts {
    pub(crate) gateway: Arc<dyn ProviderRecordings>,
    pub(crate) owner: OwnerOfCall,
}

/// Finds the account of a call's organization.
#[derive(Clone)]
pub(crate) struct OwnerOfCall {
    pub(crate) accounts: Arc<OwnAccounts>,
    pub(crate) calls: Arc<dyn CallUpdater>,
}

impl OwnerOfCall {
    /// `None`: the gateway's account. It is never asked in the place of an organization's own one: the
    /// report about a call of this organization must not come from the conversations of others.
    async fn account(&self, call_id: &CallId) -> Result<Option<Arc<OwnAccount>>, PortUnavailable> {
        if self.accounts.is_empty().await? {
            return Ok(None);
        }
        match self.calls.identity(call_id).await? {
            Some(identity) => self.accounts.account(&identity.organization_id).await,
            None => Ok(None),
        }
    }
}

#[async_trait]
impl VoiceProvider for VoiceOfAccounts {
    fn answer_time(&self) -> AnswerTime {
        self.gateway.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.gateway.carriers()
    }

    /// The account is chosen once: a key that is replaced while the phone rings changes nothing.
    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        match self.accounts.account(&request.organization_id).await {
            Ok(account) => match account.as_deref().and_then(|account| account.voice.as_ref()) {
                Some(voice) => voice.provider.dial(request).await,
                None => self.gateway.dial(request).await,
            },
            Err(error) => {
                tracing::error!(%error, call.id = %request.call_id, "a call was not dialled: the account of its organization cannot be used");
                DialOutcome::NotDialled(NotDialledReason::Unavailable)
            }
        }
    }
}

#[async_trait]
impl ProviderRecords for RecordsOfAccounts {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let account = self.owner.account(&lookup.call_id).await?;
        match account.as_deref().and_then(|account| account.voice.as_ref()) {
            Some(voice) => voice.records.find(lookup).await,
            None => self.gateway.find(lookup).await,
        }
    }
}

#[async_trait]
impl ProviderRecordings for RecordingsOfAccounts {
    async fn fetch(
        &self,
        call_id: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<Option<FetchedRecording>, PortUnavailable> {
        let account = self.owner.account(call_id).await?;
        match account.as_deref().and_then(|account| account.voice.as_ref()) {
            Some(voice) => voice.recordings.fetch(call_id, conversation_id).await,
            None => self.gateway.fetch(call_id, conversation_id).await,
        }
    }
}
