//! `GET /api/calls/{callId}` and `GET /api/calls/history`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use domain::{CallId, ReadCallsError};

use crate::answer::answered;
use crate::common_answers::{OwnTrouble, Unauthorized, UserNotFound};
use crate::error_answer::{ErrorAnswer, log_reading_cause};
use crate::gateway::Gateway;
use crate::wire::{CallResponse, ErrorResponse, HistoryParameters, HistoryResponse};

/// The path of one call.
pub(crate) const CALL_PATH: &str = "/api/calls/{callId}";
/// The path of the list.
pub(crate) const HISTORY_PATH: &str = "/api/calls/history";

/// Get one call
///
/// What the books say of a call of the user's organization: where it stands and, once the voice provider has told, how it
/// went. What is not known is left out.
#[utoipa::path(
    get,
    path = "/api/calls/{callId}",
    tag = "Calls",
    operation_id = "get_calls_call_id",
    params(("callId" = String, Path, description = "The gateway's ID of the call")),
    responses(
        (status = 200, description = "The call", body = CallResponse, content_type = "application/json"),
        Unauthorized,
        (
            status = 404,
            description = "The organization has no such call, or the user is not found",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({ "success": false, "error": "Call not found", "code": "CALL_NOT_FOUND" })
        ),
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_call(
    request: HttpRequest,
    call_id: Result<web::Path<String>, Error>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    answered(StatusCode::OK, find(&request, call_id.ok().as_deref(), &gateway).await)
}

/// List calls
///
/// The calls of the user's organization, newest first, without their transcripts. Pages are turned by `offset`, or by passing
/// the `nextCursor` of one page as `before` for the next, which neither repeats nor passes over a call when new ones are
/// placed meanwhile. Empty parameters count as absent; unknown ones are ignored.
#[utoipa::path(
    get,
    path = "/api/calls/history",
    tag = "Calls",
    operation_id = "get_calls_history",
    params(HistoryParameters),
    responses(
        (status = 200, description = "A page of calls", body = HistoryResponse, content_type = "application/json"),
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
                    "details": [{ "field": "limit", "message": "must be a whole number from 1 to 200" }]
                },
                "code": "VALIDATION_FAILED"
            })
        ),
        Unauthorized,
        UserNotFound,
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_calls_history(request: HttpRequest, gateway: web::Data<Gateway>) -> HttpResponse {
    answered(StatusCode::OK, history(&request, &gateway).await)
}

async fn find(
    request: &HttpRequest,
    call_id: Option<&String>,
    gateway: &Gateway,
) -> Result<CallResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    // What is not even an id is no call's.
    let call_id = call_id.and_then(|id| CallId::parse(id).ok()).ok_or(ReadCallsError::CallNotFound)?;
    let read_calls = Arc::clone(gateway.read_calls());
    let reading = async move { read_calls.find(&user_id, &call_id).await.inspect_err(log_reading_cause) };
    Ok(CallResponse::new(gateway.run(reading).await??, gateway.provider()))
}

async fn history(request: &HttpRequest, gateway: &Gateway) -> Result<HistoryResponse, ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    let filter = HistoryParameters::parse(request.query_string())?;
    let (read_calls, limit) = (Arc::clone(gateway.read_calls()), filter.limit);
    let reading = async move { read_calls.history(&user_id, filter).await.inspect_err(log_reading_cause) };
    Ok(HistoryResponse::new(gateway.run(reading).await??, limit, gateway.provider()))
}
