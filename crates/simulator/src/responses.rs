//! What the handlers of all providers and of the control endpoints need to respond.

use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{Error, HttpResponse, HttpResponseBuilder};
use serde_json::Value;

/// Starts a response; `status` was validated when the script was added.
pub(crate) fn respond(status: u16) -> HttpResponseBuilder {
    HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

pub(crate) fn reason_phrase(status: u16) -> Option<&'static str> {
    StatusCode::from_u16(status).ok()?.canonical_reason()
}

pub(crate) fn error(status: u16, retry_after_secs: Option<u32>, body: Value) -> HttpResponse {
    let mut response = respond(status);
    if let Some(secs) = retry_after_secs {
        response.insert_header((RETRY_AFTER, secs.to_string()));
    }
    response.json(body)
}

/// Wraps a response as an error, so that a handler can return it with `?`.
pub(crate) fn refusal(response: HttpResponse) -> Error {
    InternalError::from_response("refused", response).into()
}
