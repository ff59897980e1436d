use domain::{
    AudioFormat, CallProgress, CallPurpose, CallRecord, CallStatus, CarrierStatus, Contact, EndReason,
    GivenUpReason, PrivateNote, ProviderCause, Recording, RecordingReport, Speaker, TranscriptLine,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::analysis::CallAnalysis;
use super::client_data;
use super::decision::DecisionDocument;
use super::place_call::purpose_schema;
use event_json::iso8601;
use event_json::schema::{always_true, any_json, call_status, end_reason, names};

/// One call.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsGetCallResponse)]
pub(crate) struct CallResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    call: CallDocument,
}

/// A call; unknown fields are absent. Times are in ISO 8601, UTC.
// Without `Debug`, like every type that contains it: it is personal data.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsCall,
    example = json!({
        "_id": "64f0a1b2c3d4e5f6a7b8d111",
        "callId": "64f0a1b2c3d4e5f6a7b8d111",
        "provider": "elevenlabs",
        "providerCallId": "eleven-conv-abc123",
        "sipCallId": "sip-call-xyz789",
        "direction": "outbound",
        "status": "completed",
        "from": "+14165550100",
        "to": "+14165550110",
        "contactId": {
            "_id": "64f0a1b2c3d4e5f6a7b8c9d0",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "phoneNumber": "+14165550110"
        },
        "userId": { "_id": "64f0a1b2c3d4e5f6a7b8aa00", "fullName": "Grace Hopper" },
        "organizationId": "64f0a1b2c3d4e5f6a7b8bb00",
        "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
        "agentName": "Insurance desk",
        "callReason": "Follow up on insurance quote",
        "dynamicVariables": { "policy": "home", "monthlyPrice": 41.5 },
        "metadata": { "orderId": 4711 },
        "purpose": "informational",
        "startTime": "2026-03-02T09:10:00.000Z",
        "answerTime": "2026-03-02T09:10:08.000Z",
        "endTime": "2026-03-02T09:12:34.000Z",
        "duration": 146,
        "endReason": "completed",
        "providerCode": "client_disconnected",
        "summary": "Ada takes the quote.",
        "analysis": {
            "callSuccessful": "success",
            "evaluationCriteria": [{ "id": "polite", "result": "success" }],
            "collectedData": [{ "id": "accepted", "value": true, "rationale": "Ada takes the quote." }]
        },
        "cost": 296,
        "transcript": [
            { "role": "agent", "message": "Hello Ada, it is about your quote.", "timestamp": 0 },
            { "role": "user", "message": "I take it.", "timestamp": 4 }
        ],
        "recordings": [{
            "recordingId": "64f0a1b2c3d4e5f6a7b8d111.mp3",
            "format": "mp3",
            "size": 2_465_792,
            "createdAt": "2026-03-02T09:12:41.300Z"
        }],
        "createdAt": "2026-03-02T09:10:00.000Z"
    })
)]
pub(crate) struct CallDocument {
    /// The gateway's own ID of the call.
    #[serde(rename = "_id")]
    id: String,
    /// The same as `_id`.
    pub(super) call_id: String,
    /// The voice provider that placed it.
    provider: &'static str,
    /// The provider's ID: its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) provider_call_id: Option<String>,
    /// The call's ID on the telephone network.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) sip_call_id: Option<String>,
    /// Always `outbound`.
    direction: &'static str,
    #[schema(schema_with = call_status)]
    pub(super) status: &'static str,
    /// The caller number, E.164.
    pub(super) from: String,
    /// The number that was dialled, E.164.
    pub(super) to: String,
    pub(super) contact_id: CallContact,
    pub(super) user_id: CallUser,
    /// The organization that the call belongs to.
    organization_id: String,
    /// The voice agent that spoke.
    pub(super) agent_id: String,
    /// Its name at the provider, when the conversation took place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) agent_name: Option<String>,
    /// The `callReason` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) call_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = client_data::shown_variables_schema, required = false)]
    dynamic_variables: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = any_json, required = false)]
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = purpose_schema, required = false)]
    pub(super) purpose: Option<&'static str>,
    /// The `subject` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) subject: Option<String>,
    /// The decision that allowed the call; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = DecisionDocument, required = false)]
    decision: Option<DecisionDocument>,
    /// When the gateway recorded the call, immediately before it dialled.
    #[schema(format = DateTime)]
    pub(super) start_time: String,
    /// When the callee answered; never before `startTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub(super) answer_time: Option<String>,
    /// When it ended, or when the gateway learned that it was not connected; never before
    /// `answerTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub(super) end_time: Option<String>,
    /// How long the callee and the agent talked, as the provider reports it, in whole seconds. The
    /// ringing does not count: it is the time from `answerTime` to `endTime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u32, required = false)]
    pub(super) duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = end_reason, required = false)]
    pub(super) end_reason: Option<&'static str>,
    /// The provider's own code for the end of the call, or for its refusal. The codes differ between
    /// providers, and change without notice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) provider_code: Option<String>,
    /// The final SIP status of a call that was not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u16, required = false, minimum = 300, maximum = 699)]
    pub(super) sip_status: Option<u16>,
    /// When the gateway gave the call up: no source reported its end, and the gateway does not ask
    /// any more. The status is `unknown` then, until a late report of the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    given_up_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = given_up_schema, required = false)]
    given_up_reason: Option<&'static str>,
    /// A summary by the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CallAnalysis, required = false)]
    analysis: Option<CallAnalysis>,
    /// The cost, in the provider's credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = i64, required = false)]
    cost: Option<i64>,
    /// The transcript, in order; absent in lists, and once it was removed because of its age.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<CallTurn>, required = false)]
    transcript: Option<Vec<CallTurn>>,
    /// True if a part of the transcript, the summary or the analysis was left out, because it exceeds
    /// a bound of the gateway or has no known speaker; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = always_true, required = false)]
    truncated: Option<bool>,
    /// The recordings that can be fetched.
    recordings: Vec<CallRecording>,
    /// When the transcript, the summary and the analysis were removed because of their age; otherwise
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    transcript_removed_time: Option<String>,
    /// `too-large` if the call has a recording that the gateway does not store because of its size,
    /// `expired` if its recording was removed because of its age; otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = recording_report, required = false)]
    recording: Option<&'static str>,
    /// When the gateway recorded the call.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A person whom the organization may call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsCallContact)]
pub(crate) struct CallContact {
    /// The contact's ID.
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// First name, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) first_name: Option<String>,
    /// Last name, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) last_name: Option<String>,
    /// The contact's current number, E.164, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    phone_number: Option<String>,
}

/// The user who requested the call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsCallUser)]
pub(crate) struct CallUser {
    /// The user's ID.
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// The user's name.
    pub(super) full_name: String,
}

/// A recording of a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsCallRecording)]
pub(crate) struct CallRecording {
    /// The recording's ID.
    recording_id: String,
    #[schema(schema_with = format_schema)]
    format: &'static str,
    /// Its size, in bytes.
    size: u64,
    /// When it was stored.
    #[schema(format = DateTime)]
    created_at: String,
}

/// One turn of a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = CallsCallTurn)]
pub(crate) struct CallTurn {
    #[schema(schema_with = role_schema)]
    role: &'static str,
    /// What was said.
    message: String,
    /// The time, in seconds since the callee answered.
    timestamp: u32,
}

impl CallResponse {
    pub(crate) fn new(record: CallRecord, provider: &'static str) -> Self {
        Self { success: true, call: CallDocument::new(record, provider) }
    }
}

impl CallDocument {
    /// A call with its transcript.
    pub(super) fn new(record: CallRecord, provider: &'static str) -> Self {
        let conversation = record.progress.conversation.as_ref();
        let conversation = conversation.filter(|_| !record.has_expired_transcript());
        let transcript = conversation.map(|it| it.transcript.iter().map(CallTurn::from).collect());
        Self { transcript, ..Self::listed(record, provider) }
    }

    /// A call without its transcript, for lists.
    pub(super) fn listed(record: CallRecord, provider: &'static str) -> Self {
        let (progress, times, cause) = (&record.progress, record.times(), record.end_cause());
        let (conversation, given_up) = (progress.conversation.as_ref(), progress.shown_given_up());
        let note = |note: Option<&PrivateNote>| note.map(|note| note.as_str().to_owned());
        Self {
            id: record.identity.call_id.to_string(),
            call_id: record.identity.call_id.to_string(),
            provider,
            provider_call_id: progress.conversation_id.as_ref().map(ToString::to_string),
            sip_call_id: progress.carrier_call_id.as_ref().map(ToString::to_string),
            direction: "outbound",
            status: status(progress).as_str(),
            from: record.identity.from.as_e164().to_owned(),
            to: record.identity.to.as_e164().to_owned(),
            organization_id: record.identity.organization_id.to_string(),
            agent_id: record.identity.agent_id.to_string(),
            agent_name: conversation
                .and_then(|it| it.agent_name.as_ref())
                .map(|name| name.as_str().to_owned()),
            call_reason: record.reason.as_ref().map(|reason| reason.as_str().to_owned()),
            dynamic_variables: client_data::shown(&record.variables),
            metadata: record.metadata.as_ref().and_then(event_json::raw).map(ToOwned::to_owned),
            purpose: record.purpose.map(CallPurpose::as_str),
            subject: record.subject.as_ref().map(|subject| subject.as_str().to_owned()),
            decision: record.decision.as_ref().map(DecisionDocument::from),
            start_time: iso8601(times.started_at),
            answer_time: times.answered_at.map(iso8601),
            end_time: times.ended_at.map(iso8601),
            duration: conversation.and_then(|it| it.duration_secs),
            end_reason: record.end_reason().map(EndReason::as_str),
            provider_code: cause.code.as_ref().map(|code| code.as_str().to_owned()),
            sip_status: sip_status(&cause),
            given_up_time: given_up.map(|given_up| iso8601(given_up.at)),
            given_up_reason: given_up.map(|given_up| given_up.reason.as_str()),
            summary: note(conversation.and_then(|it| it.summary.as_ref())),
            analysis: conversation.and_then(|it| CallAnalysis::of(&it.analysis)),
            cost: conversation.and_then(|it| it.cost_credits),
            transcript: None,
            truncated: conversation.is_some_and(|it| it.is_truncated).then_some(true),
            recordings: record.recording.iter().map(CallRecording::from).collect(),
            transcript_removed_time: record.removed.transcript.map(iso8601),
            recording: missing_recording(&record),
            created_at: iso8601(record.booked_at),
            contact_id: record.contact.into(),
            user_id: CallUser {
                id: record.identity.user_id.to_string(),
                full_name: record.user_name.as_str().to_owned(),
            },
        }
    }
}

impl From<Contact> for CallContact {
    fn from(contact: Contact) -> Self {
        Self {
            id: contact.id.to_string(),
            first_name: contact.first_name.map(|name| name.as_str().to_owned()),
            last_name: contact.last_name.map(|name| name.as_str().to_owned()),
            phone_number: contact.phone_number.map(|number| number.as_e164().to_owned()),
        }
    }
}

impl From<&Recording> for CallRecording {
    fn from(recording: &Recording) -> Self {
        Self {
            recording_id: recording.key.to_string(),
            format: recording.format.as_str(),
            size: recording.size_bytes,
            created_at: iso8601(recording.stored_at),
        }
    }
}

impl From<&TranscriptLine> for CallTurn {
    fn from(line: &TranscriptLine) -> Self {
        let role = match line.speaker {
            Speaker::Agent => "agent",
            Speaker::Callee => "user",
        };
        Self { role, message: line.text.as_str().to_owned(), timestamp: line.at_secs }
    }
}

fn format_schema() -> Object {
    names(AudioFormat::ALL.map(AudioFormat::as_str), "The format of the audio.")
}

fn given_up_schema() -> Object {
    let description = "Why the end of the call is not known: the provider has no record of it, the record has no \
                       end, the provider did not respond to the last question, the provider has no records.";
    names(GivenUpReason::ALL.map(GivenUpReason::as_str), description)
}

pub(crate) fn recording_report() -> Object {
    let names_of = [RecordingReport::TooLarge.as_str(), EXPIRED];
    names(names_of, "Why `recordings` is empty although there is or was a recording.")
}

/// The recording was removed because of its age.
const EXPIRED: &str = "expired";

fn missing_recording(record: &CallRecord) -> Option<&'static str> {
    let too_large = record.has_too_large_recording().then(|| RecordingReport::TooLarge.as_str());
    too_large.or_else(|| record.has_expired_recording().then_some(EXPIRED))
}

fn role_schema() -> Object {
    names(["agent", "user"], "Who spoke: the voice agent, or the person who was called.")
}

/// A dial that was refused or not connected has a code and no more: `sip_404` is the SIP status.
fn sip_status(cause: &ProviderCause) -> Option<u16> {
    let digits = || cause.code.as_ref()?.as_str().strip_prefix("sip_")?.parse().ok();
    cause.carrier_status.or_else(|| CarrierStatus::from_number(digits()?)).map(CarrierStatus::number)
}

fn status(progress: &CallProgress) -> CallStatus {
    progress.shown_status().unwrap_or(CallStatus::Initiated)
}
