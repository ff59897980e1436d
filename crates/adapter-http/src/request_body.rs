//! Reading a body with bounds on its size and its time.

use std::time::Duration;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use bytes::Bytes;

use crate::wire::RequestRefusal;

/// The largest body that is read, in bytes.
pub const REQUEST_BODY_LIMIT: usize = 64 * 1024;

/// Reads the whole body, which must be declared to be JSON, be within [`REQUEST_BODY_LIMIT`] and arrive within `time_limit`:
/// the server itself waits for a slow body for ever.
pub(crate) async fn read_json(
    request: &HttpRequest,
    payload: web::Payload,
    time_limit: Duration,
) -> Result<Bytes, RequestRefusal> {
    if !is_json(request) {
        return Err(RequestRefusal::body("the content type must be application/json"));
    }
    let reading = payload.to_bytes_limited(REQUEST_BODY_LIMIT);
    match actix_web::rt::time::timeout(time_limit, reading).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_broken))) => Err(RequestRefusal::body("the body broke off")),
        Ok(Err(_limit)) => Err(RequestRefusal::body("the body is larger than 64 KiB")),
        Err(_elapsed) => Err(RequestRefusal::body("the body did not arrive in time")),
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
