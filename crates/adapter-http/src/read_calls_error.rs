use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_RANGE, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use domain::ReadCallsError;
use tracing::Level;

use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why calls cannot be read or followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Refused(#[from] ReadCallsError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    #[error("the recording has {size} bytes and none of the range")]
    NoSuchRange { size: u64 },
    #[error("too many recordings are read at the same time")]
    TooManyRecordings,
    #[error("too many streams are open")]
    TooManyStreams,
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl RouteError for ReadError {
    fn failure(&self) -> Failure {
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Refused(ReadCallsError::UserNotFound) => failure(ErrorCode::UserNotFound),
            Self::Refused(ReadCallsError::CallNotFound) => failure(ErrorCode::CallNotFound),
            Self::Refused(ReadCallsError::RecordingNotFound) => failure(ErrorCode::RecordingNotFound),
            Self::Refused(ReadCallsError::RecordingTooLarge) => failure(ErrorCode::RecordingTooLarge),
            Self::Refused(ReadCallsError::RecordingExpired) => failure(ErrorCode::RecordingExpired),
            Self::Refused(ReadCallsError::ServiceUnavailable(cause)) => Failure::unavailable(self)
                .cause(cause)
                .log_as(Level::ERROR, "could not read: a store is unavailable"),
            Self::Invalid(invalid) => invalid.into(),
            Self::NoSuchRange { .. } => failure(ErrorCode::RangeNotSatisfiable),
            Self::TooManyRecordings => failure(ErrorCode::TooManyRecordings).retry_soon(),
            Self::TooManyStreams => failure(ErrorCode::TooManyStreams).retry_soon(),
            Self::Panicked(panicked) => (*panicked).into(),
        }
    }
}

impl ResponseError for ReadError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.failure().into_response();
        if let Self::NoSuchRange { size } = self {
            let whole = HeaderValue::try_from(format!("bytes */{size}")).expect("digits");
            response.headers_mut().insert(CONTENT_RANGE, whole);
        }
        response
    }
}
