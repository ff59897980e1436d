use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::VoiceConfigError;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};
use crate::wire::voice_config_names;

/// Why a request about the voice configuration fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VoiceConfigFailure {
    #[error(transparent)]
    Refused(#[from] VoiceConfigError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for VoiceConfigFailure {
    fn failure(&self) -> Failure {
        let failure = |code| Failure::new(code, self);
        let invalid = |name, message| Failure::from(&InvalidRequest::field(name, message));
        match self {
            Self::Refused(VoiceConfigError::UserNotFound) => failure(ErrorCode::UserNotFound),
            Self::Refused(VoiceConfigError::NotPermitted) => failure(ErrorCode::Forbidden),
            Self::Refused(VoiceConfigError::OtherProvider) => {
                invalid(voice_config_names::PROVIDER, "must be the voice provider of this gateway")
            }
            Self::Refused(VoiceConfigError::NoAccounts) => (&InvalidRequest::body(
                "the voice provider of this gateway does not use accounts of organizations",
            ))
                .into(),
            Self::Refused(VoiceConfigError::NoKey) => Failure::from(&InvalidRequest::body(
                "the gateway cannot store secrets: its operator must set OUTDIAL_CREDENTIALS_KEY",
            ))
            .log_as(Level::WARN, "refused to store credentials: OUTDIAL_CREDENTIALS_KEY is not set"),
            Self::Refused(VoiceConfigError::VoiceKeyRefused) => {
                invalid(voice_config_names::API_KEY, "the voice provider does not accept this key")
            }
            Self::Refused(VoiceConfigError::CarrierRefused) => invalid(
                voice_config_names::TRUNK_ID,
                "the carrier does not accept the account, or it has no such trunk",
            ),
            Self::Refused(VoiceConfigError::NotAsked(cause)) => Failure::new(
                ErrorCode::ProviderUnavailable,
                "the vendor could not be asked about the key; nothing was stored",
            )
            .cause(cause)
            .log_as(Level::WARN, "refused to store credentials: the vendor could not be asked about them"),
            Self::Refused(VoiceConfigError::ServiceUnavailable(cause)) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not read or change the voice configuration"),
            Self::Invalid(invalid) => invalid.into(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for VoiceConfigFailure {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
