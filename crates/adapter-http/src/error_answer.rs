//! How an error is answered, and where its cause is logged.

mod code;

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use domain::{CallId, CallReference, PlaceCallError};

pub(crate) use self::code::ErrorCode;
use crate::desk::DeskError;
use crate::wire::{ErrorDetail, ErrorObject, ErrorResponse, ErrorText, RequestRefusal};

/// When a request that met a store or the gateway itself in trouble may be worth repeating.
const RETRY_UNAVAILABLE_AFTER_SECS: u64 = 5;

/// An error as it is answered.
#[derive(Debug)]
pub(crate) struct ErrorAnswer {
    code: ErrorCode,
    error: ErrorText,
    retry_after_secs: Option<u64>,
    reason: Option<String>,
    call: Option<CallReference>,
}

impl ErrorAnswer {
    /// An error with its code and a sentence.
    pub(crate) fn new(code: ErrorCode, sentence: impl Into<String>) -> Self {
        Self {
            code,
            error: ErrorText::Sentence(sentence.into()),
            retry_after_secs: None,
            reason: None,
            call: None,
        }
    }

    /// Whoever asks is not authenticated: the same words for every reason.
    pub(crate) fn unauthorized() -> Self {
        Self::new(ErrorCode::Unauthorized, "a valid bearer token is required")
    }

    /// The request is at fault, in these parts.
    pub(crate) fn invalid(details: Vec<ErrorDetail>) -> Self {
        let code = ErrorCode::ValidationFailed;
        let object = ErrorObject { code: code.as_str(), message: "the request is not valid", details };
        Self { error: ErrorText::Object(object), ..Self::new(code, "") }
    }

    /// The response: envelope, status and headers.
    pub(crate) fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(secs) = self.retry_after_secs {
            response.insert_header((RETRY_AFTER, secs.to_string()));
        }
        if matches!(self.code, ErrorCode::Unauthorized) {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        let (call_id, conversation_id, sip_call_id) = match self.call {
            Some(call) => (Some(call.call_id), call.conversation_id, call.carrier_call_id),
            None => (None, None, None),
        };
        response.json(ErrorResponse {
            success: false,
            error: self.error,
            code: self.code.as_str(),
            reason: self.reason,
            call_id: call_id.map(|id| id.to_string()),
            conversation_id: conversation_id.map(|id| id.to_string()),
            sip_call_id: sip_call_id.map(|id| id.to_string()),
        })
    }

    fn retry_after(self, wait: Duration) -> Self {
        // Rounded up, since a client that comes too early is refused again, and never zero.
        let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after_secs: Some(secs.max(1)), ..self }
    }

    fn unavailable(sentence: impl Into<String>) -> Self {
        Self::new(ErrorCode::ServiceUnavailable, sentence)
            .retry_after(Duration::from_secs(RETRY_UNAVAILABLE_AFTER_SECS))
    }

    fn reason(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    fn call(self, reference: CallReference) -> Self {
        Self { call: Some(reference), ..self }
    }

    fn call_id(self, call_id: CallId) -> Self {
        self.call(CallReference { call_id, conversation_id: None, carrier_call_id: None })
    }
}

impl From<RequestRefusal> for ErrorAnswer {
    fn from(refusal: RequestRefusal) -> Self {
        Self::invalid(refusal.0)
    }
}

impl From<DeskError> for ErrorAnswer {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Refused(error) => Self::from(error),
            DeskError::Full | DeskError::Closed => Self::unavailable(error.to_string()),
            DeskError::BrokeOff => {
                Self::new(ErrorCode::Internal, "an internal error: the phone may have rung, do not redial")
            }
        }
    }
}

impl From<PlaceCallError> for ErrorAnswer {
    fn from(error: PlaceCallError) -> Self {
        use PlaceCallError as E;
        // The domain's sentences are made for the client: no source, no data.
        let sentence = error.to_string();
        match error {
            E::ContactOrPhoneRequired => Self::new(ErrorCode::ContactOrPhoneRequired, sentence),
            E::InvalidPhoneNumber => Self::new(ErrorCode::InvalidPhoneNumber, sentence),
            E::DestinationNotAllowed(_) => Self::new(ErrorCode::DestinationNotAllowed, sentence),
            E::InvalidReason => Self::invalid(vec![ErrorDetail {
                field: Some("callReason"),
                message: "must be at most 8192 bytes long and hold no control characters",
            }]),
            E::ContactNotFound => Self::new(ErrorCode::ContactNotFound, sentence),
            E::ContactHasNoPhone => Self::new(ErrorCode::ContactHasNoPhone, sentence),
            E::ContactPhoneMismatch => Self::new(ErrorCode::ContactPhoneMismatch, sentence),
            E::UserNotFound => Self::new(ErrorCode::UserNotFound, sentence),
            E::AgentNotFound => Self::new(ErrorCode::AgentNotFound, sentence),
            E::NoVoiceAgent => Self::new(ErrorCode::NoVoiceAgent, sentence),
            E::AgentNotSynced => Self::new(ErrorCode::AgentNotSynced, sentence),
            E::NoAiEnabledNumber => Self::new(ErrorCode::NoAiEnabledNumber, sentence),
            E::FromNumberNotAvailable => Self::new(ErrorCode::FromNumberNotAvailable, sentence),
            E::NumberNotOnTrunk => Self::new(ErrorCode::NumberNotOnTrunk, sentence),
            E::InFlight { retry_after } => {
                Self::new(ErrorCode::OutboundInFlight, sentence).retry_after(retry_after)
            }
            E::ProviderRejected { call_id, code } => {
                Self::new(ErrorCode::ProviderRejected, sentence).reason(code.as_str()).call_id(call_id)
            }
            E::ProviderUnavailable { call_id } => {
                Self::new(ErrorCode::ProviderUnavailable, sentence).call_id(call_id)
            }
            E::NotConnected { reference, reason } => {
                Self::new(ErrorCode::CallNotConnected, sentence).reason(reason.as_str()).call(reference)
            }
            E::OutcomeUnknown { call_id, cause: _ } => {
                Self::new(ErrorCode::CallOutcomeUnknown, sentence).call_id(call_id)
            }
            E::ServiceUnavailable(_) => Self::unavailable(sentence),
        }
    }
}

/// Logs why a call failed on our side or the provider's: once, without personal data. What the client did is the client's
/// to know, and stands in the request's line.
pub(crate) fn log_cause(error: &DeskError) {
    use PlaceCallError as E;
    match error {
        DeskError::Refused(error) => match error {
            E::ContactOrPhoneRequired
            | E::InvalidPhoneNumber
            | E::DestinationNotAllowed(_)
            | E::InvalidReason
            | E::ContactNotFound
            | E::ContactHasNoPhone
            | E::ContactPhoneMismatch
            | E::UserNotFound
            | E::AgentNotFound
            | E::NoVoiceAgent
            | E::AgentNotSynced
            | E::NoAiEnabledNumber
            | E::FromNumberNotAvailable
            | E::NumberNotOnTrunk
            | E::InFlight { .. } => {}
            E::ProviderRejected { call_id, code } => {
                tracing::warn!(call.id = %call_id, provider.code = code.as_str(), "the provider refused a call");
            }
            E::ProviderUnavailable { call_id } => {
                tracing::error!(call.id = %call_id, "the provider could not be reached");
            }
            E::NotConnected { reference, reason } => {
                tracing::info!(call.id = %reference.call_id, reason = reason.as_str(), "a call was not connected");
            }
            E::OutcomeUnknown { call_id, cause } => {
                tracing::error!(call.id = %call_id, cause = cause.as_str(), "the outcome of a call is unknown");
            }
            E::ServiceUnavailable(cause) => tracing::error!(%cause, "a call was refused: a port is away"),
        },
        DeskError::Full => tracing::warn!("a call was refused: too many are in flight"),
        DeskError::Closed => tracing::info!("a call was refused: the gateway is shutting down"),
        DeskError::BrokeOff => tracing::error!("a call broke off inside the gateway"),
    }
}
