use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::ReceiveEventError;
use domain::ports::PortUnavailable;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request of the voice provider is refused. All of these concern the operator, who
/// configured both ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderRequestError {
    /// No secret is configured to verify any request with.
    #[error("a valid signature or tool secret is required")]
    NoCredentials,
    #[error("a valid signature or tool secret is required")]
    UnverifiedQuestion,
    #[error("the request could not be verified")]
    NotVerified(PortUnavailable),
    #[error("too many events arrive at the same time")]
    TooMany,
    #[error("the event did not arrive in time")]
    TooSlow,
    #[error("the body is incomplete")]
    Incomplete,
    #[error("the opt-out could not be stored")]
    OptOutNotStored(PortUnavailable),
    #[error(transparent)]
    Refused(#[from] ReceiveEventError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for ProviderRequestError {
    fn failure(&self) -> Failure {
        // The same sentence for every reason: the sender must not learn which one it is.
        let unverified = || Failure::new(ErrorCode::Unauthorized, Self::NoCredentials);
        let invalid_body = |message| Failure::from(&InvalidRequest::body(message));
        match self {
            Self::NoCredentials => unverified(),
            Self::UnverifiedQuestion => unverified()
                .log_as(Level::WARN, "refused the provider's question: no configured secret verifies it"),
            Self::NotVerified(cause) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not read the secrets that verify the provider's question"),
            Self::TooMany => Failure::new(ErrorCode::TooManyDeliveries, self)
                .retry_soon()
                .log_as(Level::WARN, "refused an event: too many arrive at the same time"),
            Self::TooSlow => Failure::new(ErrorCode::DeliveryTimedOut, self)
                .log_as(Level::WARN, "refused an event: it did not arrive in time"),
            Self::OptOutNotStored(cause) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not store an opt-out; the agent gets an error"),
            Self::Incomplete => invalid_body("the body is incomplete")
                .log_as(Level::INFO, "refused an event: the connection ended before its body"),
            Self::Refused(ReceiveEventError::Unverified(_)) => {
                unverified().log_as(Level::WARN, "refused an event: no configured secret verifies it")
            }
            Self::Refused(ReceiveEventError::Unreadable(_)) => {
                invalid_body("the body is not an event of the provider")
                    .log_as(Level::WARN, "refused an event: it is verified but not readable")
            }
            Self::Refused(ReceiveEventError::TooLarge) => invalid_body("the body is larger than 16 MiB")
                .log_as(
                    Level::WARN,
                    "refused an event: it is larger than 16 MiB, and not because of a recording",
                ),
            Self::Refused(ReceiveEventError::Unavailable(cause)) => {
                Failure::unavailable("the event could not be stored")
                    .cause(cause)
                    .log_as(Level::ERROR, "could not store an event; the provider must send it again")
            }
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for ProviderRequestError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
