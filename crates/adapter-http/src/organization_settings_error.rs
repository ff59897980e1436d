use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::OrganizationSettingsError;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request about the settings of an organization fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error(transparent)]
    Refused(#[from] OrganizationSettingsError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for SettingsError {
    fn failure(&self) -> Failure {
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Refused(OrganizationSettingsError::UserNotFound) => failure(ErrorCode::UserNotFound),
            Self::Refused(OrganizationSettingsError::NotPermitted) => failure(ErrorCode::Forbidden),
            Self::Refused(OrganizationSettingsError::Invalid(faults)) => {
                (&InvalidRequest::from(faults.clone())).into()
            }
            Self::Refused(OrganizationSettingsError::ChangedMeanwhile) => failure(ErrorCode::PolicyChanged),
            Self::Refused(OrganizationSettingsError::ServiceUnavailable(cause)) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not read or change settings: a store is unavailable"),
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for SettingsError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
