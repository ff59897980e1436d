use std::time::Duration;

use crate::ports::PortUnavailable;
use crate::{
    Area, CallId, CallReference, Decision, DestinationRefusal, ForbiddenRange, NotConnectedReason,
    ProviderCode, RateLimit, SpellingFault, UnfitCallerNumber, UnknownCause, VariablesFault,
};

/// Why there is no call, or no call with a known outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceCallError {
    /// Neither a contact nor a phone number was given.
    #[error("either contactId or phoneNumber is required")]
    ContactOrPhoneRequired,
    /// The phone number is not valid.
    #[error("phoneNumber is not a valid E.164 phone number: {0}")]
    InvalidPhoneNumber(DestinationRefusal),
    /// The phone number has no `+`, and it is not certain which person it belongs to.
    #[error("phoneNumber has {0}")]
    AmbiguousPhoneNumber(DestinationRefusal),
    /// The operator allows no calls to the country of the number.
    #[error(
        "calls to numbers of {0} are not allowed: the operator allows countries with OUTDIAL_ALLOWED_COUNTRIES, or \
         with a caller number of the organization there"
    )]
    CountryNotAllowed(Area),
    /// The number is never a person's phone.
    #[error("calls to {} are not allowed by any setting: give another number of the person", .0.as_str())]
    DestinationNotAllowed(ForbiddenRange),
    /// The reason is too long or contains control characters.
    #[error("callReason is longer than {} bytes or contains control characters", crate::CallReason::MAX_LEN)]
    InvalidReason,
    /// The client's variables are not accepted.
    #[error("dynamicVariables {0}")]
    InvalidVariables(VariablesFault),
    /// The client's metadata is too long.
    #[error("metadata is longer than {} bytes", crate::CallMetadata::MAX_LEN)]
    InvalidMetadata,
    /// The purpose is none of the known ones.
    #[error("purpose is none of telemarketing, informational, debt, healthcare and emergency")]
    InvalidPurpose,
    /// The subject is too long or contains control characters.
    #[error("subject is longer than {} bytes or contains control characters", crate::CallSubject::MAX_LEN)]
    InvalidSubject,
    /// The organization has no such contact.
    #[error("contact not found")]
    ContactNotFound,
    /// The contact has no phone number.
    #[error("the contact has no phone number")]
    ContactHasNoPhone,
    /// Contact and phone number were both given and do not match.
    #[error("phoneNumber is not the contact's phone number")]
    ContactPhoneMismatch,
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The organization has no such agent.
    #[error("agent not found")]
    AgentNotFound,
    /// No agent may speak on the phone, or the requested agent may not.
    #[error("no voice-enabled agent")]
    NoVoiceAgent,
    /// The agent is not synced with the voice provider.
    #[error("the agent is not synced with the voice provider")]
    AgentNotSynced,
    /// The user has no number for AI calls: none, or this one is the nearest.
    #[error("the user has no caller number that serves AI calls{}", because(.0.as_ref()))]
    NoAiEnabledNumber(Option<UnfitCallerNumber>),
    /// The requested caller number is not a number of this user, or not one for AI calls.
    #[error("fromNumber is not a caller number of this user that serves AI calls{}", because(.0.as_ref()))]
    FromNumberNotAvailable(Option<UnfitCallerNumber>),
    /// The requested caller number is not a phone number.
    #[error("fromNumber is not a valid E.164 phone number: {0}")]
    InvalidFromNumber(SpellingFault),
    /// The caller number is not connected to the voice provider.
    #[error("{0}")]
    NumberNotOnTrunk(UnfitCallerNumber),
    /// The call may not be made now. The decision has at least one refusal.
    #[error("the call may not be made now: {}", first(.0))]
    Refused(Box<Decision>),
    /// The request has an idempotency key that the user has sent with another request.
    #[error("the Idempotency-Key belongs to another request of this user: send a new key")]
    KeyReused,
    /// The organization has as many calls in flight in this process as one organization may have.
    #[error("too many calls are in flight")]
    TooManyInFlight,
    /// Too many calls start, or too many have not ended.
    #[error("{limit}")]
    RateLimited {
        /// Which limit.
        limit: RateLimit,
        /// When another request may get another result.
        retry_after: Duration,
    },
    /// Another request with the same intent is dialling, or its outcome is unknown.
    #[error("an outbound call for this contact is already in flight")]
    InFlight {
        /// When another request may get another result.
        retry_after: Duration,
    },
    /// The provider refused; no phone rang.
    #[error("the voice provider refused the call")]
    ProviderRejected {
        /// The call in the ledger.
        call_id: CallId,
        /// The provider's error code.
        code: ProviderCode,
        /// When the provider may accept the call, if it said so.
        retry_after: Option<Duration>,
    },
    /// The provider was not reached; no phone rang.
    #[error("the voice provider could not be reached")]
    ProviderUnavailable {
        /// The call in the ledger.
        call_id: CallId,
    },
    /// The phone may have rung; the callee was not connected.
    #[error("the call was not connected: {}", reason.as_str())]
    NotConnected {
        /// The ids of the call.
        reference: CallReference,
        /// Why.
        reason: NotConnectedReason,
    },
    /// The call of the request's idempotency key was not connected.
    #[error("the call was not connected: {}", reason.as_str())]
    NotConnectedBefore {
        /// The ids of the call.
        reference: CallReference,
        /// Why.
        reason: NotConnectedReason,
    },
    /// The outcome of the call of the request's idempotency key is not known yet.
    #[error("the outcome of the call is unknown: the phone may have rung, do not redial")]
    StillUnknown {
        /// The call in the ledger.
        call_id: CallId,
    },
    /// The phone may have rung. Do not dial again.
    #[error("the outcome of the call is unknown: the phone may have rung, do not redial")]
    OutcomeUnknown {
        /// The call in the ledger.
        call_id: CallId,
        /// Why it is unknown.
        cause: UnknownCause,
    },
    /// A store is unavailable; no phone rang.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[source] PortUnavailable),
}

fn first(decision: &Decision) -> &str {
    decision.refusals.first().map(|refusal| &*refusal.detail).unwrap_or_default()
}

fn because(unfit: Option<&UnfitCallerNumber>) -> String {
    unfit.map(|unfit| format!(": {unfit}")).unwrap_or_default()
}

impl PlaceCallError {
    /// This process was paused between taking the lock and dialling.
    pub(super) fn stalled() -> Self {
        Self::ServiceUnavailable(PortUnavailable::new("gateway", "stalled between the lock and the dial"))
    }

    /// The time before the dial passed.
    pub(super) fn too_late(reason: &'static str) -> Self {
        Self::ServiceUnavailable(PortUnavailable::new("gateway", reason))
    }
}

impl From<PortUnavailable> for PlaceCallError {
    fn from(unavailable: PortUnavailable) -> Self {
        Self::ServiceUnavailable(unavailable)
    }
}

impl From<DestinationRefusal> for PlaceCallError {
    fn from(refusal: DestinationRefusal) -> Self {
        match refusal {
            DestinationRefusal::Invalid(_) | DestinationRefusal::NoRange => Self::InvalidPhoneNumber(refusal),
            DestinationRefusal::NotAllowed(range) => Self::DestinationNotAllowed(range),
            DestinationRefusal::CountryNotAllowed(area) => Self::CountryNotAllowed(area),
            DestinationRefusal::NoPlus { .. } | DestinationRefusal::TwoReadings { .. } => {
                Self::AmbiguousPhoneNumber(refusal)
            }
        }
    }
}
