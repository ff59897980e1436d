//! The webhook endpoints of an organization: `/api/webhook-endpoints` and the paths below it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, Responder, web};
use domain::{WebhookEndpointId, WebhookRegistryError};

use crate::auth::CurrentUser;
use crate::extract::{JsonBytes, NoFields, NoParameters};
use crate::respond::Json;
use crate::state::Gateway;
use crate::webhook_endpoints_error::EndpointError;
use crate::wire::{
    ChangeEndpointRequest, DeliveriesResponse, DeliveryParameters, EndpointChangedResponse,
    EndpointRegisteredResponse, EndpointRemovedResponse, EndpointTestedResponse, EndpointsResponse,
    RegisterEndpointRequest, SecretReplacedResponse,
};
use crate::{documented, paths};

/// The endpoint that the path names. A text that is not an id is the id of no endpoint.
pub(crate) struct EndpointInPath(WebhookEndpointId);

impl FromRequest for EndpointInPath {
    type Error = EndpointError;
    type Future = Ready<Result<Self, EndpointError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().load::<String>().ok();
        let id = text.and_then(|text| WebhookEndpointId::parse(&text).ok());
        ready(id.map(Self).ok_or(EndpointError::Refused(WebhookRegistryError::EndpointNotFound)))
    }
}

/// Register a webhook endpoint
///
/// From now on the gateway sends the events of the organization's calls to this URL, each at least
/// once and signed with the secret in the response: see the webhook `call_event`. An organization
/// has at most 10 endpoints, each with a URL of its own.
#[utoipa::path(
    post,
    path = paths::WEBHOOK_ENDPOINTS,
    tag = "Webhook endpoints",
    operation_id = "post_webhook_endpoints",
    request_body(content = RegisterEndpointRequest),
    responses(
        (status = 201, description = "The endpoint is registered", body = EndpointRegisteredResponse),
        documented::EndpointRefused,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::EndpointUrlTaken,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn register_endpoint(
    user: CurrentUser,
    _: NoParameters,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<impl Responder, EndpointError> {
    let (url, kinds) = RegisterEndpointRequest::parse(&body.0)?.read()?;
    let webhooks = gateway.parts().webhooks.clone();
    let registering = async move { webhooks.register(&user.id, url, &kinds).await };
    let endpoint = gateway.run::<_, _, EndpointError>(registering).await?;
    Ok(Json(EndpointRegisteredResponse::new(&endpoint)).customize().with_status(StatusCode::CREATED))
}

/// List webhook endpoints
///
/// The organization's endpoints, oldest first, without their secrets.
#[utoipa::path(
    get,
    path = paths::WEBHOOK_ENDPOINTS,
    tag = "Webhook endpoints",
    operation_id = "get_webhook_endpoints",
    responses(
        (status = 200, description = "The endpoints", body = EndpointsResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::UserNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_endpoints(
    user: CurrentUser,
    _: NoParameters,
    gateway: web::Data<Gateway>,
) -> Result<Json<EndpointsResponse>, EndpointError> {
    let webhooks = gateway.parts().webhooks.clone();
    let endpoints = gateway.run::<_, _, EndpointError>(async move { webhooks.list(&user.id).await }).await?;
    Ok(Json(EndpointsResponse::new(&endpoints)))
}

/// Change a webhook endpoint
///
/// Changes what the body names. While an endpoint is paused, or disabled because its receiver
/// responded 410, its events are queued and wait; after 3 days they become dead letters. With the
/// status `active` the gateway sends what waits, and queues the dead letters of the endpoint again.
#[utoipa::path(
    patch,
    path = paths::WEBHOOK_ENDPOINT,
    tag = "Webhook endpoints",
    operation_id = "patch_webhook_endpoint",
    params(("endpointId" = String, Path, description = "The endpoint's ID", max_length = 128)),
    request_body(content = ChangeEndpointRequest),
    responses(
        (status = 200, description = "The endpoint is changed", body = EndpointChangedResponse),
        documented::ChangeRefused,
        documented::Unauthorized,
        documented::EndpointNotFound,
        documented::EndpointUrlTaken,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn change_endpoint(
    user: CurrentUser,
    _: NoParameters,
    endpoint: EndpointInPath,
    body: JsonBytes,
    gateway: web::Data<Gateway>,
) -> Result<Json<EndpointChangedResponse>, EndpointError> {
    let change = ChangeEndpointRequest::parse(&body.0)?.read()?;
    let webhooks = gateway.parts().webhooks.clone();
    let changing = async move { webhooks.change(&user.id, &endpoint.0, change).await };
    let endpoint = gateway.run::<_, _, EndpointError>(changing).await?;
    Ok(Json(EndpointChangedResponse::new(&endpoint)))
}

/// Send a test event to a webhook endpoint
///
/// Sends one event of the type `test`, signed like every other, and responds with what came of it.
/// It is sent also while the endpoint is paused or disabled, only once, and changes nothing.
#[utoipa::path(
    post,
    path = paths::WEBHOOK_ENDPOINT_TEST,
    tag = "Webhook endpoints",
    operation_id = "post_webhook_endpoint_test",
    params(("endpointId" = String, Path, description = "The endpoint's ID", max_length = 128)),
    responses(
        (status = 200, description = "The event was sent, or could not be", body = EndpointTestedResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::EndpointNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn test_endpoint(
    user: CurrentUser,
    _: NoParameters,
    endpoint: EndpointInPath,
    _: NoFields,
    gateway: web::Data<Gateway>,
) -> Result<Json<EndpointTestedResponse>, EndpointError> {
    let webhooks = gateway.parts().webhooks.clone();
    let testing = async move { webhooks.test(&user.id, &endpoint.0).await };
    let outcome = gateway.run::<_, _, EndpointError>(testing).await?;
    Ok(Json(EndpointTestedResponse::new(outcome)))
}

/// Remove a webhook endpoint
///
/// The gateway sends nothing to it any more, including events that are already queued for it.
#[utoipa::path(
    delete,
    path = paths::WEBHOOK_ENDPOINT,
    tag = "Webhook endpoints",
    operation_id = "delete_webhook_endpoint",
    params(("endpointId" = String, Path, description = "The endpoint's ID", max_length = 128)),
    responses(
        (status = 200, description = "The endpoint is removed", body = EndpointRemovedResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::EndpointNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn remove_endpoint(
    user: CurrentUser,
    _: NoParameters,
    endpoint: EndpointInPath,
    gateway: web::Data<Gateway>,
) -> Result<Json<EndpointRemovedResponse>, EndpointError> {
    let webhooks = gateway.parts().webhooks.clone();
    let removing = async move { webhooks.remove(&user.id, &endpoint.0).await };
    gateway.run::<_, _, EndpointError>(removing).await?;
    Ok(Json(EndpointRemovedResponse::new()))
}

/// Replace the secret of a webhook endpoint
///
/// The gateway immediately signs deliveries with the new secret, and for 24 hours with the previous
/// one too: `webhook-signature` then has both signatures.
#[utoipa::path(
    post,
    path = paths::WEBHOOK_ENDPOINT_SECRET,
    tag = "Webhook endpoints",
    operation_id = "post_webhook_endpoint_secret",
    params(("endpointId" = String, Path, description = "The endpoint's ID", max_length = 128)),
    responses(
        (status = 200, description = "The secret is replaced", body = SecretReplacedResponse),
        documented::UnknownParameter,
        documented::Unauthorized,
        documented::EndpointNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn replace_secret(
    user: CurrentUser,
    _: NoParameters,
    endpoint: EndpointInPath,
    _: NoFields,
    gateway: web::Data<Gateway>,
) -> Result<Json<SecretReplacedResponse>, EndpointError> {
    let webhooks = gateway.parts().webhooks.clone();
    let replacing = async move { webhooks.replace_secret(&user.id, &endpoint.0).await };
    let secret = gateway.run::<_, _, EndpointError>(replacing).await?;
    Ok(Json(SecretReplacedResponse::new(&secret)))
}

/// List the deliveries to a webhook endpoint
///
/// The deliveries of events to an endpoint, newest first. A client gets the next page with the
/// `nextCursor` of one page as `before` of the next. Empty parameters count as absent; unknown ones
/// are refused.
#[utoipa::path(
    get,
    path = paths::WEBHOOK_ENDPOINT_DELIVERIES,
    tag = "Webhook endpoints",
    operation_id = "get_webhook_endpoint_deliveries",
    params(("endpointId" = String, Path, description = "The endpoint's ID", max_length = 128), DeliveryParameters),
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveriesResponse),
        documented::InvalidDeliveryParameter,
        documented::Unauthorized,
        documented::EndpointNotFound,
        documented::Unavailable
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn list_deliveries(
    user: CurrentUser,
    endpoint: EndpointInPath,
    request: HttpRequest,
    gateway: web::Data<Gateway>,
) -> Result<Json<DeliveriesResponse>, EndpointError> {
    let filter = DeliveryParameters::parse(request.query_string(), &endpoint.0)?;
    let (webhooks, limit) = (gateway.parts().webhooks.clone(), filter.limit);
    let listing = async move { webhooks.deliveries(&user.id, &endpoint.0, filter).await };
    let deliveries = gateway.run::<_, _, EndpointError>(listing).await?;
    Ok(Json(DeliveriesResponse::new(&deliveries, limit)))
}
