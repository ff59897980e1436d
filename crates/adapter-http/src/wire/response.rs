use domain::{CallReference, PlacedCall};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

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
    /// Always true here.
    #[schema(schema_with = always_true)]
    success: bool,
    /// ElevenLabs conversation ID for the placed call. Absent where the provider has not given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    conversation_id: Option<String>,
    /// The call's ID on the telephone network. Absent where the provider has not given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    sip_call_id: Option<String>,
    /// `AI call initiated`.
    message: &'static str,
    /// True when the request matched an idempotency lock and the IDs are those of the earlier call; nobody was dialled.
    deduplicated: bool,
    /// The gateway's own ID of the call, in its ledger.
    call_id: String,
}

impl From<PlacedCall> for PlacedResponse {
    fn from(call: PlacedCall) -> Self {
        let CallReference { call_id, conversation_id, carrier_call_id } = call.reference;
        Self {
            success: true,
            conversation_id: conversation_id.map(|id| id.to_string()),
            sip_call_id: carrier_call_id.map(|id| id.to_string()),
            message: "AI call initiated",
            deduplicated: call.deduplicated,
            call_id: call_id.to_string(),
        }
    }
}

/// The envelope of every error. `error` is a sentence, or an object with `details` where the request itself is at fault
/// (`VALIDATION_FAILED`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsErrorResponse,
    example = json!({
        "success": false,
        "error": "an outbound call for this contact is already in flight",
        "code": "OUTBOUND_IN_FLIGHT"
    })
)]
pub(crate) struct ErrorResponse {
    /// Always false here.
    #[schema(schema_with = always_false)]
    pub(crate) success: bool,
    // No doc comment here nor on the variant below: one beside `inline` is written as `allOf` with an object, which would
    // rule the sentence out.
    #[schema(inline)]
    pub(crate) error: ErrorText,
    /// Stable error code. 400: `VALIDATION_FAILED`, `CONTACT_OR_PHONE_REQUIRED`, `INVALID_PHONE_NUMBER`,
    /// `DESTINATION_NOT_ALLOWED`, `CONTACT_HAS_NO_PHONE`, `CONTACT_PHONE_MISMATCH`, `AGENT_NOT_FOUND`, `NO_VOICE_AGENT`,
    /// `AGENT_NOT_SYNCED`, `NO_AI_ENABLED_NUMBER`, `FROM_NUMBER_NOT_AVAILABLE`, `NUMBER_NOT_ON_TRUNK`, `WEBHOOK_URL_REFUSED`,
    /// `TOO_MANY_WEBHOOK_ENDPOINTS`. 401: `UNAUTHORIZED`. 404: `CONTACT_NOT_FOUND`, `USER_NOT_FOUND`, `CALL_NOT_FOUND`,
    /// `RECORDING_NOT_FOUND`, `WEBHOOK_ENDPOINT_NOT_FOUND`. 408: `DELIVERY_TIMED_OUT`. 429: `OUTBOUND_IN_FLIGHT`. 500, nobody
    /// was rung and a retry may dial: `PROVIDER_REJECTED`, `PROVIDER_UNAVAILABLE`, `SERVICE_UNAVAILABLE`; the phone may have
    /// rung: `CALL_NOT_CONNECTED`, `CALL_OUTCOME_UNKNOWN`, `INTERNAL`. 503: `TOO_MANY_DELIVERIES`, `TOO_MANY_STREAMS`.
    pub(crate) code: &'static str,
    /// Why the provider refused (its own error code) or why the call was not connected (`busy`, `no-answer`, `declined`,
    /// `failed`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) reason: Option<String>,
    /// The gateway's ID of the call that failed, where one was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) call_id: Option<String>,
    /// The conversation of a call that was not connected, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) conversation_id: Option<String>,
    /// The telephone network's ID of a call that was not connected, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) sip_call_id: Option<String>,
}

/// Either form of `error`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ErrorText {
    /// A sentence.
    Sentence(String),
    Object(#[schema(inline)] ErrorObject),
}

/// What is wrong with the request, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorObject {
    /// The same as the envelope's `code`.
    pub(crate) code: &'static str,
    /// A sentence.
    pub(crate) message: &'static str,
    /// The parts.
    #[schema(inline)]
    pub(crate) details: Vec<ErrorDetail>,
}

/// One thing that is wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// The field or parameter; absent where it is the request as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) field: Option<&'static str>,
    /// What is wrong with it.
    pub(crate) message: &'static str,
}

pub(super) fn always_true() -> Object {
    flag(true, "Always true here.")
}

fn always_false() -> Object {
    flag(false, "Always false here.")
}

fn flag(value: bool, description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
        .description(Some(description))
        .build()
}
