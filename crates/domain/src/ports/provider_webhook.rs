use std::collections::HashMap;

use super::CallLookup;
use crate::{Audio, CallUpdate, InboundCall, Personalization, PhoneNumber, ProviderAgentId, Timestamp};

/// What a voice provider sends to the gateway by itself: events about calls, and the question who
/// is calling.
///
/// An implementation knows which headers its provider signs with, verifies each request, and
/// translates bodies in both directions. It holds secrets and no connection: every method returns
/// without waiting.
///
/// For an event, the gateway calls [`check_headers`](Self::check_headers) before it reads the body,
/// then [`verify`](Self::verify) over the raw bytes, and [`read`](Self::read) only after that. If the
/// body is too large to be held in memory, it calls [`receive_large`](Self::receive_large) instead of
/// `verify`, and then [`read`](Self::read) with the shorter body. For a question, it calls
/// [`verify_question`](Self::verify_question) before it reads the body, then
/// [`read_question`](Self::read_question) and [`write_reply`](Self::write_reply).
///
/// - MUST verify an event whose raw body is signed with any of the configured secrets
///   (`a_signed_event_is_verified`), whatever the body contains
///   (`verification_does_not_parse_the_body`).
/// - MUST refuse an event if its body (`a_changed_body_is_refused`) or its signature
///   (`a_changed_signature_is_refused`) was changed, if it has no signature of a configured secret
///   (`an_unsigned_event_is_refused`), and if the time of its signature is outside the provider's
///   window (`a_signature_outside_its_window_is_refused`).
/// - MUST accept the bearer token that is configured, if one is, and no other
///   (`only_the_configured_bearer_token_is_accepted`).
/// - MUST verify nothing if no secret is configured (`nothing_is_verified_without_secrets`).
/// - MUST refuse in `check_headers`, so that its body is not read, an event with neither a signature
///   nor a bearer token (`an_event_without_credentials_is_not_read`), with a bearer token that is not
///   the configured one (`an_event_with_another_token_is_not_read`), with a signature of another form
///   (`a_signature_of_another_form_is_not_read`), and with one whose time is outside the provider's
///   window (`a_signature_outside_its_window_is_not_read`).
/// - MUST accept in `check_headers` every event that `verify` accepts (`a_verified_event_is_read`).
/// - MUST give every delivery of one event the same key (`a_repeated_event_has_the_same_key`), and
///   events of another conversation or type another key (`another_event_has_another_key`), and so a
///   second event of a conversation that says more (`a_fuller_event_has_another_key`).
/// - MUST read what identifies the call and its origin (`an_event_identifies_its_call`), and what
///   the event reports about it (`an_event_reports_its_call`). MUST read an event of an unknown
///   type as far as its key and type (`an_event_of_an_unknown_type_has_only_a_key`).
/// - MUST return `UnreadableEvent` for every other body, without a panic
///   (`a_body_that_is_not_an_event_is_refused`).
/// - MUST verify a large event like any other, in whichever parts its body arrives
///   (`a_large_event_is_verified_like_any_other`).
/// - MUST shorten a large event that carries a recording to at most [`MAX_SHORTENED_LEN`] bytes,
///   which `read` reads as the same event, with the report
///   [`AtProvider`](crate::RecordingReport::AtProvider) instead of the recording
///   (`a_large_recording_is_reported`). MUST NOT shorten any other event
///   (`no_other_large_event_is_shortened`).
/// - MUST NOT show personal data in a key, a type, an error or `Debug`
///   (`nothing_personal_is_shown`).
/// - MUST read every field of a question (`a_question_is_read`), and write into the reply the
///   caller's name and number and the organization's name, or nothing about an unknown caller
///   (`a_reply_names_the_caller`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait ProviderWebhook: Send + Sync {
    /// Refuses an event that [`verify`](Self::verify) refuses whatever its body is: it has neither
    /// the configured bearer token nor a signature whose form and time are right. The gateway does
    /// not read the body of such an event.
    fn check_headers(&self, credentials: &WebhookCredentials, now: Timestamp) -> Result<(), Unverified>;

    /// Verifies that the provider sent this event. Uses the raw bytes of the body and does not
    /// parse them.
    fn verify(&self, credentials: &WebhookCredentials, body: &[u8], now: Timestamp)
    -> Result<(), Unverified>;

    /// Starts to receive an event whose body is too large to be held in memory. `None` if the
    /// provider sends no recordings in events: the gateway refuses the event.
    fn receive_large(&self, credentials: &WebhookCredentials) -> Option<Box<dyn LargeEvent>>;

    /// Reads a verified event. An event of an unknown type has a key, a type and whatever
    /// identifies its call.
    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent>;

    /// Verifies that the provider asks who is calling, from the headers alone.
    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified>;

    /// Reads the provider's question who is calling. The phone rings meanwhile, so it ignores what
    /// it can do without.
    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion>;

    /// Writes the reply to a question. `None`: the caller is unknown, and the call continues
    /// without a name.
    fn write_reply(
        &self,
        question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply;
}

/// An event that is too large to be held in memory. It hashes its body, and keeps only what
/// identifies the event.
pub trait LargeEvent: Send {
    /// Receives the next part of the body.
    fn receive(&mut self, part: &[u8]);

    /// Verifies the event after the last part. Returns a shorter body of the same event, without
    /// its recording; `None` if the event carries none.
    fn finish(self: Box<Self>, now: Timestamp) -> Result<Option<Vec<u8>>, Unverified>;
}

/// The largest body that [`LargeEvent::finish`] returns, in bytes.
pub const MAX_SHORTENED_LEN: usize = 256 * 1024;

/// The headers of a request from the provider, for an implementation to find its signature or
/// secret in. Without `Debug`: they hold secrets.
#[derive(Clone, Default)]
pub struct WebhookCredentials {
    /// By lower-case name; `None` for a header that is not usable.
    headers: HashMap<String, Option<String>>,
    bearer: Option<String>,
}

/// The provider did not send this request, or sent it too long ago. The error does not say which,
/// so that the sender cannot learn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no configured secret verifies the request")]
pub struct Unverified;

/// The body is not an event of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not an event of the provider")]
pub struct UnreadableEvent;

/// The body is not a question of the provider. The texts are for the provider's operator and quote
/// nothing from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnreadableQuestion {
    /// The field at fault; `None` where it is the body as a whole.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub message: &'static str,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderEvent {
    /// Two requests with the same key carry the same event. At most 300 bytes.
    pub key: String,
    /// The provider's name of the event's type.
    pub kind: String,
    /// What identifies the call.
    pub lookup: CallLookup,
    /// What shows whether the call is ours, if it is not found.
    pub origin: EventOrigin,
    /// What the event reports about the call. `None` for a type that the gateway does not use.
    pub update: Option<CallUpdate>,
    /// The recording that the event carries.
    pub recording: Option<Audio>,
}

/// Where the call of an event comes from, as far as the event says. Several systems may share an
/// account of the provider, which then sends each of them the events of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOrigin {
    /// The dial sent an id that no call of ours can have: the call is another system's. An id that
    /// one of our calls can have is the `call_id` of the lookup.
    pub has_other_id: bool,
    /// The provider's id of the agent.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// The two numbers, in any order.
    pub numbers: Option<[PhoneNumber; 2]>,
}

/// The provider's question who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalizationQuestion {
    /// The call that rings.
    pub call: InboundCall,
    /// The form in which the provider expects the reply. Only the implementation that read the
    /// question interprets it.
    pub reply_form: &'static str,
}

/// The body of a response to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReply {
    /// Its media type: `application/json`.
    pub media_type: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl WebhookCredentials {
    /// The longest value of a header that is kept, in bytes.
    pub const MAX_VALUE_LEN: usize = 8 * 1024;

    /// The credentials of a request that has these headers, in any order, and this bearer token in
    /// its `Authorization` header.
    #[must_use]
    pub fn new<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>, bearer: Option<&str>) -> Self {
        let mut by_name = HashMap::new();
        for (name, value) in headers {
            // A proxy in front of the gateway may have looked at the other one of two.
            let is_first = !by_name.contains_key(&name.to_ascii_lowercase());
            by_name.insert(name.to_ascii_lowercase(), usable(value).filter(|_| is_first));
        }
        Self { headers: by_name, bearer: bearer.map(str::to_owned) }
    }

    /// The value of a header, by its lower-case name. `None` unless the request has exactly one
    /// such header, whose value is ASCII without control characters and at most
    /// [`Self::MAX_VALUE_LEN`] bytes long.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_deref()
    }

    /// The bearer token: visible ASCII without spaces, at most [`Self::MAX_VALUE_LEN`] bytes.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.bearer.as_deref()
    }
}

fn usable(value: &[u8]) -> Option<String> {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let fits = value.len() <= WebhookCredentials::MAX_VALUE_LEN && value.iter().all(allowed);
    fits.then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests;
