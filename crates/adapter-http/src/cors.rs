//! Cross-origin requests (CORS): which pages of other origins may call the API.

use actix_cors::{Cors, CorsError};
use actix_web::Error;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT, ACCEPT_RANGES, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, LINK,
    RANGE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;

use crate::failure::{Failure, InvalidRequest};
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::request_log::REQUEST_ID;
use crate::request_trace::{TRACE_ID, TRACEPARENT};
use crate::respond::IDEMPOTENT_REPLAYED;

/// The origins whose pages may call the API. A page sends a token by its own script: there are no
/// cookies that it could misuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// No other origin. Responses have no CORS headers.
    #[default]
    None,
    /// These origins, each as browsers write it: scheme, host, and the port unless it is the
    /// scheme's own.
    Listed(Vec<String>),
    /// Every origin.
    Any,
}

/// How long a browser may keep the response to a preflight request, in seconds. Browsers have limits
/// of their own, the lowest of 10 minutes.
const MAX_AGE_SECS: usize = 600;
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

impl AllowedOrigins {
    pub(crate) fn are_any(&self) -> bool {
        !matches!(self, Self::None)
    }

    pub(crate) fn middleware(&self) -> Cors {
        let cors = Cors::default()
            .allowed_methods(METHODS)
            .allowed_headers([
                ACCEPT,
                AUTHORIZATION,
                CONTENT_TYPE,
                IDEMPOTENCY_KEY,
                IF_MATCH,
                LAST_EVENT_ID,
                RANGE,
                REQUEST_ID,
                TRACEPARENT,
            ])
            .expose_headers([
                ACCEPT_RANGES,
                CONTENT_RANGE,
                ETAG,
                IDEMPOTENT_REPLAYED,
                LINK,
                REQUEST_ID,
                TRACE_ID,
                RETRY_AFTER,
                WWW_AUTHENTICATE,
            ])
            .max_age(MAX_AGE_SECS);
        match self {
            Self::None => cors,
            Self::Listed(origins) => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
            Self::Any => cors.allow_any_origin().send_wildcard(),
        }
    }
}

/// Gives a refused preflight request the form of every other error. The library sends plain text.
pub(crate) async fn refusals_as_failures<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let response = next.call(request).await?;
    let refusal = response.response().error().and_then(|error| error.as_error::<CorsError>());
    let detail = match refusal {
        None => return Ok(response.map_into_left_body()),
        Some(CorsError::MethodNotAllowed | CorsError::BadRequestMethod | CorsError::MissingRequestMethod) => {
            ("Access-Control-Request-Method", "must be a method of this API")
        }
        Some(CorsError::HeadersNotAllowed | CorsError::BadRequestHeaders) => {
            ("Access-Control-Request-Headers", "must be headers of this API")
        }
        Some(_) => ("Origin", "must be an origin that OUTDIAL_CORS_ORIGINS lists"),
    };
    let failure = Failure::from(&InvalidRequest::field(detail.0, detail.1));
    Ok(response.into_response(failure.into_response()).map_into_right_body())
}
