use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::ToggleNumberError;
use domain::ports::VendorFailure;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request to change a number fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToggleError {
    #[error(transparent)]
    Refused(#[from] ToggleNumberError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// The pause that is suggested to a client while another change of the number runs.
const RETRY_CHANGING_AFTER: Duration = Duration::from_secs(5);

impl RouteError for ToggleError {
    fn failure(&self) -> Failure {
        use ToggleNumberError as E;
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Refused(error) => match error {
                E::UserNotFound => failure(ErrorCode::UserNotFound),
                E::NotPermitted => failure(ErrorCode::Forbidden),
                E::NoWorkspace => failure(ErrorCode::NumbersNotChangeable),
                E::NumberNotFound => failure(ErrorCode::NumberNotFound),
                E::Changing => failure(ErrorCode::NumberChanging).retry_after(RETRY_CHANGING_AFTER),
                E::UsedByOthers | E::InOtherWorkspace => failure(ErrorCode::NumberInUse),
                E::AgentNotFound => failure(ErrorCode::AgentNotFound),
                E::NoVoiceAgent => failure(ErrorCode::NoVoiceAgent),
                E::AgentNotSynced => failure(ErrorCode::AgentNotSynced),
                E::NotOnTrunk(_) => failure(ErrorCode::NumberNotOnTrunk),
                E::Workspace(cause) => of_vendor(
                    "the voice provider",
                    cause,
                    "could not change a number in the voice provider's workspace; nothing is stored",
                ),
                E::Trunk(cause) => of_vendor(
                    "the carrier",
                    cause,
                    "could not read the carrier's trunk for a change of a number; nothing is stored",
                ),
                E::ServiceUnavailable(cause) => Failure::unavailable(self)
                    .cause(cause)
                    .log_as(Level::ERROR, "could not change a number: a store is unavailable"),
            },
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

/// The cause is only for the operator, who has the vendor's account.
fn of_vendor(vendor: &'static str, failure: &VendorFailure, message: &'static str) -> Failure {
    let failed = match failure {
        VendorFailure::KeyRefused
        | VendorFailure::NotAllowed
        | VendorFailure::NotFound
        | VendorFailure::RateLimited => {
            Failure::new(ErrorCode::ProviderRejected, format_args!("{vendor}: {failure}"))
        }
        VendorFailure::Unavailable(_) => Failure::new(
            ErrorCode::ProviderUnavailable,
            format_args!("{vendor} cannot be reached, or its response is not clear"),
        ),
    };
    failed.cause(failure).log_as(Level::ERROR, message)
}

impl ResponseError for ToggleError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
