use domain::ports::DialRequest;
use domain::{DialOutcome, NotDialledReason, UnknownCause};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use serde::Serialize;
use url::Url;

use crate::client::{ProviderClient, Response};
use crate::failure::RequestFailure;

/// The longest response to a dial that is read; the providers' have at most a few thousand bytes.
pub const MAX_DIAL_RESPONSE_BYTES: usize = 64 << 10;

impl ProviderClient {
    /// Sends a dial once, logs its outcome, and adds the status of the response to its span, if it is traced. `classify` decides what a response means;
    /// a dial without a complete response is classified here.
    pub async fn dial(
        &self,
        url: &Url,
        request: &DialRequest,
        body: &impl Serialize,
        classify: fn(&Response) -> DialOutcome,
    ) -> DialOutcome {
        let json = serde_json::to_string(body).expect("a dial has only texts and numbers");
        match self.post(url, json, request.answer_within, MAX_DIAL_RESPONSE_BYTES).await {
            Ok(response) => {
                let outcome = classify(&response);
                let status = KeyValue::new("http.response.status_code", i64::from(response.status));
                Context::current().span().set_attribute(status);
                tracing::info!(
                    call.id = %request.call_id,
                    http.status = response.status,
                    outcome = outcome.as_str(),
                    "the provider responded to a dial"
                );
                outcome
            }
            Err(failure) => {
                let outcome = outcome_of(&failure);
                // The outcome does not carry the cause, so it is logged here.
                tracing::warn!(
                    call.id = %request.call_id,
                    outcome = outcome.as_str(),
                    cause = failure.cause(),
                    "a dial has no response from the provider"
                );
                outcome
            }
        }
    }
}

/// A timeout is *unknown*, even if the limit passed before the connection was made.
fn outcome_of(failure: &RequestFailure) -> DialOutcome {
    match failure {
        RequestFailure::NotConnected { .. } => DialOutcome::NotDialled(NotDialledReason::Unavailable),
        RequestFailure::TimedOut { .. } => DialOutcome::Unknown(UnknownCause::TimedOut),
        RequestFailure::ConnectionLost { .. } => DialOutcome::Unknown(UnknownCause::ConnectionLost),
        RequestFailure::ResponseTooLong => DialOutcome::Unknown(UnknownCause::UnclearAnswer),
    }
}
