use std::sync::LazyLock;

use domain::{CallPurpose, CallReference, PlacedCall, RawPlaceCall, VariableValue};
use event_json::schema::{always_true, names as names_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::client_data;
use super::json_object::{documented_fields, json_object, shown, unknown_names};
use super::parameters::names;
use crate::failure::{ErrorDetail, InvalidRequest};

/// Either `contactId` or `phoneNumber` must be supplied. `phoneNumber` will find-or-create a
/// contact; given together with `contactId` it must be that contact's number. `null` and empty text
/// count as absent; unknown fields are ignored, and the response names them.
// Without `Debug`: it is personal data.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsInitiateOutboundAiCallRequest,
    example = json!({
        "contactId": "64f0a1b2c3d4e5f6a7b8c9d0",
        "agentId": "64f0a1b2c3d4e5f6a7b8cc00",
        "fromNumber": "+14165550100",
        "callReason": "Follow up on insurance quote"
    })
)]
pub(crate) struct PlaceCallRequest {
    /// The contact to call.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 128)]
    contact_id: Field,
    /// E.164 phone number (the `+` prefix will be added if missing). Separators and invisible marks are
    /// dropped from a number that begins with `+` or `00`.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    phone_number: Field,
    /// The voice agent to use, synced with the voice provider. Defaults to the organization's first
    /// voice-enabled agent that is synced.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 128)]
    agent_id: Field,
    /// Specific Sinch number to call from. Defaults to the first AI-enabled Sinch number among the
    /// user's caller numbers.
    #[serde(default)]
    #[schema(value_type = String, required = false)]
    from_number: Field,
    /// Free-text context passed to the agent as the `call_reason` dynamic variable: at most 8192
    /// bytes.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 8192)]
    call_reason: Field,
    #[serde(default)]
    #[schema(schema_with = client_data::variables_schema, required = false)]
    dynamic_variables: Option<Box<RawValue>>,
    #[serde(default)]
    #[schema(schema_with = client_data::metadata_schema, required = false)]
    metadata: Option<Box<RawValue>>,
    #[serde(default)]
    #[schema(schema_with = purpose_schema, required = false)]
    purpose: Field,
    /// What the call is about, for example a debt or a product: at most 128 bytes. Attempts are counted
    /// for each callee and subject.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 128)]
    subject: Field,
    /// `dynamicVariables`, read.
    #[serde(skip)]
    #[schema(ignore)]
    variables: Vec<(String, VariableValue)>,
    /// What the request has and this gateway does not know: names of fields and of parameters.
    #[serde(skip)]
    #[schema(ignore)]
    ignored: Vec<String>,
}

/// The call was placed, now or by an earlier request of the same intent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsOutboundAiCallResponse,
    example = json!({
        "success": true,
        "conversationId": "eleven-conv-abc123",
        "sipCallId": "sip-call-xyz789",
        "message": "AI call initiated",
        "deduplicated": false,
        "callId": "64f0a1b2c3d4e5f6a7b8d111"
    })
)]
pub(crate) struct PlacedResponse {
    #[schema(schema_with = always_true)]
    success: bool,
    /// The provider's conversation ID for the placed call. Absent if the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    conversation_id: Option<String>,
    /// The call's ID on the telephone network. Absent if the provider gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    sip_call_id: Option<String>,
    /// `AI call initiated`.
    message: &'static str,
    /// True when the request matched an idempotency lock, or repeats an `Idempotency-Key`, and the IDs
    /// are those of the earlier call; the gateway did not dial again.
    deduplicated: bool,
    /// The gateway's own ID of the call, in its ledger.
    call_id: String,
    /// The fields and parameters of the request that the gateway does not know and has ignored: the
    /// first 64 characters of each name, and at most 20 names. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 20)]
    ignored_fields: Vec<String>,
}

impl PlacedResponse {
    pub(crate) fn new(call: PlacedCall, ignored_fields: Vec<String>) -> Self {
        let CallReference { call_id, conversation_id, carrier_call_id } = call.reference;
        Self {
            success: true,
            conversation_id: conversation_id.map(|id| id.to_string()),
            sip_call_id: carrier_call_id.map(|id| id.to_string()),
            message: "AI call initiated",
            deduplicated: call.deduplicated,
            call_id: call_id.to_string(),
            ignored_fields,
        }
    }
}

/// A field whose value should be text.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Field {
    Text(String),
    #[default]
    Absent,
    Other(IgnoredAny),
}

impl PlaceCallRequest {
    /// Parses a body: one JSON object, whose strings have no control characters except tabs and
    /// line breaks, and whose known fields are strings or null, each given once.
    /// The query should have no parameters.
    pub(crate) fn parse(body: &[u8], query: &str) -> Result<Self, InvalidRequest> {
        static KNOWN: LazyLock<Vec<String>> = LazyLock::new(documented_fields::<PlaceCallRequest>);
        let text = json_object(body)?;
        let mut request: Self =
            serde_json::from_str(text).map_err(|_| InvalidRequest::body("a field is given twice"))?;
        request.ignored = shown(unknown_names(text, &KNOWN).chain(names(query)));
        let mut problems = request.problems();
        match request.dynamic_variables.as_deref().map(client_data::variables) {
            Some(Ok(variables)) => request.variables = variables,
            Some(Err(message)) => {
                problems.push(ErrorDetail { field: Some("dynamicVariables".into()), message });
            }
            None => {}
        }
        if problems.is_empty() { Ok(request) } else { Err(InvalidRequest::new(problems)) }
    }

    /// The request as the domain reads it.
    pub(crate) fn as_raw(&self) -> RawPlaceCall<'_> {
        RawPlaceCall {
            contact_id: self.contact_id.text(),
            phone_number: self.phone_number.text(),
            agent_id: self.agent_id.text(),
            from_number: self.from_number.text(),
            call_reason: self.call_reason.text(),
            dynamic_variables: &self.variables,
            metadata: self.metadata.as_deref().map(RawValue::get),
            purpose: self.purpose.text(),
            subject: self.subject.text(),
        }
    }

    /// The names of what the request has in vain.
    pub(crate) fn ignored(&self) -> Vec<String> {
        self.ignored.clone()
    }

    fn problems(&self) -> Vec<ErrorDetail> {
        let lines_in = |text: &str| text.contains(['\t', '\n', '\r']);
        let fields = [
            ("contactId", &self.contact_id),
            ("phoneNumber", &self.phone_number),
            ("agentId", &self.agent_id),
            ("fromNumber", &self.from_number),
            ("callReason", &self.call_reason),
            ("purpose", &self.purpose),
            ("subject", &self.subject),
        ];
        let problem = |(name, field): (&'static str, &Field)| {
            let message = match field {
                Field::Text(text) if name != "callReason" && lines_in(text) => {
                    "must not hold control characters"
                }
                Field::Other(_) => "must be a string",
                Field::Text(_) | Field::Absent => return None,
            };
            Some(ErrorDetail { field: Some(name.into()), message })
        };
        fields.into_iter().filter_map(problem).collect()
    }
}

impl Field {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

pub(crate) fn purpose_schema() -> Object {
    let description = "What the call is for. Calling rules bind by purpose. A request without one has the purpose of \
                       the organization's policy.";
    names_schema(CallPurpose::ALL.map(CallPurpose::as_str), description)
}

#[cfg(test)]
mod tests;
