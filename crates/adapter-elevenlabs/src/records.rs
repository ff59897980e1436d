//! Asks the provider for the record of a call.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{FetchedRecording, PortUnavailable, ProviderLookup, ProviderRecordings, ProviderRecords};
use domain::{CallId, CallStatus, CallUpdate, ConversationId};
use provider_client::{InvalidSettings, ProviderClient, Response};
use url::Url;

use crate::config::ElevenLabsSettings;
use crate::conversation::{Conversation, Owner};
use crate::json::Object;
use crate::recording;
use crate::wire::{self, CONVERSATIONS};

/// Reads what ElevenLabs has recorded. It changes nothing at the provider.
#[derive(Debug, Clone)]
pub struct ElevenLabsRecords {
    client: ProviderClient,
}

/// The time limit of one lookup, all its requests together.
const FIND_WITHIN: Duration = Duration::from_secs(10);
/// How far the provider's clock may be behind ours.
const CLOCK_MARGIN: Duration = Duration::from_mins(15);

impl ElevenLabsRecords {
    /// Checks the settings. Nothing is sent.
    pub fn new(settings: &ElevenLabsSettings) -> Result<Self, InvalidSettings> {
        Ok(Self { client: settings.client()? })
    }

    /// The record of a conversation; `None` if the provider responds that it has none.
    async fn record(
        &self,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, PortUnavailable> {
        let response = self.read(&self.url([id.as_str()]), deadline).await?;
        match response.status {
            200 => Ok(Some(response.body)),
            404 if is_missing(&response.body) => Ok(None),
            status => Err(unexpected(status)),
        }
    }

    /// The conversation that was started with our call id. Two of them are an error: choosing one
    /// could report on the wrong call.
    async fn search(
        &self,
        lookup: &ProviderLookup,
        deadline: Instant,
    ) -> Result<Option<ConversationId>, PortUnavailable> {
        let since = lookup.booked_at.before(CLOCK_MARGIN).unix_millis().max(0) / 1000;
        let mut url = self.url([]);
        url.query_pairs_mut()
            .append_pair("user_id", lookup.call_id.as_str())
            .append_pair("call_start_after_unix", &since.to_string())
            .append_pair("page_size", "30");
        let Response { status, body, .. } = self.read(&url, deadline).await?;
        let list = Object::parse(&body).filter(|_| status == 200);
        let conversations = list.as_ref().and_then(|list| list.list("conversations"));
        let (Some(list), Some(conversations)) = (list, conversations) else { return Err(unexpected(status)) };
        if list.is_true("has_more") {
            return Err(unavailable("the list of our call's conversations is not complete"));
        }
        let mut ids = conversations.into_iter().map(|item| Conversation::new(item).id());
        match (ids.next(), ids.next()) {
            (None, _) => Ok(None),
            (Some(Some(id)), None) => Ok(Some(id)),
            (Some(None), None) => Err(unavailable("the listed conversation has no id")),
            (Some(_), Some(_)) => Err(unavailable("two listed conversations have our call id")),
        }
    }

    fn url<const N: usize>(&self, below_conversations: [&str; N]) -> Url {
        self.client.endpoint(CONVERSATIONS.into_iter().chain(below_conversations))
    }

    async fn read(&self, url: &Url, deadline: Instant) -> Result<Response, PortUnavailable> {
        self.client.read(url, deadline).await.map_err(|failure| unavailable(failure.to_string()))
    }
}

#[async_trait]
impl ProviderRecords for ElevenLabsRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let deadline = Instant::now() + FIND_WITHIN;
        if let Some(id) = &lookup.conversation_id
            && let Some(body) = self.record(id, deadline).await?
        {
            let (conversation, status) = parse_record(&body, id)?;
            // Several organizations may use one account. Their reports must not bring a call the
            // conversation of another one.
            if matches!(conversation.owner(), Owner::Id(owner) if owner != lookup.call_id) {
                return Err(unavailable("the conversation was started with another call id"));
            }
            return Ok(Some(conversation.update(status)));
        }
        let Some(id) = self.search(lookup, deadline).await? else { return Ok(None) };
        let listed = self.record(&id, deadline).await?;
        let body = listed.ok_or_else(|| unavailable("the list has a conversation that has no record"))?;
        let (conversation, status) = parse_record(&body, &id)?;
        // If the provider ignored the filter, the list has the conversations of other calls.
        if conversation.owner() != Owner::Id(lookup.call_id.clone()) {
            return Err(unavailable("the list has a conversation that was not started with our call id"));
        }
        Ok(Some(conversation.update(status)))
    }
}

#[async_trait]
impl ProviderRecordings for ElevenLabsRecords {
    async fn fetch(
        &self,
        _: &CallId,
        conversation_id: &ConversationId,
    ) -> Result<Option<FetchedRecording>, PortUnavailable> {
        recording::fetch(&self.client, &self.url([conversation_id.as_str(), "audio"])).await
    }
}

/// Whether a 404 means that the conversation does not exist. Below a wrong base URL every path is a
/// 404, without such a code.
pub(crate) fn is_missing(body: &[u8]) -> bool {
    wire::refusal_code(404, body).is_some_and(|code| code.as_str().ends_with("_not_found"))
}

/// The requested record and its status. A record of another conversation is refused.
fn parse_record<'a>(
    body: &'a [u8],
    id: &ConversationId,
) -> Result<(Conversation<'a>, CallStatus), PortUnavailable> {
    let conversation = Object::parse(body).map(Conversation::new);
    conversation
        .filter(|conversation| conversation.id().as_ref() == Some(id))
        .and_then(|conversation| conversation.status().map(|status| (conversation, status)))
        .ok_or_else(|| unavailable("the response is not the requested record"))
}

pub(crate) fn unexpected(status: u16) -> PortUnavailable {
    unavailable(format!("the response has status {status} and is not a record"))
}

pub(crate) fn unavailable(reason: impl Into<std::borrow::Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("elevenlabs", reason)
}
