//! The URLs that organizations want their events sent to: `/api/webhook-endpoints` and what lies beneath.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use domain::{WebhookEndpointId, WebhookRegistryError};

use crate::answer::answered;
use crate::common_answers::{EndpointNotFound, OwnTrouble, Unauthorized, UserNotFound};
use crate::error_answer::{ErrorAnswer, log_registry_cause};
use crate::gateway::{BodyTimeout, Gateway};
use crate::request_body::read_json;
use crate::wire::{
    DeliveriesResponse, DeliveryParameters, EndpointRegisteredResponse, EndpointRemovedResponse,
    EndpointsResponse, ErrorResponse, RegisterEndpointRequest, SecretReplacedResponse,
};

/// The path of the list.
pub(crate) const LIST_PATH: &str = "/api/webhook-endpoints";
/// The path of one endpoint.
pub(crate) const ENDPOINT_PATH: &str = "/api/webhook-endpoints/{endpointId}";
/// The path of an endpoint's secret.
pub(crate) const SECRET_PATH: &str = "/api/webhook-endpoints/{endpointId}/secret";
/// The path of the list of an endpoint's deliveries.
pub(crate) const DELIVERIES_PATH: &str = "/api/webhook-endpoints/{endpointId}/deliveries";

/// Register a webhook endpoint
///
/// Has the events of the organization's calls sent to a URL from now on, each at least once, signed with the secret that is
/// answered: see the webhook `call_event`. An organization has at most 10 endpoints.
#[utoipa::path(
    post,
    path = "/api/webhook-endpoints",
    tag = "Webhook endpoints",
    operation_id = "post_webhook_endpoints",
    request_body(content = RegisterEndpointRequest, content_type = "application/json"),
    responses(
        (
            status = 201,
            description = "The endpoint is registered",
            body = EndpointRegisteredResponse,
            content_type = "application/json"
        ),
        (
            status = 400,
            description = "Nothing may be sent to the URL, the organization has as many endpoints as it may have, or the \
                           request is not valid",
            body = ErrorResponse,
            content_type = "application/json",
            examples(
                ("WEBHOOK_URL_REFUSED" = (value = json!({
                    "success": false,
                    "error": "the URL leads to an address that is not public",
                    "code": "WEBHOOK_URL_REFUSED"
                }))),
                ("TOO_MANY_WEBHOOK_ENDPOINTS" = (value = json!({
                    "success": false,
                    "error": "the organization has 10 webhook endpoints, as many as it may have",
                    "code": "TOO_MANY_WEBHOOK_ENDPOINTS"
                }))),
                ("VALIDATION_FAILED" = (value = json!({
                    "success": false,
                    "error": {
                        "code": "VALIDATION_FAILED",
                        "message": "the request is not valid",
                        "details": [{
                            "field": "url",
                            "message": "must be an http or https URL of at most 2048 characters"
                        }]
                    },
                    "code": "VALIDATION_FAILED"
                })))
            )
        ),
        Unauthorized,
        UserNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn post_webhook_endpoints(
    request: HttpRequest,
    payload: web::Payload,
    gateway: web::Data<Gateway>,
    body_timeout: web::Data<BodyTimeout>,
) -> HttpResponse {
    answered(StatusCode::CREATED, register(&request, payload, &gateway, body_timeout.0).await)
}

/// List webhook endpoints
///
/// The organization's endpoints, oldest first, without their secrets.
#[utoipa::path(
    get,
    path = "/api/webhook-endpoints",
    tag = "Webhook endpoints",
    operation_id = "get_webhook_endpoints",
    responses(
        (status = 200, description = "The endpoints", body = EndpointsResponse, content_type = "application/json"),
        Unauthorized,
        UserNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_webhook_endpoints(request: HttpRequest, gateway: web::Data<Gateway>) -> HttpResponse {
    answered(StatusCode::OK, list(&request, &gateway).await)
}

/// Remove a webhook endpoint
///
/// Nothing is sent to it any more, what is queued for it included.
#[utoipa::path(
    delete,
    path = "/api/webhook-endpoints/{endpointId}",
    tag = "Webhook endpoints",
    operation_id = "delete_webhook_endpoint",
    params(("endpointId" = String, Path, description = "The endpoint's ID")),
    responses(
        (
            status = 200,
            description = "The endpoint is removed",
            body = EndpointRemovedResponse,
            content_type = "application/json"
        ),
        Unauthorized,
        EndpointNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn delete_webhook_endpoint(
    request: HttpRequest,
    id: Result<web::Path<String>, Error>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    answered(StatusCode::OK, remove(&request, id.ok().as_deref(), &gateway).await)
}

/// Replace the secret of a webhook endpoint
///
/// Deliveries are signed with the new secret at once, and with the one before it too for 24 hours: `webhook-signature` bears
/// both signatures.
#[utoipa::path(
    post,
    path = "/api/webhook-endpoints/{endpointId}/secret",
    tag = "Webhook endpoints",
    operation_id = "post_webhook_endpoint_secret",
    params(("endpointId" = String, Path, description = "The endpoint's ID")),
    responses(
        (
            status = 200,
            description = "The secret is replaced",
            body = SecretReplacedResponse,
            content_type = "application/json"
        ),
        Unauthorized,
        EndpointNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn post_webhook_endpoint_secret(
    request: HttpRequest,
    id: Result<web::Path<String>, Error>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    answered(StatusCode::OK, replace_secret(&request, id.ok().as_deref(), &gateway).await)
}

/// List the deliveries to a webhook endpoint
///
/// What became of the events for an endpoint, newest first. Pages are turned by passing the `nextCursor` of one page as `before`
/// for the next. Empty parameters count as absent; unknown ones are ignored.
#[utoipa::path(
    get,
    path = "/api/webhook-endpoints/{endpointId}/deliveries",
    tag = "Webhook endpoints",
    operation_id = "get_webhook_endpoint_deliveries",
    params(("endpointId" = String, Path, description = "The endpoint's ID"), DeliveryParameters),
    responses(
        (
            status = 200,
            description = "A page of deliveries",
            body = DeliveriesResponse,
            content_type = "application/json"
        ),
        (
            status = 400,
            description = "A parameter that is not valid",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({
                "success": false,
                "error": {
                    "code": "VALIDATION_FAILED",
                    "message": "the request is not valid",
                    "details": [{ "field": "state", "message": "must be a state of deliveries" }]
                },
                "code": "VALIDATION_FAILED"
            })
        ),
        Unauthorized,
        EndpointNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_webhook_endpoint_deliveries(
    request: HttpRequest,
    id: Result<web::Path<String>, Error>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    answered(StatusCode::OK, deliveries(&request, id.ok().as_deref(), &gateway).await)
}

async fn register(
    request: &HttpRequest,
    payload: web::Payload,
    gateway: &Gateway,
    body_timeout: Duration,
) -> Result<EndpointRegisteredResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let body = read_json(request, payload, body_timeout).await?;
    let (url, kinds) = RegisterEndpointRequest::parse(&body)?.read()?;
    let webhooks = Arc::clone(gateway.webhooks());
    let registering =
        async move { webhooks.register(&user_id, url, &kinds).await.inspect_err(log_registry_cause) };
    Ok(EndpointRegisteredResponse::new(&gateway.run(registering).await??))
}

async fn list(request: &HttpRequest, gateway: &Gateway) -> Result<EndpointsResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let webhooks = Arc::clone(gateway.webhooks());
    let listing = async move { webhooks.list(&user_id).await.inspect_err(log_registry_cause) };
    Ok(EndpointsResponse::new(&gateway.run(listing).await??))
}

async fn remove(
    request: &HttpRequest,
    id: Option<&String>,
    gateway: &Gateway,
) -> Result<EndpointRemovedResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let (id, webhooks) = (endpoint_id(id)?, Arc::clone(gateway.webhooks()));
    let removing = async move { webhooks.remove(&user_id, &id).await.inspect_err(log_registry_cause) };
    gateway.run(removing).await??;
    Ok(EndpointRemovedResponse::new())
}

async fn replace_secret(
    request: &HttpRequest,
    id: Option<&String>,
    gateway: &Gateway,
) -> Result<SecretReplacedResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let (id, webhooks) = (endpoint_id(id)?, Arc::clone(gateway.webhooks()));
    let replacing =
        async move { webhooks.replace_secret(&user_id, &id).await.inspect_err(log_registry_cause) };
    Ok(SecretReplacedResponse::new(&gateway.run(replacing).await??))
}

async fn deliveries(
    request: &HttpRequest,
    id: Option<&String>,
    gateway: &Gateway,
) -> Result<DeliveriesResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let id = endpoint_id(id)?;
    let filter = DeliveryParameters::parse(request.query_string(), &id)?;
    let (webhooks, limit) = (Arc::clone(gateway.webhooks()), filter.limit);
    let listing =
        async move { webhooks.deliveries(&user_id, &id, filter).await.inspect_err(log_registry_cause) };
    Ok(DeliveriesResponse::new(&gateway.run(listing).await??, limit))
}

/// What is not even an id is no endpoint's.
fn endpoint_id(id: Option<&String>) -> Result<WebhookEndpointId, WebhookRegistryError> {
    id.and_then(|id| WebhookEndpointId::parse(id).ok()).ok_or(WebhookRegistryError::EndpointNotFound)
}
