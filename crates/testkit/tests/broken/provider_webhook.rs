//! The webhook of a provider whose bodies are lines of text and whose signature is a checksum. It
//! is honest, but for the one flaw that it has.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    CallLookup, EventOrigin, LargeEvent, MAX_SHORTENED_LEN, PartiesLookup, PersonalizationQuestion,
    ProviderEvent, ProviderReply, ProviderWebhook, UnreadableEvent, UnreadableQuestion, Unverified,
    WebhookCredentials,
};
use domain::{
    Audio, AudioFormat, CallFailure, CallId, CallStatus, CallUpdate, ConversationId, ConversationRecord,
    InboundCall, NotConnectedReason, Personalization, PhoneNumber, PrivateNote, ProviderAgentId,
    RecordingReport, Speaker, Timestamp, TranscriptLine, UpdateContent,
};
use testkit::harness::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};

use crate::flaw::Flaw;

const HEADER: &str = "x-signature";
const SECRETS: [&str; 2] = ["first", "second"];
const TOKEN: &str = "bearer-token";
const PAST: Duration = Duration::from_mins(10);
const FUTURE: Duration = Duration::from_mins(1);
const SUM_LEN: usize = 16;

/// The adapter and its harness in one.
#[derive(Clone)]
pub(crate) struct Lines {
    flaw: Option<Flaw>,
    secrets: &'static [&'static str],
    token: Option<&'static str>,
}

impl Lines {
    pub(crate) fn honest() -> Self {
        Self { flaw: None, secrets: &SECRETS, token: Some(TOKEN) }
    }

    /// For a provider that sends no bearer token.
    pub(crate) fn without_a_token() -> Self {
        Self { token: None, ..Self::honest() }
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::honest() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn is_signed(&self, value: &str, body: &[u8], now: Timestamp) -> bool {
        let Some((secs, sum)) = parse(value) else { return false };
        let is_fresh = is_within(secs, now, PAST);
        let mut secrets = self.secrets.iter();
        secrets.any(|secret| {
            let expected = checksum(secret, secs, self.signed_part(body));
            let is_equal = match self.flaw {
                Some(Flaw::ComparesAPartOfTheSignature) => sum.starts_with(&expected[..8]),
                _ => sum == expected,
            };
            is_equal && !(self.has(Flaw::KnowsTheFirstSecretAlone) && *secret != SECRETS[0])
        }) && (is_fresh || self.has(Flaw::IgnoresTheSignedTime))
    }

    fn signed_part<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        match self.flaw {
            Some(Flaw::SignsThePartBeforeTheText) => body.split(|byte| *byte == b'=').next().unwrap_or(body),
            _ => body,
        }
    }

    fn is_token(&self, token: &str) -> bool {
        match self.flaw {
            Some(Flaw::ComparesAPartOfTheToken) => !token.is_empty() && TOKEN.starts_with(token),
            _ => self.token == Some(token),
        }
    }

    fn read_lines(&self, body: &[u8], received_at: Timestamp) -> Option<ProviderEvent> {
        let text = std::str::from_utf8(body).ok()?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let is_other = self.has(Flaw::TakesEveryBodyForAnEvent) && !text.is_empty();
        let kind = field("event").or(is_other.then_some("other"))?.to_owned();
        let conversation_id = ConversationId::parse(field("conversation").unwrap_or("none")).ok()?;
        let number = |name| field(name).and_then(|text| PhoneNumber::parse(text).ok());
        let parties = number("from").zip(number("to")).map(|(one, other)| PartiesLookup {
            one,
            other,
            provider_agent_id: ProviderAgentId::parse(field("agent").unwrap_or("none")).expect("an id"),
            booked_since: received_at.before(PAST),
            booked_until: received_at,
        });
        let said = field("said").unwrap_or_default();
        let content = match kind.as_str() {
            "failed" if !self.has(Flaw::TakesFailuresForConversations) => {
                Some(UpdateContent::Failure(CallFailure::new(NotConnectedReason::Busy, received_at)))
            }
            "ended" | "failed" => Some(UpdateContent::Conversation(conversation(said))),
            "other" if self.has(Flaw::GuessesAtUnknownTypes) => Some(UpdateContent::Unresolved),
            _ => None,
        };
        let mut key = format!("{kind}:{conversation_id}:{}", checksum("", 0, body));
        match self.flaw {
            Some(Flaw::KeysByTheTime) => key = format!("{kind}:{}", received_at.unix_millis()),
            Some(Flaw::KeysByTheConversationAlone) => key = conversation_id.to_string(),
            Some(Flaw::KeysByTypeAndConversation) => key = format!("{kind}:{conversation_id}"),
            Some(Flaw::KeysByTheText) => key = format!("{key}:{said}"),
            _ => {}
        }
        let content = content.or_else(|| {
            let is_left_out = kind == "audio" && field("audio") == Some("");
            is_left_out.then_some(UpdateContent::Recording(RecordingReport::AtProvider))
        });
        let update =
            content.map(|content| CallUpdate { conversation_id: None, carrier_call_id: None, content });
        let is_carried = kind == "audio" && field("audio") != Some("");
        let recording = is_carried.then(|| {
            let bytes = field("audio").unwrap_or_default().split(',');
            Audio { format: AudioFormat::Mp3, bytes: bytes.filter_map(|byte| byte.parse().ok()).collect() }
        });
        let origin = parties.clone().filter(|_| !self.has(Flaw::DropsTheOrigin)).map(|parties| EventOrigin {
            has_other_id: false,
            provider_agent_id: Some(parties.provider_agent_id),
            numbers: Some([parties.one, parties.other]),
        });
        let origin = origin.unwrap_or_default();
        let parties = parties.filter(|_| !self.has(Flaw::DropsTheParties));
        let call_id = field("call").and_then(|id| CallId::parse(id).ok());
        let lookup = CallLookup { call_id, conversation_id: Some(conversation_id), parties };
        Some(ProviderEvent { key, kind, lookup, origin, update, recording })
    }
}

fn conversation(said: &str) -> ConversationRecord {
    let text = PrivateNote::parse(said).expect("a short text");
    let line = TranscriptLine { at_secs: 0, speaker: Speaker::Agent, text };
    ConversationRecord { transcript: vec![line], ..ConversationRecord::new(CallStatus::Completed) }
}

/// The time and the sum of a signature that has the right form.
fn parse(value: &str) -> Option<(i64, &str)> {
    let (secs, sum) = value.split_once(',')?;
    Some((secs.parse().ok()?, sum)).filter(|(_, sum)| sum.len() == SUM_LEN)
}

fn is_within(secs: i64, now: Timestamp, past: Duration) -> bool {
    let signed_at = Timestamp::from_unix_millis(secs.saturating_mul(1000));
    (now.before(past)..=now.after(FUTURE)).contains(&signed_at)
}

fn checksum(secret: &str, secs: i64, body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    (secret, secs, body).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A large event with the adapter that receives it.
struct LargeLines {
    lines: Lines,
    credentials: WebhookCredentials,
    body: Vec<u8>,
}

impl LargeEvent for LargeLines {
    fn receive(&mut self, part: &[u8]) {
        self.body.extend_from_slice(part);
    }

    fn finish(self: Box<Self>, now: Timestamp) -> Result<Option<Vec<u8>>, Unverified> {
        let Self { lines, credentials, body } = *self;
        let text = String::from_utf8_lossy(&body);
        if !lines.has(Flaw::TrustsLargeEvents) {
            lines.verify(&credentials, &body, now)?;
        }
        let shorter = text.lines().map(|line| match line.split_once('=') {
            Some(("audio", _)) => "audio=",
            Some(("said", _)) if lines.has(Flaw::ShortensConversations) => "said=",
            Some(("conversation", _)) if lines.has(Flaw::ShortensTheConversation) => "conversation=another",
            _ => line,
        });
        let shorter = shorter.collect::<Vec<_>>().join("\n");
        Ok((shorter.len() <= MAX_SHORTENED_LEN).then(|| shorter.into_bytes()))
    }
}

impl ProviderWebhook for Lines {
    fn receive_large(&self, credentials: &WebhookCredentials) -> Option<Box<dyn LargeEvent>> {
        let (lines, credentials) = (self.clone(), credentials.clone());
        Some(Box::new(LargeLines { lines, credentials, body: Vec::new() }))
    }

    fn check_headers(&self, credentials: &WebhookCredentials, now: Timestamp) -> Result<(), Unverified> {
        let has_token = credentials.bearer().is_some_and(|token| self.is_token(token));
        let signature = credentials.header(HEADER).filter(|_| !self.secrets.is_empty());
        let past = if self.has(Flaw::ReadsForHalfTheWindow) { PAST / 2 } else { PAST };
        let is_readable = match self.flaw {
            Some(Flaw::ReadsEveryBody) => true,
            Some(Flaw::ReadsWithAnyToken) if credentials.bearer().is_some() => true,
            Some(Flaw::ReadsWithAnySignature) if signature.is_some() => true,
            Some(Flaw::ReadsSignaturesOfAnyTime) => has_token || signature.and_then(parse).is_some(),
            _ => has_token || signature.and_then(parse).is_some_and(|(secs, _)| is_within(secs, now, past)),
        };
        if is_readable { Ok(()) } else { Err(Unverified) }
    }

    fn verify(
        &self,
        credentials: &WebhookCredentials,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Unverified> {
        if self.has(Flaw::ParsesBeforeItVerifies) && self.read_lines(body, now).is_none() {
            return Err(Unverified);
        }
        match credentials.header(HEADER) {
            Some(_) if self.secrets.is_empty() && self.has(Flaw::TrustsWithoutSecrets) => Ok(()),
            Some("") if self.has(Flaw::TrustsEmptySignatures) => Ok(()),
            Some(value) if self.is_signed(value, body, now) => Ok(()),
            _ => self.verify_question(credentials),
        }
    }

    fn read(&self, body: &[u8], received_at: Timestamp) -> Result<ProviderEvent, UnreadableEvent> {
        self.read_lines(body, received_at).ok_or(UnreadableEvent)
    }

    fn verify_question(&self, credentials: &WebhookCredentials) -> Result<(), Unverified> {
        credentials.bearer().filter(|token| self.is_token(token)).map(|_| ()).ok_or(Unverified)
    }

    fn read_question(&self, body: &[u8]) -> Result<PersonalizationQuestion, UnreadableQuestion> {
        let unreadable = UnreadableQuestion { field: None, message: "the body is not a question" };
        let text = std::str::from_utf8(body).map_err(|_| unreadable)?;
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let number = |name| field(name).and_then(|text| PhoneNumber::parse(text).ok());
        let conversation_id = field("conversation").and_then(|id| ConversationId::parse(id).ok());
        let call = InboundCall {
            conversation_id: Some(conversation_id.ok_or(unreadable)?),
            caller: number("from").filter(|_| !self.has(Flaw::DropsTheCaller)),
            called: number("to"),
            provider_agent_id: field("agent").and_then(|id| ProviderAgentId::parse(id).ok()),
        };
        Ok(PersonalizationQuestion { call, reply_form: "lines" })
    }

    fn write_reply(
        &self,
        _question: &PersonalizationQuestion,
        personalization: Option<Personalization>,
    ) -> ProviderReply {
        let body = personalization.map_or(String::new(), |known| {
            let name = known.caller_name.as_ref().filter(|_| !self.has(Flaw::RepliesWithoutTheName));
            let name = name.map_or("", |name| name.as_str());
            format!("{name} {} {}", known.caller_number.as_e164(), known.organization_name.as_str())
        });
        ProviderReply { media_type: "application/json", body: body.into_bytes() }
    }
}

impl ProviderWebhookHarness for Lines {
    fn webhook(&self) -> Arc<dyn ProviderWebhook> {
        Arc::new(self.clone())
    }

    fn without_secrets(&self) -> Arc<dyn ProviderWebhook> {
        Arc::new(Self { secrets: &[], token: None, ..self.clone() })
    }

    fn signature(&self, body: &[u8], at: Timestamp, secret: SigningSecret) -> Vec<(String, String)> {
        let secret = match secret {
            SigningSecret::First => SECRETS[0],
            SigningSecret::Second => SECRETS[1],
            SigningSecret::Foreign => "foreign",
        };
        let secs = at.unix_millis() / 1000;
        let sum = checksum(secret, secs, self.signed_part(body));
        vec![(HEADER.to_owned(), format!("{secs},{sum}"))]
    }

    fn bearer(&self) -> Option<String> {
        self.token.map(str::to_owned)
    }

    fn window(&self) -> (Duration, Duration) {
        (PAST, FUTURE)
    }

    fn sends_large_events(&self) -> bool {
        true
    }

    fn event(&self, event: &SampleEvent) -> Vec<u8> {
        let SampleEvent { kind, conversation_id, call_id, from, to, provider_agent_id, said } = event;
        let (kind, audio) = match kind {
            SampleKind::Conversation => ("ended", String::new()),
            SampleKind::FailedDial => ("failed", String::new()),
            SampleKind::Recording(audio) => {
                ("audio", audio.bytes.iter().map(|byte| format!("{byte},")).collect())
            }
            SampleKind::Unknown => ("other", String::new()),
        };
        let (from, to) = (from.as_e164(), to.as_e164());
        format!(
            "event={kind}\nconversation={conversation_id}\ncall={call_id}\nfrom={from}\nto={to}\n\
             agent={provider_agent_id}\nsaid={said}\naudio={audio}\n"
        )
        .into_bytes()
    }

    fn question(&self, call: &InboundCall) -> Vec<u8> {
        let number = |number: &Option<PhoneNumber>| {
            number.as_ref().map_or(String::new(), |number| number.as_e164().to_owned())
        };
        let conversation = call.conversation_id.as_ref().map_or("", |id| id.as_str());
        let agent = call.provider_agent_id.as_ref().map_or("", |id| id.as_str());
        let (from, to) = (number(&call.caller), number(&call.called));
        format!("conversation={conversation}\nfrom={from}\nto={to}\nagent={agent}\n").into_bytes()
    }
}
