use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::CalleeRecordsError;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request about suppressions or consents fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CalleeError {
    #[error(transparent)]
    Refused(#[from] CalleeRecordsError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for CalleeError {
    fn failure(&self) -> Failure {
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Refused(CalleeRecordsError::UserNotFound) => failure(ErrorCode::UserNotFound),
            Self::Refused(CalleeRecordsError::NoCallee) => failure(ErrorCode::ContactOrPhoneRequired),
            Self::Refused(CalleeRecordsError::InvalidNumber(_)) => failure(ErrorCode::InvalidPhoneNumber),
            Self::Refused(CalleeRecordsError::ContactNotFound) => failure(ErrorCode::ContactNotFound),
            Self::Refused(CalleeRecordsError::SuppressionNotFound) => failure(ErrorCode::SuppressionNotFound),
            Self::Refused(CalleeRecordsError::ConsentNotFound) => failure(ErrorCode::ConsentNotFound),
            Self::Refused(CalleeRecordsError::NotPermitted) => failure(ErrorCode::Forbidden),
            Self::Refused(CalleeRecordsError::ServiceUnavailable(cause)) => {
                Failure::unavailable(self).cause(cause).log_as(
                    Level::ERROR,
                    "could not read or change suppressions or consents: a store is unavailable",
                )
            }
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for CalleeError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
