//! The provider's error bodies: `{"message", "error", "statusCode"}`, where `message` is one text
//! or a list.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::behaviours::ErrorShape;
use crate::responses::{self, reason_phrase};

/// An error whose code is the reason phrase of the status.
pub(crate) fn error(status: u16, message: Value) -> HttpResponse {
    responses::error(status, None, body(status, message, None))
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

/// [`ErrorShape::List`] gives a list of messages, the other shapes one message.
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
    responses::error(status, retry_after_secs, body(status, message, code))
}

fn body(status: u16, message: Value, code: Option<&str>) -> Value {
    let code = code.or(reason_phrase(status)).unwrap_or("Error");
    json!({ "message": message, "error": code, "statusCode": status })
}
