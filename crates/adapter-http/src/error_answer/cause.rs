use domain::ports::PortUnavailable;
use domain::{PlaceCallError, ReadCallsError, ReceiveEventError, WebhookRegistryError};

use crate::desk::DeskError;
use crate::event_intake::DeliveryError;

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

/// Logs why calls could not be read, where that is our side's trouble.
pub(crate) fn log_reading_cause(error: &ReadCallsError) {
    match error {
        ReadCallsError::UserNotFound | ReadCallsError::CallNotFound | ReadCallsError::RecordingNotFound => {}
        ReadCallsError::ServiceUnavailable(cause) => {
            tracing::error!(%cause, "calls could not be read: a port is away");
        }
    }
}

/// Logs why a stream of events ends before its time.
pub(crate) fn log_following_cause(cause: &PortUnavailable) {
    tracing::error!(%cause, "a stream of events ends: a port is away");
}

/// Logs why the registry of webhooks did nothing, where that is our side's trouble.
pub(crate) fn log_registry_cause(error: &WebhookRegistryError) {
    match error {
        WebhookRegistryError::UserNotFound
        | WebhookRegistryError::EndpointNotFound
        | WebhookRegistryError::UrlRefused(_)
        | WebhookRegistryError::TooMany => {}
        WebhookRegistryError::ServiceUnavailable(cause) => {
            tracing::error!(%cause, "the registry of webhooks did nothing: a port is away");
        }
    }
}

/// Logs why an event was not taken: all of it concerns the operator, who set up both ends.
pub(crate) fn log_delivery_cause(error: &DeliveryError) {
    match error {
        DeliveryError::TooMany => tracing::warn!("an event was not taken: too many arrive at once"),
        DeliveryError::TooSlow => tracing::warn!("an event was not taken: it did not arrive in time"),
        DeliveryError::TooLarge => tracing::warn!("an event was not taken: it is too large"),
        DeliveryError::BrokeOff => tracing::info!("an event was not taken: it broke off"),
        DeliveryError::Refused(ReceiveEventError::Unverified(_)) => {
            tracing::warn!("an event was not taken: no configured secret verifies it");
        }
        DeliveryError::Refused(ReceiveEventError::Unreadable(_)) => {
            tracing::warn!("an event was not taken: it is verified and cannot be read");
        }
        DeliveryError::Refused(ReceiveEventError::Unavailable(cause)) => {
            tracing::error!(%cause, "an event was not taken: it could not be stored");
        }
    }
}
