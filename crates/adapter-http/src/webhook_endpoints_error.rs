use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::WebhookRegistryError;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request about webhook endpoints fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error(transparent)]
    Refused(#[from] WebhookRegistryError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for EndpointError {
    fn failure(&self) -> Failure {
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Refused(WebhookRegistryError::UserNotFound) => failure(ErrorCode::UserNotFound),
            Self::Refused(WebhookRegistryError::EndpointNotFound) => {
                failure(ErrorCode::WebhookEndpointNotFound)
            }
            Self::Refused(WebhookRegistryError::UrlRefused(_)) => failure(ErrorCode::WebhookUrlRefused),
            Self::Refused(WebhookRegistryError::UrlTaken) => failure(ErrorCode::WebhookUrlTaken),
            Self::Refused(WebhookRegistryError::TooMany) => failure(ErrorCode::TooManyWebhookEndpoints),
            Self::Refused(WebhookRegistryError::ServiceUnavailable(cause)) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not read or change webhook endpoints: a store is unavailable"),
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for EndpointError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
