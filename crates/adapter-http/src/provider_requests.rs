//! What the voice provider sends: `POST` of its events, of its question who is calling, and of what its
//! agent reports during a call.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use domain::ports::Unverified;
use domain::{NoSource, OrganizationId, PersonalizeCall, ReceiveEventError};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::event_intake::{Delivery, credentials};
use crate::extract::{ENCODED, JsonBytes, gateway, is_encoded};
use crate::failure::{InvalidRequest, Panicked, logged};
use crate::provider_request_error::ProviderRequestError;
use crate::respond::Json;
use crate::state::Gateway;
use crate::wire::{
    EventReceivedResponse, OptOutRequest, OptOutResponse, PersonalizationRequest, PersonalizationResponse,
    ProviderEventBody,
};
use crate::{documented, paths};

/// The use case for a question whose headers are verified, and the organization whose own secret
/// verified them.
pub(crate) struct VerifiedQuestion(Arc<PersonalizeCall>, Option<OrganizationId>);

impl FromRequest for Delivery {
    type Error = ProviderRequestError;
    type Future = LocalBoxFuture<'static, Result<Self, ProviderRequestError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (gateway, credentials) = (gateway(request).clone(), credentials(request.headers()));
        let is_encoded = is_encoded(request.headers());
        // A text that is not an id is the id of no organization.
        let in_path = request.match_info().get("organizationId").is_some();
        let organization_id = request.match_info().load::<String>().ok().filter(|_| in_path);
        let organization_id = organization_id.map(|text| OrganizationId::parse(&text));
        let payload = web::Payload::from_request(request, payload);
        async move {
            let intake = gateway.parts().events.as_ref().ok_or(ProviderRequestError::NoCredentials)?;
            if is_encoded {
                return Err(logged(InvalidRequest::field("Content-Encoding", ENCODED).into()));
            }
            let organization_id = organization_id
                .transpose()
                .map_err(|_| logged(ProviderRequestError::from(ReceiveEventError::from(Unverified))))?;
            let payload = payload.await.map_err(|_| ProviderRequestError::Incomplete)?;
            intake
                .read(organization_id, credentials, payload, gateway.parts().time_limits)
                .await
                .map_err(logged)
        }
        .boxed_local()
    }
}

impl FromRequest for VerifiedQuestion {
    type Error = ProviderRequestError;
    type Future = LocalBoxFuture<'static, Result<Self, ProviderRequestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (gateway, credentials) = (gateway(request).clone(), credentials(request.headers()));
        async move {
            let personalize = gateway.parts().personalize.clone();
            let personalize = personalize.ok_or(ProviderRequestError::NoCredentials)?;
            match personalize.verify(&credentials).await {
                Ok(organization_id) => Ok(Self(personalize, organization_id)),
                Err(NoSource::Unverified(_)) => Err(logged(ProviderRequestError::UnverifiedQuestion)),
                Err(NoSource::Unavailable(cause)) => Err(logged(ProviderRequestError::NotVerified(cause))),
            }
        }
        .boxed_local()
    }
}

/// Receive an event of the voice provider
///
/// Receives what the provider reports about a call: `post_call_transcription`, `post_call_audio`,
/// `call_initiation_failure`. Events of other types are acknowledged and kept. The gateway verifies
/// the raw bytes, by the signature or the bearer tool secret, before it reads them. It refuses a
/// request before its body arrives if the headers alone show that it will not be verified. 200 means
/// that the event is stored, and that sending it again changes nothing. An event arrives within 30 s,
/// at 16 KiB a second or faster. It may have more than 16 MiB only because of its recording: the
/// gateway then stores the event without the recording, and fetches the recording from the provider.
#[utoipa::path(
    post,
    path = paths::PROVIDER_EVENTS,
    tag = "Webhooks",
    operation_id = documented::PROVIDER_EVENTS_OPERATION,
    request_body(
        content = ProviderEventBody,
        description = "An event, as the provider sends it",
        example = documented::provider_event
    ),
    responses(
        (status = 200, description = "The event is stored", body = EventReceivedResponse),
        documented::InvalidEvent,
        documented::UnverifiedEvent,
        documented::EventTimedOut,
        documented::EventNotStored,
        documented::TooManyEvents
    )
)]
pub(crate) async fn receive_event(
    delivery: Delivery,
    gateway: web::Data<Gateway>,
) -> Result<Json<EventReceivedResponse>, ProviderRequestError> {
    let call_id = gateway.run::<_, _, ProviderRequestError>(delivery.store()).await?;
    Ok(Json(call_id.into()))
}

/// Receive an event of an organization's own account
///
/// As above, for the webhook of a workspace whose API key an organization stored. Only the secrets of
/// this organization verify the event, and it counts only for this organization's calls.
#[utoipa::path(
    post,
    path = paths::ORGANIZATION_EVENTS,
    tag = "Webhooks",
    operation_id = documented::ORGANIZATION_EVENTS_OPERATION,
    params(("organizationId" = String, Path, description = "The organization's ID", max_length = 128)),
    request_body(
        content = ProviderEventBody,
        description = "An event, as the provider sends it",
        example = documented::provider_event
    ),
    responses(
        (status = 200, description = "The event is stored", body = EventReceivedResponse),
        documented::InvalidEvent,
        documented::UnverifiedEvent,
        documented::EventTimedOut,
        documented::EventNotStored,
        documented::TooManyEvents
    )
)]
pub(crate) async fn receive_event_of_organization(
    delivery: Delivery,
    gateway: web::Data<Gateway>,
) -> Result<Json<EventReceivedResponse>, ProviderRequestError> {
    receive_event(delivery, gateway).await
}

/// Identify the caller of an inbound call
///
/// The response comes while the phone rings, within two seconds: the caller's and the
/// organization's names, for the agent's greeting. The number that was called identifies the
/// organization, or its own tool secret does, and the caller's number the contact. Without a match, or if the lookup takes too
/// long, the response has no variables and the call continues.
///
/// A question has one of two forms. With `called_id`, the response is the object of variables. With
/// `called_number` or `call_sid` and without `called_id`, the response is a
/// `conversation_initiation_client_data` object, and `conversation_id` may be absent.
#[utoipa::path(
    post,
    path = paths::PERSONALIZATION,
    tag = "Webhooks",
    operation_id = documented::PERSONALIZATION_OPERATION,
    request_body(content = PersonalizationRequest),
    responses(
        (
            status = 200,
            description = "What the agent learns about the caller",
            body = PersonalizationResponse,
            examples(
                ("a known caller" = (value = json!(documented::caller_variables()))),
                ("an unknown caller" = (value = json!({}))),
                ("the nested form" = (value = json!({
                    "type": "conversation_initiation_client_data",
                    "dynamic_variables": documented::caller_variables()
                })))
            )
        ),
        documented::InvalidQuestion,
        documented::UnverifiedQuestion
    )
)]
pub(crate) async fn personalize(
    verified: VerifiedQuestion,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<HttpResponse, ProviderRequestError> {
    let VerifiedQuestion(personalize, organization_id) = verified;
    let question = personalize.read(&body.0).map_err(InvalidRequest::from)?;
    let (looking_up, call) = (Arc::clone(&personalize), question.call.clone());
    let found = async move { Ok::<_, Panicked>(looking_up.personalize(organization_id, &call).await) };
    // The phone rings meanwhile: after a panic the call continues, without the caller's name.
    let found = gateway.run::<_, _, ProviderRequestError>(found).await.unwrap_or_default();
    let reply = personalize.reply(&question, found);
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_TYPE, reply.media_type))
        .body(reply.body))
}

/// Record that the callee wants no more calls
///
/// A tool of the agent, for use during the call. The gateway finds the call by its conversation, and
/// suppresses its number and its contact for the organization: the next request for a call to them is
/// refused. Without such a call, `phone_number` is suppressed for every organization. Without both,
/// `success` is `false`, and the operator must find the callee.
#[utoipa::path(
    post,
    path = paths::OPT_OUT_TOOL,
    tag = "Webhooks",
    operation_id = documented::OPT_OUT_OPERATION,
    request_body(content = OptOutRequest),
    responses(
        (
            status = 200,
            description = "What the agent may say",
            body = OptOutResponse,
            examples(
                ("recorded" = (value = json!({
                    "success": true,
                    "message": "The number will not be called again."
                }))),
                ("not recorded" = (value = json!({
                    "success": false,
                    "error": "The call was not found. A person will look at it."
                })))
            )
        ),
        documented::InvalidOptOut,
        documented::UnverifiedQuestion,
        documented::OptOutNotStored
    )
)]
pub(crate) async fn opt_out(
    verified: VerifiedQuestion,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<OptOutResponse>, ProviderRequestError> {
    let (conversation_id, phone_number) = OptOutRequest::parse(&body.0)?;
    let opt_outs = Arc::clone(&gateway.parts().opt_outs);
    let VerifiedQuestion(_, organization_id) = verified;
    let recording = async move {
        let recorded = opt_outs.by_agent(organization_id, conversation_id, phone_number.as_deref()).await;
        recorded.map_err(ProviderRequestError::OptOutNotStored)
    };
    let result = gateway.run::<_, _, ProviderRequestError>(recording).await?;
    Ok(Json(result.into()))
}
