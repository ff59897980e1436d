//! Voice agents.

use crate::{AgentId, OrganizationId, PersonName, ProviderAgentId};

/// A voice agent of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Our id.
    pub id: AgentId,
    /// The organization that owns the agent.
    pub organization_id: OrganizationId,
    /// The agent's name.
    pub name: PersonName,
    /// Whether the agent may speak on the phone.
    pub voice_enabled: bool,
    /// The provider's id of the agent; absent until the agent is synced with the provider.
    pub provider_agent_id: Option<ProviderAgentId>,
}
