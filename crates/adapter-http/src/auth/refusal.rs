use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use jsonwebtoken::errors::ErrorKind;

use super::MAX_TOKEN_LEN;
use crate::failure::{ErrorCode, Failure, RouteError};

/// The request has no bearer token that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a valid bearer token is required")]
pub(crate) struct Unauthorized(pub(crate) TokenRefusal);

/// Why a token is refused. The texts quote nothing from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefusal {
    /// There is no token, or the header has another scheme.
    Absent,
    /// A proxy in front of the gateway may have checked the other one.
    SeveralHeaders,
    TooLong,
    Malformed,
    /// No key has the id that the token's header names.
    UnknownKey,
    Signature,
    Algorithm,
    CriticalExtension,
    Expired,
    ExpInMilliseconds,
    NotYetValid,
    Issuer,
    Audience,
    Subject,
    MissingClaim,
}

/// RFC 6750 allows these characters in a description, except `"` and `\`.
const TOO_LONG: &str = "longer than 8192 bytes";
const _: () = assert!(MAX_TOKEN_LEN == 8192, "the text above names the limit");

impl TokenRefusal {
    /// What the client and the log read. `None` if there is no token that could be described.
    pub(crate) const fn description(self) -> Option<&'static str> {
        Some(match self {
            Self::Absent => return None,
            Self::SeveralHeaders => "several Authorization headers",
            Self::TooLong => TOO_LONG,
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown key",
            Self::Signature => "signed with another key",
            Self::Algorithm => "another algorithm",
            Self::CriticalExtension => "critical extension",
            Self::Expired => "expired",
            Self::ExpInMilliseconds => "exp is in milliseconds, not seconds",
            Self::NotYetValid => "not yet valid",
            Self::Issuer => "another issuer",
            Self::Audience => "another audience",
            Self::Subject => "sub is not an id",
            Self::MissingClaim => "a required claim is missing",
        })
    }

    /// Whether the issuer may have signed it with a key that is newer than those that were read.
    pub(super) const fn may_be_a_new_key(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature | Self::Algorithm)
    }
}

impl From<&ErrorKind> for TokenRefusal {
    fn from(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidAlgorithm => Self::Algorithm,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(_) => Self::MissingClaim,
            _ => Self::Malformed,
        }
    }
}

impl RouteError for Unauthorized {
    fn failure(&self) -> Failure {
        let failure = Failure::new(ErrorCode::Unauthorized, self);
        match self.0.description() {
            Some(description) => failure.reason(description),
            None => failure,
        }
    }
}

impl ResponseError for Unauthorized {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
