//! How the OpenAPI document describes the provider's question and its reply. The provider's adapter reads and writes them.
#![expect(dead_code, reason = "these types are only documentation")]

use serde::Serialize;
use utoipa::ToSchema;

/// A call that comes in. Unknown fields are ignored, as are numbers that are none.
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
pub(crate) struct PersonalizationRequest {
    /// ElevenLabs' ID of the conversation; may be missing in ElevenLabs' own form.
    #[schema(value_type = Option<String>, required = false)]
    conversation_id: Option<String>,
    /// The number that calls, E.164 (the `+` prefix will be added if missing).
    #[schema(value_type = Option<String>, required = false)]
    caller_id: Option<String>,
    /// The number that is called, E.164 (the `+` prefix will be added if missing).
    #[schema(value_type = Option<String>, required = false)]
    called_id: Option<String>,
    /// The same in ElevenLabs' own form.
    #[schema(value_type = Option<String>, required = false)]
    called_number: Option<String>,
    /// ElevenLabs' ID of the agent that answers.
    #[schema(value_type = Option<String>, required = false)]
    agent_id: Option<String>,
    /// The call on the telephone network, in ElevenLabs' own form.
    #[schema(value_type = Option<String>, required = false)]
    call_sid: Option<String>,
}

/// What the agent is told: the variables, or ElevenLabs' object around them where the request has ElevenLabs' form.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = WebhooksPersonalizationResponse)]
pub(crate) enum PersonalizationResponse {
    Flat(CallerVariables),
    Vendors(InitiationData),
}

/// What the agent knows of the caller: nothing, or all three.
#[derive(Default, Serialize, ToSchema)]
// Tells the two answers apart for whoever reads the OpenAPI document.
#[serde(deny_unknown_fields)]
#[schema(as = WebhooksCallerVariables)]
pub(crate) struct CallerVariables {
    /// The contact's name; empty where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    caller_name: Option<String>,
    /// The number that calls, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    caller_number: Option<String>,
    /// The name of the organization that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    org_name: Option<String>,
}

/// ElevenLabs' form of the answer.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhooksInitiationData)]
pub(crate) struct InitiationData {
    /// `conversation_initiation_client_data`.
    #[serde(rename = "type")]
    kind: &'static str,
    dynamic_variables: CallerVariables,
}
