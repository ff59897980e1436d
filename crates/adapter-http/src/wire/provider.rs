//! The response to the voice provider's events, and how the OpenAPI document describes its requests.
//! The provider's adapter reads and writes the rest.

use std::borrow::Cow;

use domain::CallId;
use event_json::schema::always_true;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The event is stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = WebhooksEventReceivedResponse,
    example = json!({ "received": true, "callId": "64f0a1b2c3d4e5f6a7b8d111" })
)]
pub(crate) struct EventReceivedResponse {
    #[schema(schema_with = always_true)]
    received: bool,
    /// The gateway's ID of the call, if it is already known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    call_id: Option<String>,
}

impl From<Option<CallId>> for EventReceivedResponse {
    fn from(call_id: Option<CallId>) -> Self {
        Self { received: true, call_id: call_id.map(|id| id.to_string()) }
    }
}

/// The schema of an event. The provider defines it: the gateway stores it unchanged, and the
/// provider's adapter reads it.
pub(crate) enum ProviderEventBody {}

impl ToSchema for ProviderEventBody {
    fn name() -> Cow<'static, str> {
        "WebhooksProviderEvent".into()
    }
}

impl PartialSchema for ProviderEventBody {
    fn schema() -> RefOr<Schema> {
        let kind = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "`post_call_transcription`, `post_call_audio`, `call_initiation_failure`, or a type that the \
             gateway stores without reading it.",
        ));
        let timestamp = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("When the provider made the event, in Unix seconds."));
        let data = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("The content; in older events its fields are beside `type`."))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        let event = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("An event, as the provider sends it."))
            .property("type", kind)
            .property("event_timestamp", timestamp)
            .property("data", data)
            .required("type")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        RefOr::T(event.into())
    }
}

/// An inbound call. Unknown fields and invalid numbers are ignored.
#[derive(ToSchema)]
#[schema(
    as = WebhooksPersonalizationRequest,
    example = json!({
        "conversation_id": "eleven-conv-abc123",
        "caller_id": "+14165550110",
        "called_id": "+14165550100",
        "agent_id": "agent_01"
    })
)]
#[expect(dead_code, reason = "only describes what the provider's adapter reads")]
pub(crate) struct PersonalizationRequest {
    /// The provider's ID of the conversation; may be absent in a question without `called_id`.
    conversation_id: Option<String>,
    /// The caller's number, E.164 (the `+` prefix will be added if missing).
    caller_id: Option<String>,
    /// The number that was called, E.164 (the `+` prefix will be added if missing).
    called_id: Option<String>,
    /// The same, for the nested form of the response.
    called_number: Option<String>,
    /// The provider's ID of the agent that answers.
    agent_id: Option<String>,
    /// The call's ID on the telephone network, for the nested form of the response.
    call_sid: Option<String>,
}

/// What the agent learns about the caller: the variables, or an object around them, depending on
/// the fields of the question.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = WebhooksPersonalizationResponse)]
#[expect(dead_code, reason = "only describes what the provider's adapter writes")]
pub(crate) enum PersonalizationResponse {
    Flat(CallerVariables),
    Nested(InitiationData),
}

/// Either none of the variables or all three.
#[derive(Default, Serialize, ToSchema)]
// So that the OpenAPI document distinguishes the two responses.
#[serde(deny_unknown_fields)]
#[schema(as = WebhooksCallerVariables)]
pub(crate) struct CallerVariables {
    /// The contact's name; empty if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    caller_name: Option<String>,
    /// The caller's number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    caller_number: Option<String>,
    /// The name of the organization that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    org_name: Option<String>,
}

/// The nested form of the response.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhooksInitiationData)]
pub(crate) struct InitiationData {
    /// `conversation_initiation_client_data`.
    #[serde(rename = "type")]
    kind: &'static str,
    dynamic_variables: CallerVariables,
}
