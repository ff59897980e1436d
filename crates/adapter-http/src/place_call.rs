//! `POST /api/calls/ai/outbound`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use domain::PlaceCallCommand;

use crate::answer::answered;
use crate::error_answer::ErrorAnswer;
use crate::gateway::{BodyTimeout, Gateway};
use crate::request_body::read_json;
use crate::wire::{ErrorResponse, PlaceCallRequest, PlacedResponse};

/// The path of the route.
pub(crate) const PATH: &str = "/api/calls/ai/outbound";

/// Initiate an outbound AI voice call
///
/// Places an outbound call to a contact using the configured AI voice provider. Resolves or creates the contact, picks a
/// voice-enabled agent, picks an AI-enabled Sinch number to call from, and asks the provider to dial. The answer comes when
/// the callee has picked up or cannot be reached, which takes as long as the phone rings.
///
/// Guarded by a 30 s idempotency lock keyed on user, contact, agent and number, renewed while the phone rings: a duplicate
/// of a call in flight gets 429 with `OUTBOUND_IN_FLIGHT` and `Retry-After`; a duplicate within 30 s of the result gets the
/// earlier call's ids with `deduplicated: true`. A client that hangs up does not stop the call.
#[utoipa::path(
    post,
    path = "/api/calls/ai/outbound",
    tag = "Calls",
    operation_id = "post_calls_ai_outbound",
    request_body(content = PlaceCallRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "AI call initiated", body = PlacedResponse, content_type = "application/json"),
        (
            status = 400,
            description = "Missing contact/phone, agent not synced, no AI-enabled number, or a request that is not valid",
            body = ErrorResponse,
            content_type = "application/json",
            examples(
                ("AGENT_NOT_SYNCED" = (value = json!({
                    "success": false,
                    "error": "the agent is not synced with the voice provider",
                    "code": "AGENT_NOT_SYNCED"
                }))),
                ("VALIDATION_FAILED" = (value = json!({
                    "success": false,
                    "error": {
                        "code": "VALIDATION_FAILED",
                        "message": "the request is not valid",
                        "details": [{ "field": "contactId", "message": "must be a string" }]
                    },
                    "code": "VALIDATION_FAILED"
                })))
            )
        ),
        (
            status = 401,
            description = "Unauthorized",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("WWW-Authenticate" = String, description = "`Bearer`")),
            example = json!({
                "success": false,
                "error": "a valid bearer token is required",
                "code": "UNAUTHORIZED"
            })
        ),
        (
            status = 404,
            description = "Contact or user not found",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({ "success": false, "error": "contact not found", "code": "CONTACT_NOT_FOUND" })
        ),
        (
            status = 429,
            description = "Duplicate outbound dial in flight",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("Retry-After" = u64, description = "Seconds, at least 1, after which asking again may bring another answer")),
            example = json!({
                "success": false,
                "error": "an outbound call for this contact is already in flight",
                "code": "OUTBOUND_IN_FLIGHT"
            })
        ),
        (
            status = 500,
            description = "Provider failure, a call that was not connected, or the gateway's own trouble",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("Retry-After" = u64, description = "Seconds, at least 1; with `SERVICE_UNAVAILABLE` alone")),
            examples(
                ("CALL_NOT_CONNECTED" = (value = json!({
                    "success": false,
                    "error": "the call was not connected: busy",
                    "code": "CALL_NOT_CONNECTED",
                    "reason": "busy",
                    "callId": "64f0a1b2c3d4e5f6a7b8d111",
                    "conversationId": "eleven-conv-abc123"
                }))),
                ("CALL_OUTCOME_UNKNOWN" = (value = json!({
                    "success": false,
                    "error": "the outcome of the call is unknown: the phone may have rung, do not redial",
                    "code": "CALL_OUTCOME_UNKNOWN",
                    "callId": "64f0a1b2c3d4e5f6a7b8d111"
                })))
            )
        )
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn post_calls_ai_outbound(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    body_timeout: web::Data<BodyTimeout>,
) -> HttpResponse {
    answered(StatusCode::OK, place(&request, payload, &gateway, body_timeout.0).await)
}

async fn place(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    body_timeout: Duration,
) -> Result<PlacedResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let body = read_json(request, payload, body_timeout).await?;
    let command = PlaceCallCommand::parse(user_id, &PlaceCallRequest::parse(&body)?.as_raw())?;
    let placed = gateway.desk().place(command).await?;
    Ok(placed.into())
}
