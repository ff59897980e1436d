//! How an error becomes a response and a log line.
//!
//! Each group of routes has one error type. It wraps the domain's error, and its
//! [`RouteError::failure`] maps every variant to a [`Failure`]: status and code, sentence, headers,
//! and what to log. Nothing in a [`Failure`] is personal data.

mod body;
mod code;
mod invalid_request;
mod refusal;
mod retry;

use std::fmt::Display;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use domain::{CallId, CallReference, Decision};
use tracing::Level;

use crate::respond::IDEMPOTENT_REPLAYED;

pub(crate) use self::body::{ErrorDetail, ErrorResponse};
use self::body::{ErrorObject, ErrorText};
pub(crate) use self::code::ErrorCode;
pub(crate) use self::invalid_request::InvalidRequest;
pub(crate) use self::refusal::{RefusalDocument, refusal_code};
pub(crate) use self::retry::Retry;

/// The pause that is suggested to a client while a store or the gateway itself is unavailable.
const RETRY_UNAVAILABLE_AFTER: Duration = Duration::from_secs(5);

/// The error of a group of routes.
pub(crate) trait RouteError {
    /// Status, body, headers and log line of this error.
    fn failure(&self) -> Failure;
}

/// Work panicked inside this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an internal error")]
pub(crate) struct Panicked;

/// One error, as it is sent and logged.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ErrorCode,
    error: ErrorText,
    retry_after_secs: Option<u64>,
    reason: Option<String>,
    call: Option<CallReference>,
    refusals: Vec<RefusalDocument>,
    opens_at: Option<String>,
    retry: Option<Retry>,
    is_replay: bool,
    log: Option<(Level, &'static str)>,
    cause: Option<String>,
}

/// Logs an error. For errors outside of [`Gateway::run`](crate::state::Gateway::run), which logs
/// those of its work.
pub(crate) fn logged<E: RouteError>(error: E) -> E {
    error.failure().log();
    error
}

impl Failure {
    pub(crate) fn new(code: ErrorCode, sentence: impl Display) -> Self {
        Self {
            code,
            error: ErrorText::Sentence(sentence.to_string()),
            retry_after_secs: None,
            reason: None,
            call: None,
            refusals: Vec::new(),
            opens_at: None,
            retry: None,
            is_replay: false,
            log: None,
            cause: None,
        }
    }

    /// A store, or the gateway itself, is unavailable for the moment.
    pub(crate) fn unavailable(sentence: impl Display) -> Self {
        Self::new(ErrorCode::ServiceUnavailable, sentence).retry_soon()
    }

    pub(crate) fn retry_soon(self) -> Self {
        self.retry_after(RETRY_UNAVAILABLE_AFTER)
    }

    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        // Rounded up, because a client that retries too early is refused again; never zero.
        let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after_secs: Some(secs.max(1)), ..self }
    }

    pub(crate) fn reason(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    pub(crate) fn call(self, reference: &CallReference) -> Self {
        Self { call: Some(reference.clone()), ..self }
    }

    pub(crate) fn call_id(self, call_id: &CallId) -> Self {
        self.call(&CallReference { call_id: call_id.clone(), conversation_id: None, carrier_call_id: None })
    }

    /// Every reason of a decision against the call.
    pub(crate) fn decision(self, decision: &Decision) -> Self {
        let refusals = decision.refusals.iter().map(RefusalDocument::from).collect();
        Self { refusals, opens_at: decision.opens_at.map(event_json::iso8601), ..self }
    }

    /// Says what the client may do, by the code of this failure.
    pub(crate) fn may_be_retried(self, after: impl FnOnce(ErrorCode) -> Option<Retry>) -> Self {
        Self { retry: after(self.code), ..self }
    }

    /// The client got this before, for the same `Idempotency-Key`.
    pub(crate) fn replayed(self) -> Self {
        Self { is_replay: true, ..self }
    }

    /// Logs this message once. Without it the request's own line is enough.
    pub(crate) fn log_as(self, level: Level, message: &'static str) -> Self {
        Self { log: Some((level, message)), ..self }
    }

    /// The cause, for the log alone.
    pub(crate) fn cause(self, cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    pub(crate) fn log(&self) {
        let Some((level, message)) = self.log else { return };
        let (code, cause) = (self.code.as_str(), self.cause.as_deref());
        let call_id = self.call.as_ref().map(|call| call.call_id.as_str());
        let (reason, provider_code) = match (self.code, self.reason.as_deref()) {
            (ErrorCode::ProviderRejected, code) => (None, code),
            (_, reason) => (reason, None),
        };
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    error.code = code,
                    call.id = call_id,
                    provider.code = provider_code,
                    reason,
                    cause,
                    "{message}"
                )
            };
        }
        match level {
            Level::ERROR => log!(error),
            Level::WARN => log!(warn),
            _ => log!(info),
        }
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.code.status()
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let code = self.code;
        let mut response = HttpResponse::build(code.status());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(secs) = self.retry_after_secs {
            response.insert_header((RETRY_AFTER, secs.to_string()));
        }
        if matches!(self.code, ErrorCode::Unauthorized) {
            // RFC 6750, section 3: a request without a token gets no error code.
            let challenge = match self.reason.as_deref() {
                Some(reason) => format!("Bearer error=\"invalid_token\", error_description=\"{reason}\""),
                None => "Bearer".to_owned(),
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if self.is_replay {
            response.insert_header((IDEMPOTENT_REPLAYED, "true"));
        }
        let (call_id, conversation_id, sip_call_id) = match self.call {
            Some(call) => (Some(call.call_id), call.conversation_id, call.carrier_call_id),
            None => (None, None, None),
        };
        let mut response = response.json(ErrorResponse {
            success: false,
            error: self.error,
            code: self.code.as_str(),
            reason: self.reason,
            call_id: call_id.map(|id| id.to_string()),
            conversation_id: conversation_id.map(|id| id.to_string()),
            sip_call_id: sip_call_id.map(|id| id.to_string()),
            refusals: self.refusals,
            opens_at: self.opens_at,
            retry: self.retry,
            deduplicated: self.is_replay.then_some(true),
        });
        // For the count of requests.
        response.extensions_mut().insert(code);
        response
    }
}

impl From<&InvalidRequest> for Failure {
    fn from(invalid: &InvalidRequest) -> Self {
        let code = ErrorCode::ValidationFailed;
        let message = "the request is not valid";
        let object = ErrorObject { code: code.as_str(), message, details: invalid.details().to_vec() };
        Self { error: ErrorText::Object(object), ..Self::new(code, "") }
    }
}

impl From<Panicked> for Failure {
    fn from(error: Panicked) -> Self {
        Self::new(ErrorCode::Internal, error).log_as(Level::ERROR, "a request panicked inside the gateway")
    }
}
