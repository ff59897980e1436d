//! `POST /api/webhook/elevenlabs/personalization`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::ports::ProviderReply;

use crate::error_answer::ErrorAnswer;
use crate::event_intake::credentials;
use crate::gateway::{BodyTimeout, Gateway};
use crate::request_body::read_json;
use crate::wire::{ErrorResponse, PersonalizationRequest, PersonalizationResponse, RequestRefusal};

/// The path of the route.
pub(crate) const PATH: &str = "/api/webhook/elevenlabs/personalization";

/// Tell the voice provider who calls
///
/// Answered while the phone rings, within two seconds: the caller's and the organization's names, for the agent to greet by. The
/// organization is found by the number that is called, the contact by the number that calls; where nobody matches, or nobody can
/// say in time, there are no variables and the call goes on.
///
/// Two forms are understood. With `called_id`, the answer is the object of variables itself. With ElevenLabs' own `called_number`
/// or `call_sid` and no `called_id`, it is ElevenLabs' `conversation_initiation_client_data`, and `conversation_id` may be
/// missing.
#[utoipa::path(
    post,
    path = "/api/webhook/elevenlabs/personalization",
    tag = "Webhooks",
    operation_id = "post_webhook_elevenlabs_personalization",
    request_body(content = PersonalizationRequest, content_type = "application/json"),
    responses(
        (
            status = 200,
            description = "What the agent is told",
            body = PersonalizationResponse,
            content_type = "application/json",
            examples(
                ("a known caller" = (value = json!({
                    "caller_name": "Ada Lovelace",
                    "caller_number": "+14165550110",
                    "org_name": "Analytical Insurance"
                }))),
                ("nobody known" = (value = json!({}))),
                ("ElevenLabs' own form" = (value = json!({
                    "type": "conversation_initiation_client_data",
                    "dynamic_variables": {
                        "caller_name": "Ada Lovelace",
                        "caller_number": "+14165550110",
                        "org_name": "Analytical Insurance"
                    }
                })))
            )
        ),
        (
            status = 400,
            description = "The body is no JSON object of at most 64 KiB, or lacks a `conversation_id`",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({
                "success": false,
                "error": {
                    "code": "VALIDATION_FAILED",
                    "message": "the request is not valid",
                    "details": [{ "field": "conversation_id", "message": "must be the ID of a conversation" }]
                },
                "code": "VALIDATION_FAILED"
            })
        ),
        (
            status = 401,
            description = "The tool secret is not valid, or none is configured",
            body = ErrorResponse,
            content_type = "application/json",
            headers(("WWW-Authenticate" = String, description = "`Bearer`")),
            example = json!({
                "success": false,
                "error": "a valid signature or tool secret is required",
                "code": "UNAUTHORIZED"
            })
        )
    ),
    security(("elevenLabsToolSecret" = []))
)]
pub(crate) async fn post_webhook_elevenlabs_personalization(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    body_timeout: web::Data<BodyTimeout>,
) -> HttpResponse {
    match personalize(&request, payload, &gateway, body_timeout.0).await {
        Ok(reply) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_TYPE, reply.media_type))
            .body(reply.body),
        Err(error) => error.into_response(),
    }
}

async fn personalize(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    body_timeout: Duration,
) -> Result<ProviderReply, ErrorAnswer> {
    let personalize = gateway.personalize().ok_or_else(ErrorAnswer::unverified)?;
    personalize.verify(&credentials(request.headers())).map_err(|_| {
        tracing::warn!("a provider's question was refused: no configured secret verifies it");
        ErrorAnswer::unverified()
    })?;
    let body = read_json(request, payload, body_timeout).await?;
    let question = personalize.read(&body).map_err(RequestRefusal::from)?;
    let (personalizing, call) = (Arc::clone(personalize), question.call.clone());
    // The caller hears the phone ring meanwhile: the call continues after any failure.
    let told = gateway.run(async move { personalizing.personalize(&call).await }).await.unwrap_or_default();
    Ok(personalize.reply(&question, told.as_ref()))
}
