//! Schemas of values that several public documents share.

use domain::{CallEventKind, CallStatus, EndReason};
use serde_json::{Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// A text that is one of these names.
#[must_use]
pub fn names<const N: usize>(names: [&'static str; N], description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .description(Some(description))
        .build()
}

/// An event, as the documents show it.
#[must_use]
pub fn event_example() -> Value {
    json!({
        "type": "call_ended",
        "timestamp": "2026-03-02T09:12:35.120Z",
        "data": {
            "eventId": "evt_64f0a1b2c3d4e5f6a7b8d111_call_ended_completed",
            "callId": "64f0a1b2c3d4e5f6a7b8d111",
            "status": "completed",
            "endReason": "completed",
            "direction": "outbound",
            "conversationId": "eleven-conv-abc123",
            "metadata": { "orderId": 4711 },
            "organizationId": "64f0a1b2c3d4e5f6a7b8bb00",
            "userId": "64f0a1b2c3d4e5f6a7b8aa00",
            "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
            "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
            "from": "+14165550100",
            "to": "+14165550110"
        }
    })
}

/// The name of a call's status.
#[must_use]
pub fn call_status() -> Object {
    let description = "The status of the call; the last four are final. `unknown`: it is not known whether the \
                       phone rang, or how the call ended.";
    names(CallStatus::ALL.map(CallStatus::as_str), description)
}

/// The name of a reason for which a call ended.
#[must_use]
pub fn end_reason() -> Object {
    let description = "Why the call ended: it failed and the phone may have rung, the gateway withdrew it before \
                       the dial, the provider was not reached, the provider refused the dial, the callee did \
                       not answer, the line was busy, the callee declined, the call was answered and has \
                       ended, a voicemail answered.";
    names(EndReason::ALL.map(EndReason::as_str), description)
}

/// The name of a kind of event.
#[must_use]
pub fn event_kind() -> Object {
    let description = "The gateway is about to dial, the callee answered, the call ended (with the \
                       status `unknown` if no source reported its end; sent again if a later report says \
                       more), the recording can be fetched.";
    names(CallEventKind::ALL.map(CallEventKind::as_str), description)
}

/// Any JSON value.
#[must_use]
pub fn any_json() -> Object {
    let description = "The `metadata` of the request, any JSON value; absent if there was none.";
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(description)).build()
}

/// A boolean that always has this value.
#[must_use]
pub fn flag(value: bool) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
        .description(Some(format!("Always {value}.")))
        .build()
}

/// A boolean that is always true: the `success` of a response.
#[must_use]
pub fn always_true() -> Object {
    flag(true)
}
