//! The provider's error bodies: `{"message": text or texts, "error", "statusCode"}`.

use crate::behaviours::ErrorShape;
use crate::faults::respond;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use serde_json::{Value, json};

/// An error with the status in words.
pub(crate) fn error(status: u16, message: Value) -> HttpResponse {
    respond(status).json(body(status, message, None))
}

pub(crate) fn wrong_key() -> HttpResponse {
    error(401, json!("Invalid Key. You may be using the public key in place of the private key."))
}

pub(crate) fn no_such_call() -> HttpResponse {
    error(404, json!("The call was not found."))
}

pub(crate) async fn no_such_method() -> HttpResponse {
    error(404, json!("Cannot find that operation."))
}

/// An error that a script asks for. Of the shapes, [`ErrorShape::List`] gives a list of messages, the others one.
pub(crate) fn scripted(
    status: u16,
    shape: ErrorShape,
    code: Option<&str>,
    message: Option<&str>,
    retry_after_secs: Option<u32>,
) -> HttpResponse {
    let message = message.unwrap_or("The request could not be processed.");
    let message = match shape {
        ErrorShape::List => json!([message]),
        ErrorShape::DetailObject | ErrorShape::Legacy | ErrorShape::String => json!(message),
    };
    let mut response = respond(status);
    if let Some(secs) = retry_after_secs {
        response.insert_header((RETRY_AFTER, secs.to_string()));
    }
    response.json(body(status, message, code))
}

fn body(status: u16, message: Value, code: Option<&str>) -> Value {
    let in_words = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    json!({ "message": message, "error": code.or(in_words).unwrap_or("Error"), "statusCode": status })
}
