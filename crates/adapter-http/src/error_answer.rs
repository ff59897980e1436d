//! How an error is answered, and where its cause is logged.

mod cause;
mod code;

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use domain::{
    CallId, CallReference, PlaceCallError, ReadCallsError, ReceiveEventError, WebhookRegistryError,
};

pub(crate) use self::cause::{
    log_cause, log_delivery_cause, log_following_cause, log_reading_cause, log_registry_cause,
};
pub(crate) use self::code::ErrorCode;
use crate::auth::Unauthorized;
use crate::desk::DeskError;
use crate::event_intake::DeliveryError;
use crate::event_streams::TooManyStreams;
use crate::gateway::BrokeOff;
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

    /// A delivery that is not known to be the provider's: the same words for every reason, the gateway's having no secret to
    /// check it with among them.
    pub(crate) fn unverified() -> Self {
        Self::new(ErrorCode::Unauthorized, "a valid signature or tool secret is required")
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

    /// Those who asked before are still waiting for the store.
    pub(crate) fn too_many_recordings() -> Self {
        tracing::warn!("a recording was not answered: those before it take too long");
        Self::unavailable("the service is temporarily unavailable")
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

impl From<Unauthorized> for ErrorAnswer {
    /// The same words for every reason.
    fn from(_: Unauthorized) -> Self {
        Self::new(ErrorCode::Unauthorized, "a valid bearer token is required")
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

impl From<ReadCallsError> for ErrorAnswer {
    fn from(error: ReadCallsError) -> Self {
        let sentence = error.to_string();
        match error {
            ReadCallsError::UserNotFound => Self::new(ErrorCode::UserNotFound, sentence),
            ReadCallsError::CallNotFound => Self::new(ErrorCode::CallNotFound, sentence),
            ReadCallsError::RecordingNotFound => Self::new(ErrorCode::RecordingNotFound, sentence),
            ReadCallsError::ServiceUnavailable(_) => Self::unavailable(sentence),
        }
    }
}

impl From<WebhookRegistryError> for ErrorAnswer {
    fn from(error: WebhookRegistryError) -> Self {
        let sentence = error.to_string();
        match error {
            WebhookRegistryError::UserNotFound => Self::new(ErrorCode::UserNotFound, sentence),
            WebhookRegistryError::EndpointNotFound => Self::new(ErrorCode::WebhookEndpointNotFound, sentence),
            WebhookRegistryError::UrlRefused(_) => Self::new(ErrorCode::WebhookUrlRefused, sentence),
            WebhookRegistryError::TooMany => Self::new(ErrorCode::TooManyWebhookEndpoints, sentence),
            WebhookRegistryError::ServiceUnavailable(_) => Self::unavailable(sentence),
        }
    }
}

impl From<TooManyStreams> for ErrorAnswer {
    fn from(error: TooManyStreams) -> Self {
        Self::new(ErrorCode::TooManyStreams, error.to_string())
            .retry_after(Duration::from_secs(RETRY_UNAVAILABLE_AFTER_SECS))
    }
}

impl From<DeliveryError> for ErrorAnswer {
    fn from(error: DeliveryError) -> Self {
        let sentence = error.to_string();
        match error {
            DeliveryError::TooMany => Self::new(ErrorCode::TooManyDeliveries, sentence)
                .retry_after(Duration::from_secs(RETRY_UNAVAILABLE_AFTER_SECS)),
            DeliveryError::TooSlow => Self::new(ErrorCode::DeliveryTimedOut, sentence),
            DeliveryError::TooLarge => RequestRefusal::body("the body is larger than 16 MiB").into(),
            DeliveryError::BrokeOff => RequestRefusal::body("the body broke off").into(),
            DeliveryError::Refused(ReceiveEventError::Unverified(_)) => Self::unverified(),
            DeliveryError::Refused(ReceiveEventError::Unreadable(_)) => {
                RequestRefusal::body("the body is not an event of the provider").into()
            }
            DeliveryError::Refused(ReceiveEventError::Unavailable(_)) => {
                Self::unavailable("the event could not be stored")
            }
        }
    }
}

impl From<BrokeOff> for ErrorAnswer {
    fn from(_: BrokeOff) -> Self {
        Self::new(ErrorCode::Internal, "an internal error")
    }
}
