use std::borrow::Cow;

use event_json::schema::flag;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::Retry;
use super::code::describe_codes;
use super::refusal::RefusalDocument;

/// The body of every error response. `error` is a sentence, or an object with `details` where the
/// request itself is not valid (`VALIDATION_FAILED`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(
    as = CallsErrorResponse,
    example = json!({
        "success": false,
        "error": "an outbound call for this contact is already in flight",
        "code": "OUTBOUND_IN_FLIGHT",
        "retry": "same-key"
    })
)]
pub(crate) struct ErrorResponse {
    #[schema(schema_with = always_false)]
    pub(super) success: bool,
    // No doc comment here nor on the variant below: utoipa would write `allOf` with an object,
    // which rules the sentence out.
    #[schema(inline)]
    pub(super) error: ErrorText,
    #[schema(schema_with = code_schema)]
    pub(super) code: &'static str,
    /// Why the provider refused the call (its own error code), why the call was not connected
    /// (`busy`, `no-answer`, `declined`, `failed`), or why a bearer token was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) reason: Option<String>,
    /// The gateway's ID of the failed call, where the ledger has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) call_id: Option<String>,
    /// The conversation of a call that was not connected, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) conversation_id: Option<String>,
    /// The telephone network's ID of a call that was not connected, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(super) sip_call_id: Option<String>,
    /// Every reason why the call may not be made now; `code` is the first one. Absent for other errors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub(super) refusals: Vec<RefusalDocument>,
    /// The next time at which all enforced hours, caps and pauses allow the call. Absent if a reason
    /// does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    pub(super) opens_at: Option<String>,
    // With a name of its own, so that a generated client has one type for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Retry, required = false)]
    pub(super) retry: Option<Retry>,
    /// `true` if this is the result of an earlier request with the same `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub(super) deduplicated: Option<bool>,
}

/// Either form of `error`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ErrorText {
    /// A sentence.
    Sentence(String),
    Object(#[schema(inline)] ErrorObject),
}

/// What is wrong with the request, part by part.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorObject {
    /// The same as the envelope's `code`.
    pub(super) code: &'static str,
    /// A sentence.
    pub(super) message: &'static str,
    /// The parts.
    pub(super) details: Vec<ErrorDetail>,
}

/// One thing that is wrong with the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallsErrorDetail)]
pub(crate) struct ErrorDetail {
    /// The field or parameter; absent where the request as a whole is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub(crate) field: Option<Cow<'static, str>>,
    /// What is wrong with it.
    pub(crate) message: &'static str,
}

fn always_false() -> Object {
    flag(false)
}

fn code_schema() -> Object {
    ObjectBuilder::new().schema_type(Type::String).description(Some(describe_codes())).build()
}
