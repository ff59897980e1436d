//! `Idempotency-Key`: what a request for a call has besides its body, and what an error of it says
//! about sending it again.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use domain::{IdempotencyKey, UserId};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::auth::CurrentUser;
use crate::extract::JsonBytes;
use crate::failure::{Failure, InvalidRequest, Retry, RouteError};
use crate::place_call_error::PlaceError;
use crate::wire::IDEMPOTENCY_KEY_NAME;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request for a call. Its token is checked first, and its body is read last.
pub(crate) struct CallRequest {
    pub(crate) user_id: UserId,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) body: Bytes,
}

/// An error of a request for a call, which says whether to send the request again.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct PlaceFailure {
    error: PlaceError,
    has_key: bool,
}

impl PlaceFailure {
    /// For `map_err`: the error of a request with a key, or without one.
    pub(crate) fn of<E: Into<PlaceError>>(has_key: bool) -> impl Fn(E) -> Self {
        move |error| Self { error: error.into(), has_key }
    }

    fn failure(&self) -> Failure {
        self.error.failure().may_be_retried(|code| Retry::after(code, self.has_key))
    }
}

impl ResponseError for PlaceFailure {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}

impl FromRequest for CallRequest {
    type Error = PlaceFailure;
    type Future = LocalBoxFuture<'static, Result<Self, PlaceFailure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let has_key = request.headers().contains_key(IDEMPOTENCY_KEY);
        let user = CurrentUser::from_request(request, payload);
        let key = key(request.headers());
        let body = JsonBytes::from_request(request, payload);
        async move {
            let user_id = user.await.map_err(PlaceFailure::of(has_key))?.id;
            let key = key.map_err(PlaceFailure::of(has_key))?;
            let body = body.await.map_err(PlaceFailure::of(has_key))?.0;
            Ok(Self { user_id, key, body })
        }
        .boxed_local()
    }
}

fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, InvalidRequest> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    let only = values.next().is_none().then_some(value);
    let key = only.and_then(|value| IdempotencyKey::parse(value.as_bytes()).ok());
    key.map(Some).ok_or_else(|| {
        InvalidRequest::field(
            IDEMPOTENCY_KEY_NAME,
            "must be sent once, with 1 to 255 characters from ! (0x21) to ~ (0x7E)",
        )
    })
}
