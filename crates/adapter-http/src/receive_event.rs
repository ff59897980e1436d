//! `POST /api/webhook/elevenlabs`.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::answer::answered;
use crate::error_answer::ErrorAnswer;
use crate::event_intake::credentials;
use crate::gateway::{EventTimeout, Gateway};
use crate::wire::{ErrorResponse, EventReceivedResponse, ProviderEventBody};

/// The path of the route.
pub(crate) const PATH: &str = "/api/webhook/elevenlabs";

/// Receive an event of the voice provider
///
/// Takes what ElevenLabs tells of a call after it: `post_call_transcription`, `post_call_audio`, `call_initiation_failure`.
/// Events of other types are acknowledged and kept. The delivery is verified over its raw bytes, by its signature or by the
/// bearer tool secret, before any of it is read; 200 means that the event is stored, and that delivering it again changes
/// nothing. At most 16 MiB.
#[utoipa::path(
    post,
    path = "/api/webhook/elevenlabs",
    tag = "Webhooks",
    operation_id = "post_webhook_elevenlabs",
    request_body(
        content = ProviderEventBody,
        content_type = "application/json",
        description = "An event, as ElevenLabs sends it",
        example = json!({
            "type": "call_initiation_failure",
            "event_timestamp": 1_772_442_660,
            "data": {
                "agent_id": "agent_01",
                "conversation_id": "eleven-conv-abc123",
                "failure_reason": "busy",
                "metadata": {
                    "type": "sip",
                    "body": {
                        "from_number": "+14165550100",
                        "to_number": "+14165550110",
                        "sip_status_code": 486,
                        "error_reason": "INVITE failed: sip status: 486: Busy here (SIP 486)",
                        "call_sid": "sip-call-xyz789"
                    }
                }
            }
        })
    ),
    responses(
        (
            status = 200,
            description = "The event is stored",
            body = EventReceivedResponse,
            content_type = "application/json"
        ),
        (
            status = 400,
            description = "The body is no event, or is larger than 16 MiB",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({
                "success": false,
                "error": {
                    "code": "VALIDATION_FAILED",
                    "message": "the request is not valid",
                    "details": [{ "message": "the body is not an event of the provider" }]
                },
                "code": "VALIDATION_FAILED"
            })
        ),
        (
            status = 401,
            description = "Neither signature nor tool secret is valid, or none is configured; nothing is stored",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("WWW-Authenticate" = String, description = "`Bearer`")),
            example = json!({
                "success": false,
                "error": "a valid signature or tool secret is required",
                "code": "UNAUTHORIZED"
            })
        ),
        (
            status = 408,
            description = "The body did not arrive in time; to be delivered again",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({
                "success": false,
                "error": "the event did not arrive in time",
                "code": "DELIVERY_TIMED_OUT"
            })
        ),
        (
            status = 500,
            description = "The event could not be stored; to be delivered again",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("Retry-After" = u64, description = "Seconds, at least 1; with `SERVICE_UNAVAILABLE` alone")),
            example = json!({
                "success": false,
                "error": "the event could not be stored",
                "code": "SERVICE_UNAVAILABLE"
            })
        ),
        (
            status = 503,
            description = "Too many events arrive at once; to be delivered again",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("Retry-After" = u64, description = "Seconds, at least 1")),
            example = json!({
                "success": false,
                "error": "too many events arrive at once",
                "code": "TOO_MANY_DELIVERIES"
            })
        )
    ),
    security(("elevenLabsSignature" = []), ("elevenLabsToolSecret" = []))
)]
pub(crate) async fn post_webhook_elevenlabs(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    time_limit: web::Data<EventTimeout>,
) -> HttpResponse {
    answered(StatusCode::OK, receive(&request, payload, &gateway, time_limit.0).await)
}

async fn receive(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    time_limit: Duration,
) -> Result<EventReceivedResponse, ErrorAnswer> {
    let intake = gateway.events().ok_or_else(ErrorAnswer::unverified)?;
    let credentials = credentials(request.headers());
    intake.check_credentials(&credentials).map_err(|_| ErrorAnswer::unverified())?;
    let delivery = intake.read(payload, time_limit).await?;
    let call_id = gateway.run(intake.receive(credentials, delivery)).await??;
    Ok(call_id.into())
}
