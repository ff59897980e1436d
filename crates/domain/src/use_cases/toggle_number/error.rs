use crate::ports::{PortUnavailable, VendorFailure};

/// Why a number was not changed. Nothing is stored then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToggleNumberError {
    /// The token names a user who does not exist.
    #[error("user not found")]
    UserNotFound,
    /// The user has no role that permits it.
    #[error("this needs the role SUPERADMIN")]
    NotPermitted,
    /// The voice provider has no account whose phone numbers can be changed.
    #[error("the voice provider of this gateway has no phone numbers that can be changed here")]
    NoWorkspace,
    /// The organization has no such number of this user.
    #[error("the user has no such number")]
    NumberNotFound,
    /// Another change of the number runs.
    #[error("another change of the number runs: try again")]
    Changing,
    /// Another organization has the number enabled for AI calls.
    #[error("another organization uses the number for AI calls")]
    UsedByOthers,
    /// The organization has no such agent.
    #[error("agent not found")]
    AgentNotFound,
    /// No agent may speak on the phone, or the requested agent may not.
    #[error("the agent may not speak on the phone, or the organization has no agent that may")]
    NoVoiceAgent,
    /// The agent has no id at the voice provider.
    #[error("the agent is not synced with the voice provider")]
    AgentNotSynced,
    /// The number cannot be used over the trunk.
    #[error("{0}")]
    NotOnTrunk(OffTrunk),
    /// The provider has the number in another workspace.
    #[error("the number is in another workspace of the voice provider: remove it there first")]
    InOtherWorkspace,
    /// The voice provider refused, or cannot be reached.
    #[error("the voice provider: {0}")]
    Workspace(#[source] VendorFailure),
    /// The carrier refused, or cannot be reached.
    #[error("the carrier: {0}")]
    Trunk(#[source] VendorFailure),
    /// A store is unavailable.
    #[error("the service is temporarily unavailable")]
    ServiceUnavailable(#[from] PortUnavailable),
}

/// Why a number cannot be used over the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OffTrunk {
    /// The trunk does not have it.
    #[error("the number is not on the trunk: assign it to the trunk at the carrier first")]
    NotAssigned,
    /// The voice provider does not serve its carrier.
    #[error("the voice provider does not serve the number's carrier")]
    CarrierNotServed,
    /// The voice provider has it without a trunk for outbound calls, or with another one.
    #[error("the voice provider has the number without the trunk: remove it there first")]
    OtherTrunk,
    /// The voice provider has it several times.
    #[error("the voice provider has the number several times: remove the entries that are not used")]
    Ambiguous,
    /// The number must be imported, and the host of the trunk is not known.
    #[error(
        "the voice provider does not have the number, and the host of the trunk is not known to import it"
    )]
    HostUnknown,
}
