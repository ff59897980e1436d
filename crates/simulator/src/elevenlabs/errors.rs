//! The provider's error bodies.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::behaviours::ErrorShape;
use crate::ids;
use crate::responses::{error, respond};

/// An error in the current shape.
pub(crate) fn detail(status: u16, code: &str, message: &str) -> HttpResponse {
    respond(status).json(shaped(ErrorShape::DetailObject, status, code, message))
}

/// The 422 of schema validation.
pub(crate) fn invalid(details: Vec<Value>) -> HttpResponse {
    respond(422).json(json!({ "detail": details }))
}

pub(crate) fn no_key() -> HttpResponse {
    respond(401).json(json!({ "detail": {
        "type": "authentication_error",
        "code": "unauthorized",
        "message": "Neither authorization header nor xi-api-key received, please provide one.",
        "status": "needs_authorization",
    } }))
}

pub(crate) fn wrong_key() -> HttpResponse {
    respond(401).json(json!({ "detail": {
        "type": "authentication_error",
        "code": "unauthorized",
        "message": "Invalid API key",
        "status": "invalid_api_key",
    } }))
}

/// Here `status` does not repeat the code.
pub(crate) fn no_such_conversation(id: &str) -> HttpResponse {
    respond(404).json(json!({ "detail": {
        "type": "not_found",
        "code": "conversation_not_found",
        "message": format!("Conversation with id {id} was not found."),
        "status": "conversation_history_not_found",
    } }))
}

pub(crate) fn no_such_agent() -> HttpResponse {
    detail(404, "agent_not_found", "The agent was not found.")
}

pub(crate) fn no_such_phone_number() -> HttpResponse {
    detail(404, "phone_number_not_found", "The phone number was not found.")
}

pub(crate) fn scripted(
    status: u16,
    shape: ErrorShape,
    code: Option<&str>,
    message: Option<&str>,
    retry_after_secs: Option<u32>,
) -> HttpResponse {
    let code = code.unwrap_or_else(|| default_code(status));
    let message = message.unwrap_or("The request could not be processed.");
    error(status, retry_after_secs, shaped(shape, status, code, message))
}

fn shaped(shape: ErrorShape, status: u16, code: &str, message: &str) -> Value {
    let detail = match shape {
        ErrorShape::DetailObject => json!({
            "type": error_type(status),
            "code": code,
            "message": message,
            "status": code,
            "request_id": ids::prefixed(""),
        }),
        ErrorShape::Legacy => json!({ "status": code, "message": message }),
        ErrorShape::List => json!([{ "loc": ["body", "to_number"], "msg": message, "type": code }]),
        ErrorShape::String => json!(message),
    };
    json!({ "detail": detail })
}

fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "payment_required",
        403 => "authorization_error",
        404 => "not_found",
        409 => "conflict",
        422 => "validation_error",
        429 => "rate_limit_error",
        503 => "service_unavailable",
        500.. => "internal_error",
        _ => "invalid_request",
    }
}

fn default_code(status: u16) -> &'static str {
    match status {
        401 => "unauthorized",
        402 => "insufficient_credits",
        403 => "forbidden",
        404 => "phone_number_not_found",
        409 => "conflict",
        422 => "invalid_parameters",
        429 => "rate_limit_exceeded",
        503 => "service_unavailable",
        500.. => "internal_error",
        _ => "bad_request",
    }
}
