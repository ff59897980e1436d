//! `GET /api/calls/{callId}/recording`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use domain::{CallId, ReadCallsError};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::answered;
use crate::common_answers::{OwnTrouble, Unauthorized};
use crate::error_answer::{ErrorAnswer, log_reading_cause};
use crate::gateway::Gateway;
use crate::wire::{ErrorResponse, RecordingResponse};

/// The path of the route.
pub(crate) const PATH: &str = "/api/calls/{callId}/recording";

/// Get the recording of a call
///
/// The recording of a call of the user's organization, whole or as a link that whoever has it may follow for a while, with what
/// was said. The call document's `recordings` say whether there is one, and the event `call_recording_ready` when.
#[utoipa::path(
    get,
    path = "/api/calls/{callId}/recording",
    tag = "Calls",
    operation_id = "get_calls_call_id_recording",
    params(("callId" = String, Path, description = "The gateway's ID of the call")),
    responses(
        (
            status = 200,
            description = "The recording",
            body = RecordingResponse,
            content_type = "application/json"
        ),
        Unauthorized,
        (
            status = 404,
            description = "The organization has no such call, the call has no recording, or the user is not found",
            body = ErrorResponse,
            content_type = "application/json",
            example = json!({ "success": false, "error": "Recording not found", "code": "RECORDING_NOT_FOUND" })
        ),
        OwnTrouble
    ),
    security(("bearerAuth" = []))
)]
pub(crate) async fn get_call_recording(
    request: HttpRequest,
    call_id: Result<web::Path<String>, Error>,
    gateway: web::Data<Gateway>,
) -> HttpResponse {
    match fetch(&request, call_id.ok().as_deref(), &gateway).await {
        // The seat is given back once the answer is built.
        Ok((recording, _seat)) => answered(StatusCode::OK, Ok(recording)),
        Err(error) => error.into_response(),
    }
}

async fn fetch(
    request: &HttpRequest,
    call_id: Option<&String>,
    gateway: &Gateway,
) -> Result<(RecordingResponse, OwnedSemaphorePermit), ErrorAnswer> {
    let user_id = gateway.authenticator().authenticate(request.headers())?;
    // What is not even an id is no call's.
    let call_id = call_id.and_then(|id| CallId::parse(id).ok()).ok_or(ReadCallsError::CallNotFound)?;
    let seat = gateway.recording_seat().await.ok_or_else(ErrorAnswer::too_many_recordings)?;
    let read_calls = Arc::clone(gateway.read_calls());
    let fetching = async move {
        let recorded = read_calls.recording(&user_id, &call_id).await.inspect_err(log_reading_cause)?;
        Ok::<_, ReadCallsError>((RecordingResponse::from(recorded), seat))
    };
    Ok(gateway.run(fetching).await??)
}
