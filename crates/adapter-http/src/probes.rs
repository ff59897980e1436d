//! `GET /healthz` and `GET /readyz`.

use actix_web::http::StatusCode;
use actix_web::{Responder, web};

use crate::health::{HealthResponse, ReadyResponse, ReadyStatus};
use crate::paths;
use crate::respond::Json;
use crate::state::Gateway;

/// Check that the process is alive
///
/// Checks the process only: a restart would not repair a database.
#[utoipa::path(
    get,
    path = paths::HEALTHZ,
    tag = "Health",
    operation_id = "get_healthz",
    responses(
        (status = 200, description = "It is alive", body = HealthResponse)
    ),
    security(())
)]
pub(crate) async fn healthz() -> impl Responder {
    Json(HealthResponse::ALIVE)
}

/// Check that this gateway can place calls
///
/// Checks every component that a call needs, at most once a second.
#[utoipa::path(
    get,
    path = paths::READYZ,
    tag = "Health",
    operation_id = "get_readyz",
    responses(
        (status = 200, description = "It can", body = ReadyResponse),
        (status = 503, description = "A component is down, or the process is shutting down", body = ReadyResponse)
    ),
    security(())
)]
pub(crate) async fn readyz(gateway: web::Data<Gateway>) -> impl Responder {
    let ready = gateway.readiness().check().await;
    let status = match ready.status {
        ReadyStatus::Ready => StatusCode::OK,
        ReadyStatus::Unavailable | ReadyStatus::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    Json(ready).customize().with_status(status)
}
