//! What every route answers with.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use crate::error_answer::ErrorAnswer;

/// The body as JSON that nobody stores on the way, or the error in its envelope.
pub(crate) fn answered(status: StatusCode, answer: Result<impl Serialize, ErrorAnswer>) -> HttpResponse {
    match answer {
        Ok(body) => HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body),
        Err(error) => error.into_response(),
    }
}
