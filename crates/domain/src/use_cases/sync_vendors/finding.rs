use crate::{AgentId, OrganizationId, PersonName, PhoneNumber, ProviderAgentId};

/// What an operator has to do by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFinding {
    /// What it is about.
    pub subject: SyncSubject,
    /// What is missing.
    pub problem: SyncProblem,
}

/// What a [`SyncFinding`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncSubject {
    /// A number. Without an organization, it is in the voice provider's workspace only.
    Number {
        /// The organization that owns it.
        organization_id: Option<OrganizationId>,
        /// The number.
        phone_number: PhoneNumber,
    },
    /// An agent of the directory.
    Agent {
        /// The organization that owns it.
        organization_id: OrganizationId,
        /// Our id.
        id: AgentId,
        /// Its name.
        name: PersonName,
    },
    /// An agent that is in the voice provider's workspace only.
    UnknownAgent {
        /// The provider's id.
        id: ProviderAgentId,
        /// Its name there.
        name: Option<PersonName>,
    },
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncProblem {
    /// The number is enabled for AI calls, and not on the trunk.
    NotOnTrunk,
    /// The number is enabled for AI calls, and not in the voice provider's workspace.
    NumberNotInWorkspace,
    /// The number is in the workspace without a trunk for outbound calls.
    CannotCallOut,
    /// The number calls out over another trunk than the one that was read.
    OtherTrunk,
    /// The workspace has the number more than once.
    TwiceInWorkspace,
    /// The directory has no such number.
    UnknownNumber,
    /// The agent's id of the voice provider is not in the workspace.
    AgentNotInWorkspace,
    /// The agent may speak on the phone, and has no id of the voice provider.
    AgentNotSynced,
    /// The directory has no such agent.
    UnknownAgent,
}

impl SyncProblem {
    /// A name for programs, which does not change.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotOnTrunk => "number-not-on-trunk",
            Self::NumberNotInWorkspace => "number-not-in-workspace",
            Self::CannotCallOut => "number-cannot-call-out",
            Self::OtherTrunk => "number-on-other-trunk",
            Self::TwiceInWorkspace => "number-twice-in-workspace",
            Self::UnknownNumber => "number-not-in-directory",
            Self::AgentNotInWorkspace => "agent-not-in-workspace",
            Self::AgentNotSynced => "agent-not-synced",
            Self::UnknownAgent => "agent-not-in-directory",
        }
    }

    /// What is wrong.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotOnTrunk => "enabled for AI calls, but not on the trunk: its calls are refused",
            Self::NumberNotInWorkspace => {
                "enabled for AI calls, but not in the voice provider's workspace: its calls are refused"
            }
            Self::CannotCallOut => "the workspace has no trunk for its outbound calls: its calls fail",
            Self::OtherTrunk => "the workspace sends its calls to another host than that of the trunk",
            Self::TwiceInWorkspace => "the workspace has it more than once: it is not clear which one to use",
            Self::UnknownNumber => "in the workspace, but not in the directory",
            Self::AgentNotInWorkspace => "its provider's id is not in the workspace: its calls are refused",
            Self::AgentNotSynced => "may speak on the phone, but has no provider's id: its calls are refused",
            Self::UnknownAgent => "in the workspace, but not in the directory",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotOnTrunk => {
                "assign it to the trunk at the carrier, wait a minute, and sync again; or disable it for AI calls"
            }
            Self::NumberNotInWorkspace => {
                "import it in the workspace with the trunk for outbound calls, and sync again"
            }
            Self::CannotCallOut => {
                "set the outbound trunk of the number in the workspace to the host of the trunk, and sync again"
            }
            Self::OtherTrunk => {
                "correct the outbound trunk of the number in the workspace, or sync the other trunk"
            }
            Self::TwiceInWorkspace => "delete all but one of them in the workspace, and sync again",
            Self::UnknownNumber => {
                "put it on the trunk if it is not, and sync with --organization ID --user ID to import it"
            }
            Self::AgentNotInWorkspace => "import the agent again with the right providerAgentId",
            Self::AgentNotSynced => {
                "sync with --organization ID to link it to the workspace's agent of the same name, or import it with a providerAgentId"
            }
            Self::UnknownAgent => "sync with --organization ID to import it",
        }
    }
}
