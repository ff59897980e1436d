use domain::{ConversationId, InboundCall, Personalization, PhoneNumber, ProviderAgentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RequestRefusal;
use super::request::Field;

/// A call that comes in. Unknown fields are ignored, as are numbers that are none.
#[derive(Deserialize, ToSchema)]
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
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    conversation_id: Field,
    /// The number that calls, E.164 (the `+` prefix will be added if missing).
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    caller_id: Field,
    /// The number that is called, E.164 (the `+` prefix will be added if missing).
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    called_id: Field,
    /// The same in ElevenLabs' own form.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    called_number: Field,
    /// ElevenLabs' ID of the agent that answers.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    agent_id: Field,
    /// The call on the telephone network, in ElevenLabs' own form.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    call_sid: Field,
}

/// The form of a question and of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PersonalizationForm {
    /// The variables themselves.
    Flat,
    /// ElevenLabs' `conversation_initiation_client_data`.
    Vendors,
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

impl PersonalizationRequest {
    /// Reads a body: one JSON object. A phone rings, so that nothing in it is refused which can be passed over.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, RequestRefusal> {
        // The derived reader would take an array for its fields in order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(RequestRefusal::body("the body is not a JSON object"));
        }
        serde_json::from_slice(body).map_err(|_| RequestRefusal::body("the body is not valid JSON"))
    }

    /// The call, and the form of the answer.
    pub(crate) fn read(&self) -> Result<(InboundCall, PersonalizationForm), RequestRefusal> {
        let form = self.form();
        let conversation_id = given(&self.conversation_id).and_then(|id| ConversationId::parse(id).ok());
        if conversation_id.is_none() && form == PersonalizationForm::Flat {
            return Err(RequestRefusal::field("conversation_id", "must be the ID of a conversation"));
        }
        let number = |field| given(field).and_then(|text| PhoneNumber::parse(text).ok());
        let call = InboundCall {
            conversation_id,
            caller: number(&self.caller_id),
            called: number(&self.called_id).or_else(|| number(&self.called_number)),
            provider_agent_id: given(&self.agent_id).and_then(|id| ProviderAgentId::parse(id).ok()),
        };
        Ok((call, form))
    }

    fn form(&self) -> PersonalizationForm {
        let has = |field| given(field).is_some();
        if !has(&self.called_id) && (has(&self.called_number) || has(&self.call_sid)) {
            PersonalizationForm::Vendors
        } else {
            PersonalizationForm::Flat
        }
    }
}

impl PersonalizationResponse {
    /// The answer in this form; without variables where nobody is known.
    pub(crate) fn new(told: Option<Personalization>, form: PersonalizationForm) -> Self {
        let variables = told.map(CallerVariables::from).unwrap_or_default();
        match form {
            PersonalizationForm::Flat => Self::Flat(variables),
            PersonalizationForm::Vendors => Self::Vendors(InitiationData {
                kind: "conversation_initiation_client_data",
                dynamic_variables: variables,
            }),
        }
    }
}

impl From<Personalization> for CallerVariables {
    fn from(told: Personalization) -> Self {
        let name = told.caller_name.map(|name| name.as_str().to_owned());
        Self {
            caller_name: Some(name.unwrap_or_default()),
            caller_number: Some(told.caller_number.as_e164().to_owned()),
            org_name: Some(told.organization_name.as_str().to_owned()),
        }
    }
}

/// The text of a field that is there; empty text is not.
fn given(field: &Field) -> Option<&str> {
    field.text().filter(|text| !text.is_empty())
}
