//! Asking the provider what became of a call.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecordings, ProviderRecords};
use domain::{Audio, CallStatus, CallUpdate, ConversationId};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::audio;
use crate::client::http_client;
use crate::config::{ElevenLabsSettings, InvalidSettings};
use crate::conversation::Conversation;
use crate::json::Object;
use crate::wire::{self, CONVERSATIONS};

/// What ElevenLabs has recorded of its conversations. It reads, and does nothing else.
///
/// A clone is cheap; a request lives on the tokio runtime on which it is made.
#[derive(Clone)]
pub struct ElevenLabsRecords {
    http: Client,
    conversations: Url,
}

/// All requests of one question together, with what is sent again.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// A recording has megabytes.
const AUDIO_WITHIN: Duration = Duration::from_secs(60);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;
/// How far the provider's clock may be behind ours.
const CLOCK_MARGIN: Duration = Duration::from_mins(15);

impl ElevenLabsRecords {
    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// A setting is out of its bounds, or the base is `https` and the machine has no CA certificates.
    pub fn new(settings: &ElevenLabsSettings) -> Result<Self, InvalidSettings> {
        let conversations = settings.endpoint(&CONVERSATIONS)?;
        Ok(Self { http: http_client(settings)?, conversations })
    }

    /// The record of a conversation; nothing if the provider says that it has none.
    async fn recorded(
        &self,
        id: &ConversationId,
        deadline: Instant,
    ) -> Result<Option<Vec<u8>>, PortUnavailable> {
        let mut url = self.conversations.clone();
        url.path_segments_mut().expect("the base was checked").push(id.as_str());
        let (status, body) = self.read(url, deadline).await?;
        match status {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND if is_missing(&body) => Ok(None),
            status => Err(unclear(status)),
        }
    }

    /// The conversation that was begun with our id; of several the one of which most is known.
    async fn listed(
        &self,
        lookup: &ProviderLookup,
        deadline: Instant,
    ) -> Result<Option<ConversationId>, PortUnavailable> {
        let since = lookup.booked_at.before(CLOCK_MARGIN).unix_millis().max(0) / 1000;
        let mut url = self.conversations.clone();
        url.query_pairs_mut()
            .append_pair("user_id", lookup.call_id.as_str())
            .append_pair("call_start_after_unix", &since.to_string())
            .append_pair("page_size", "30");
        let (status, body) = self.read(url, deadline).await?;
        let list =
            Object::parse(&body).filter(|list| status == StatusCode::OK && list.is_array("conversations"));
        let list = list.ok_or_else(|| unclear(status))?;
        let found = list.objects("conversations").map(Conversation::new);
        let best =
            found.filter_map(|item| Some((item.status(), item.id()?))).max_by_key(|(status, _)| *status);
        match best {
            None if list.is_true("has_more") => Err(unclear(status)),
            best => Ok(best.map(|(_, id)| id)),
        }
    }

    /// One request, sent a second time where no answer came to the first.
    async fn read(&self, url: Url, deadline: Instant) -> Result<(StatusCode, Vec<u8>), PortUnavailable> {
        match self.read_once(url.clone(), deadline).await {
            Ok((status, body)) if !status.is_server_error() => Ok((status, body)),
            Ok(_) | Err(_) => self.read_once(url, deadline).await,
        }
    }

    async fn read_once(&self, url: Url, deadline: Instant) -> Result<(StatusCode, Vec<u8>), PortUnavailable> {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut answer = self.http.get(url).timeout(left).send().await.map_err(unanswered)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                return Err(unavailable("an answer is longer than any record"));
            }
        }
        Ok((answer.status(), body))
    }
}

#[async_trait]
impl ProviderRecords for ElevenLabsRecords {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        let deadline = Instant::now() + ANSWERS_WITHIN;
        if let Some(id) = &lookup.conversation_id
            && let Some(body) = self.recorded(id, deadline).await?
        {
            let (record, status) = told(&body, id)?;
            return Ok(Some(record.update(status)));
        }
        let Some(id) = self.listed(lookup, deadline).await? else { return Ok(None) };
        let listed = self.recorded(&id, deadline).await?;
        let body = listed.ok_or_else(|| unavailable("a conversation is listed and has no record"))?;
        let (record, status) = told(&body, &id)?;
        // A list that was not filtered has other people's conversations in it.
        if record.call_id().as_ref() != Some(&lookup.call_id) {
            return Err(unavailable("a conversation is listed that was not begun with our id"));
        }
        Ok(Some(record.update(status)))
    }
}

#[async_trait]
impl ProviderRecordings for ElevenLabsRecords {
    async fn fetch(&self, conversation_id: &ConversationId) -> Result<Option<Audio>, PortUnavailable> {
        let mut url = self.conversations.clone();
        url.path_segments_mut().expect("the base was checked").push(conversation_id.as_str()).push("audio");
        let (status, bytes) = self.read(url, Instant::now() + AUDIO_WITHIN).await?;
        match status {
            StatusCode::OK if bytes.is_empty() => Ok(None),
            StatusCode::OK => {
                audio::recognized(bytes).map(Some).ok_or_else(|| unavailable("an answer is not audio"))
            }
            StatusCode::NOT_FOUND if is_missing(&bytes) => Ok(None),
            status => Err(unclear(status)),
        }
    }
}

/// Whether a refusal says that there is no such thing. A page that is missing, where the base is wrong, has no such code.
fn is_missing(body: &[u8]) -> bool {
    wire::refusal_code(404, body).is_some_and(|code| code.as_str().ends_with("_not_found"))
}

impl fmt::Debug for ElevenLabsRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElevenLabsRecords")
            .field("conversations", &self.conversations.as_str())
            .finish_non_exhaustive()
    }
}

/// The record of this conversation and no other, and where the call stands.
fn told<'a>(body: &'a [u8], id: &ConversationId) -> Result<(Conversation<'a>, CallStatus), PortUnavailable> {
    let record = Object::parse(body).map(Conversation::new);
    record
        .filter(|record| record.id().as_ref() == Some(id))
        .and_then(|record| record.status().map(|status| (record, status)))
        .ok_or_else(|| unavailable("an answer is not the record that was asked for"))
}

fn unclear(status: StatusCode) -> PortUnavailable {
    unavailable(format!("a question was answered with {}, and not with a record", status.as_u16()))
}

fn unanswered(error: reqwest::Error) -> PortUnavailable {
    unavailable(if error.is_connect() {
        "no connection was made"
    } else if error.is_timeout() {
        "no answer came in time"
    } else {
        "the connection was lost, or the answer is not HTTP"
    })
}

fn unavailable(reason: impl Into<std::borrow::Cow<'static, str>>) -> PortUnavailable {
    PortUnavailable::new("elevenlabs", reason)
}
