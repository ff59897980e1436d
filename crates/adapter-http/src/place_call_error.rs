use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use domain::PlaceCallError;
use tracing::Level;

use crate::auth::Unauthorized;
use crate::failure::{ErrorCode, Failure, InvalidRequest, Panicked, RouteError};

/// Why a request for a call fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error(transparent)]
    Refused(#[from] PlaceCallError),
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// A dry run panicked. It dials nothing.
    #[error(transparent)]
    DryRunPanicked(Panicked),
    #[error(transparent)]
    Unauthorized(#[from] Unauthorized),
    #[error("too many calls are in flight")]
    Full,
    #[error("the gateway is shutting down")]
    Closed,
    #[error("an internal error: the phone may have rung, do not redial")]
    Panicked(Panicked),
}

impl RouteError for PlaceError {
    fn failure(&self) -> Failure {
        use PlaceCallError as E;
        let failure = |code| Failure::new(code, self);
        match self {
            Self::Invalid(invalid) => invalid.into(),
            Self::Unauthorized(unauthorized) => unauthorized.failure(),
            Self::Full => Failure::unavailable(self).log_as(
                Level::WARN,
                "refused a call: the limit of calls in flight, in total or of one user, is reached",
            ),
            Self::Closed => {
                Failure::unavailable(self).log_as(Level::INFO, "refused a call: the gateway is shutting down")
            }
            Self::DryRunPanicked(panicked) => (*panicked).into(),
            Self::Panicked(_) => failure(ErrorCode::Internal)
                .log_as(Level::ERROR, "a call panicked inside the gateway: the phone may have rung"),
            Self::Refused(error) => match error {
                E::ContactOrPhoneRequired => failure(ErrorCode::ContactOrPhoneRequired),
                E::InvalidPhoneNumber(_) | E::AmbiguousPhoneNumber(_) => {
                    failure(ErrorCode::InvalidPhoneNumber)
                }
                E::CountryNotAllowed(_) => failure(ErrorCode::CountryNotAllowed),
                E::DestinationNotAllowed(_) => failure(ErrorCode::DestinationNotAllowed),
                E::InvalidReason => Failure::from(&InvalidRequest::field(
                    "callReason",
                    "must be at most 8192 bytes long and hold no control characters",
                )),
                E::InvalidVariables(fault) => {
                    Failure::from(&InvalidRequest::field("dynamicVariables", fault.as_str()))
                }
                E::InvalidMetadata => {
                    Failure::from(&InvalidRequest::field("metadata", "must be at most 4096 bytes long"))
                }
                E::InvalidPurpose => Failure::from(&InvalidRequest::field(
                    "purpose",
                    "must be telemarketing, informational, debt, healthcare or emergency",
                )),
                E::InvalidSubject => Failure::from(&InvalidRequest::field(
                    "subject",
                    "must be at most 128 bytes long and hold no control characters",
                )),
                E::ContactNotFound => failure(ErrorCode::ContactNotFound),
                E::ContactHasNoPhone => failure(ErrorCode::ContactHasNoPhone),
                E::ContactPhoneMismatch => failure(ErrorCode::ContactPhoneMismatch),
                E::UserNotFound => failure(ErrorCode::UserNotFound),
                E::AgentNotFound => failure(ErrorCode::AgentNotFound),
                E::NoVoiceAgent => failure(ErrorCode::NoVoiceAgent),
                E::AgentNotSynced => failure(ErrorCode::AgentNotSynced),
                E::NoAiEnabledNumber(_) => failure(ErrorCode::NoAiEnabledNumber),
                E::FromNumberNotAvailable(_) | E::InvalidFromNumber(_) => {
                    failure(ErrorCode::FromNumberNotAvailable)
                }
                E::NumberNotOnTrunk(_) => failure(ErrorCode::NumberNotOnTrunk),
                E::InFlight { retry_after } => failure(ErrorCode::OutboundInFlight).retry_after(*retry_after),
                E::RateLimited { retry_after, .. } => {
                    failure(ErrorCode::RateLimited).retry_after(*retry_after)
                }
                E::ProviderRejected { call_id, code, retry_after } => {
                    let refused = failure(ErrorCode::ProviderRejected)
                        .reason(code.as_str())
                        .call_id(call_id)
                        .log_as(Level::WARN, "the provider refused a call");
                    match retry_after {
                        Some(wait) => refused.retry_after(*wait),
                        None => refused,
                    }
                }
                E::ProviderUnavailable { call_id } => failure(ErrorCode::ProviderUnavailable)
                    .call_id(call_id)
                    .log_as(Level::ERROR, "could not reach the provider; the call was not dialled"),
                E::NotConnected { reference, reason } => failure(ErrorCode::CallNotConnected)
                    .reason(reason.as_str())
                    .call(reference)
                    .log_as(Level::INFO, "a call was not connected"),
                E::NotConnectedBefore { reference, reason } => {
                    failure(ErrorCode::CallNotConnected).reason(reason.as_str()).call(reference).replayed()
                }
                E::StillUnknown { call_id } => failure(ErrorCode::CallOutcomeUnknown).call_id(call_id),
                E::KeyReused => failure(ErrorCode::IdempotencyKeyReused),
                E::OutcomeUnknown { call_id, cause } => {
                    failure(ErrorCode::CallOutcomeUnknown).call_id(call_id).cause(cause.as_str()).log_as(
                        Level::ERROR,
                        "the outcome of a call is unknown; waiting for the provider's report",
                    )
                }
                E::Refused(decision) => {
                    let first = decision.refusals.first().map(|refusal| ErrorCode::from(refusal.code));
                    failure(first.unwrap_or(ErrorCode::Internal)).decision(decision)
                }
                E::TooManyInFlight => Failure::unavailable(self).log_as(
                    Level::WARN,
                    "refused a call: its organization has reached its share of the calls in flight",
                ),
                E::ServiceUnavailable(cause) => Failure::unavailable(self)
                    .cause(cause)
                    .log_as(Level::ERROR, "refused a call: a store is unavailable"),
            },
        }
    }
}

/// Of a dry run: [`CallRunner`](crate::call_runner::CallRunner) says so itself of a call.
impl From<Panicked> for PlaceError {
    fn from(panicked: Panicked) -> Self {
        Self::DryRunPanicked(panicked)
    }
}

impl ResponseError for PlaceError {
    fn status_code(&self) -> StatusCode {
        self.failure().status()
    }

    fn error_response(&self) -> HttpResponse {
        self.failure().into_response()
    }
}
