//! What handlers extract from a request.
//!
//! actix-web polls the extractors of a handler in the order of its parameters and stops at the
//! first error. A handler therefore names [`CurrentUser`] first: a request without a valid token is
//! refused before its body is read.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture};
use tracing::Span;

use crate::auth::{CurrentUser, TokenRefusal, Unauthorized};
use crate::failure::InvalidRequest;
use crate::state::Gateway;
use crate::wire::{no_fields, refuse_all};

/// The largest JSON body, in bytes.
pub const REQUEST_BODY_LIMIT: usize = 64 * 1024;

/// A body that is declared to be JSON, whole and not yet parsed: at most [`REQUEST_BODY_LIMIT`]
/// bytes, which arrived within the server's time limit. actix-web itself waits for a slow body
/// without a limit.
pub(crate) struct JsonBytes(pub(crate) Bytes);

/// A query without parameters. A parameter that has no effect would look like one that has.
pub(crate) struct NoParameters;

/// A body that is absent, or a JSON object without fields.
pub(crate) struct NoFields;

/// What the handlers share.
pub(crate) fn gateway(request: &HttpRequest) -> &Gateway {
    request.app_data::<web::Data<Gateway>>().expect("the server registers the gateway with every worker")
}

impl FromRequest for CurrentUser {
    type Error = Unauthorized;
    type Future =
        Either<Ready<Result<Self, Unauthorized>>, LocalBoxFuture<'static, Result<Self, Unauthorized>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let authenticator = &gateway(request).parts().authenticator;
        match authenticator.authenticate(request.headers()) {
            Err(refusal) if authenticator.may_have_new_keys(refusal) => {
                Either::Right(authenticate_with_new_keys(request.clone()).boxed_local())
            }
            result => Either::Left(ready(result.map_err(unauthorized))),
        }
    }
}

/// The key set is read on the gateway's runtime, so that a client that disconnects does not cancel
/// it for the others that wait.
async fn authenticate_with_new_keys(request: HttpRequest) -> Result<CurrentUser, Unauthorized> {
    let parts = gateway(&request).parts();
    let authenticator = Arc::clone(&parts.authenticator);
    let asking = parts.runtime.spawn(async move { authenticator.ask_for_new_keys().await });
    if asking.await.is_err() {
        tracing::error!("reading the key set panicked");
    }
    parts.authenticator.authenticate(request.headers()).map_err(unauthorized)
}

/// The request's log line has the reason.
fn unauthorized(refusal: TokenRefusal) -> Unauthorized {
    if let Some(description) = refusal.description() {
        Span::current().record("reason", description);
    }
    Unauthorized(refusal)
}

impl FromRequest for NoParameters {
    type Error = InvalidRequest;
    type Future = Ready<Result<Self, InvalidRequest>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_all(request.query_string()).map(|()| Self))
    }
}

impl FromRequest for NoFields {
    type Error = InvalidRequest;
    type Future = LocalBoxFuture<'static, Result<Self, InvalidRequest>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let is_absent = !headers.contains_key(TRANSFER_ENCODING)
            && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        let body = (!is_absent).then(|| JsonBytes::from_request(request, payload));
        async move {
            if let Some(body) = body {
                no_fields(&body.await?.0)?;
            }
            Ok(Self)
        }
        .boxed_local()
    }
}

impl FromRequest for JsonBytes {
    type Error = InvalidRequest;
    type Future = LocalBoxFuture<'static, Result<Self, InvalidRequest>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (is_json, is_encoded) = (is_json(request), is_encoded(request.headers()));
        let time_limit = gateway(request).parts().time_limits.body;
        let payload = web::Payload::from_request(request, payload);
        async move {
            if !is_json {
                return Err(InvalidRequest::body("the content type must be application/json"));
            }
            if is_encoded {
                return Err(InvalidRequest::field("Content-Encoding", ENCODED));
            }
            let payload = payload.await.map_err(|_| InvalidRequest::body(INCOMPLETE))?;
            let reading = payload.to_bytes_limited(REQUEST_BODY_LIMIT);
            match actix_web::rt::time::timeout(time_limit, reading).await {
                Ok(Ok(Ok(body))) => Ok(Self(without_mark(body))),
                Ok(Ok(Err(_incomplete))) => Err(InvalidRequest::body(INCOMPLETE)),
                Ok(Err(_limit)) => Err(InvalidRequest::body("the body is larger than 64 KiB")),
                Err(_elapsed) => Err(InvalidRequest::body("the body did not arrive in time")),
            }
        }
        .boxed_local()
    }
}

const INCOMPLETE: &str = "the body is incomplete";

pub(crate) const ENCODED: &str = "compressed bodies are not accepted: send the body without this header";

/// Whether the body is compressed. It would then look like damaged text.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING);
    encodings.any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Skips a byte order mark, which some systems put in front of UTF-8.
fn without_mark(body: Bytes) -> Bytes {
    if body.starts_with(b"\xef\xbb\xbf") { body.slice(3..) } else { body }
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
