//! The public JSON document of a call event.
//!
//! Event streams and webhook deliveries send the same document, and the OpenAPI document describes
//! it. A webhook signature covers its bytes, so [`to_json`] returns the same bytes for the same
//! event every time.

#[cfg(feature = "openapi")]
pub mod schema;
mod timestamp;

use domain::{CallEvent, CallMetadata, EndReason, TestEvent, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::timestamp::{from_iso8601, iso8601};

/// One event of a call, as event streams and webhook deliveries send it.
// Without `Debug`: it is personal data. The order of the fields is the order on the wire.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(
        as = CallsEvent,
        example = schema::event_example
    )
)]
pub struct CallEventDocument<'a> {
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(schema_with = schema::event_kind))]
    kind: &'static str,
    /// When the gateway recorded the event, in ISO 8601, UTC.
    #[cfg_attr(feature = "openapi", schema(format = DateTime))]
    timestamp: String,
    data: CallEventData<'a>,
}

/// The call, and its status after the event.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = CallsEventData))]
#[serde(rename_all = "camelCase")]
pub struct CallEventData<'a> {
    /// The same each time the event is sent: a receiver that has processed it can ignore it.
    event_id: &'a str,
    /// The gateway's ID of the call.
    call_id: &'a str,
    #[cfg_attr(feature = "openapi", schema(schema_with = schema::call_status))]
    status: &'static str,
    /// Only in `call_ended`. Absent if no source reported the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = schema::end_reason, required = false))]
    end_reason: Option<&'static str>,
    /// Always `outbound`.
    direction: &'static str,
    /// The provider's ID: its conversation. Absent where it was not yet known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    conversation_id: Option<&'a str>,
    /// The `metadata` of the request. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = schema::any_json, required = false))]
    metadata: Option<&'a RawValue>,
    /// The organization that the call belongs to.
    organization_id: &'a str,
    /// The user who requested the call.
    user_id: &'a str,
    /// The contact who was called.
    contact_id: &'a str,
    /// The voice agent that spoke.
    agent_id: &'a str,
    /// The caller number, E.164.
    from: &'a str,
    /// The number that was dialled, E.164. `+99900000000` if it was erased.
    to: &'a str,
}

impl<'a> From<&'a CallEvent> for CallEventDocument<'a> {
    fn from(event: &'a CallEvent) -> Self {
        let data = CallEventData {
            event_id: event.id.as_str(),
            call_id: event.identity.call_id.as_str(),
            status: event.status.as_str(),
            end_reason: event.end_reason.map(EndReason::as_str),
            direction: "outbound",
            conversation_id: event.conversation_id.as_ref().map(|id| id.as_str()),
            metadata: event.metadata.as_ref().and_then(raw),
            organization_id: event.identity.organization_id.as_str(),
            user_id: event.identity.user_id.as_str(),
            contact_id: event.identity.contact_id.as_str(),
            agent_id: event.identity.agent_id.as_str(),
            from: event.identity.from.as_e164(),
            to: event.identity.to.as_e164(),
        };
        Self { kind: event.kind.as_str(), timestamp: iso8601(event.happened_at), data }
    }
}

/// Metadata as a part of a document, as the client spelled it.
#[must_use]
pub fn raw(metadata: &CallMetadata) -> Option<&RawValue> {
    serde_json::from_str(metadata.as_json()).ok()
}

/// The document of an event, in one line.
#[must_use]
pub fn to_json(event: &CallEvent) -> String {
    serde_json::to_string(&CallEventDocument::from(event)).expect("text fields always serialize to JSON")
}

/// The document of a test event, in one line.
#[must_use]
pub fn test_to_json(event: &TestEvent, now: Timestamp) -> String {
    let document = TestEventDocument {
        kind: "test",
        timestamp: iso8601(now),
        data: TestEventData {
            event_id: &event.id,
            endpoint_id: event.endpoint_id.as_str(),
            organization_id: event.organization_id.as_str(),
        },
    };
    serde_json::to_string(&document).expect("text fields always serialize to JSON")
}

#[derive(Serialize)]
struct TestEventDocument<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: TestEventData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestEventData<'a> {
    event_id: &'a str,
    endpoint_id: &'a str,
    organization_id: &'a str,
}

#[cfg(test)]
mod tests;
