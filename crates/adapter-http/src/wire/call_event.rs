use bytes::Bytes;
use domain::{CallEvent, CallEventKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::call::{names, status_schema};
use super::moment::iso8601;

/// One step of a call, as it is streamed and sent to webhooks.
// Without `Debug`, as all that is made of it: it is personal data. The fields stand in the order in which they are sent.
#[derive(Serialize, ToSchema)]
#[schema(
    as = CallsEvent,
    example = json!({
        "type": "call_ended",
        "timestamp": "2026-03-02T09:12:35.120Z",
        "data": {
            "eventId": "evt_64f0a1b2c3d4e5f6a7b8d111_call_ended_completed",
            "callId": "64f0a1b2c3d4e5f6a7b8d111",
            "status": "completed",
            "direction": "outbound",
            "conversationId": "eleven-conv-abc123",
            "organizationId": "64f0a1b2c3d4e5f6a7b8bb00",
            "userId": "64f0a1b2c3d4e5f6a7b8aa00",
            "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
            "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
            "from": "+14165550100",
            "to": "+14165550110"
        }
    })
)]
pub(crate) struct CallEventDocument {
    #[serde(rename = "type")]
    #[schema(schema_with = kind_schema)]
    kind: &'static str,
    /// When the books took the step, in ISO 8601, UTC.
    #[schema(format = DateTime)]
    timestamp: String,
    data: CallEventData,
}

/// Which call took the step, and where it stands now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CallsEventData)]
pub(crate) struct CallEventData {
    /// The same wherever and however often the event is told: who has seen it may pass it over.
    event_id: String,
    /// The gateway's ID of the call.
    call_id: String,
    #[schema(schema_with = status_schema)]
    status: &'static str,
    /// Always `outbound`.
    direction: &'static str,
    /// The provider's ID: its conversation, where it was known by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    conversation_id: Option<String>,
    /// The organization that the call belongs to.
    organization_id: String,
    /// Who asked for the call.
    user_id: String,
    /// Who was called.
    contact_id: String,
    /// The voice agent that spoke.
    agent_id: String,
    /// The caller number, E.164.
    from: String,
    /// The number that was dialled, E.164.
    to: String,
}

impl From<&CallEvent> for CallEventDocument {
    fn from(event: &CallEvent) -> Self {
        let data = CallEventData {
            event_id: event.id.to_string(),
            call_id: event.identity.call_id.to_string(),
            status: event.status.as_str(),
            direction: "outbound",
            conversation_id: event.conversation_id.as_ref().map(ToString::to_string),
            organization_id: event.identity.organization_id.to_string(),
            user_id: event.identity.user_id.to_string(),
            contact_id: event.identity.contact_id.to_string(),
            agent_id: event.identity.agent_id.to_string(),
            from: event.identity.from.as_e164().to_owned(),
            to: event.identity.to.as_e164().to_owned(),
        };
        Self { kind: event.kind.as_str(), timestamp: iso8601(event.happened_at), data }
    }
}

/// An event as it stands in a stream: three lines and an empty one.
pub(crate) fn event_lines(event: &CallEvent) -> Bytes {
    let data = serde_json::to_string(&CallEventDocument::from(event));
    let data = data.expect("a document of strings is always JSON, which has no line break in it");
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.sequence.number(), event.kind.as_str()).into()
}

/// A schema of every kind of event, by name.
pub(super) fn kind_schema() -> Object {
    let meaning = "Which step: it is dialled now, somebody answered, it has ended (told again where a later account says more \
                   of how), its recording can be fetched.";
    names(CallEventKind::ALL.map(CallEventKind::as_str), meaning)
}
