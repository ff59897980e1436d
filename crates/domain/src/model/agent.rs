//! Who speaks.

use crate::{AgentId, OrganizationId, PersonName, ProviderAgentId};

/// A voice agent of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Our id.
    pub id: AgentId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: PersonName,
    /// Whether it may speak on the phone at all.
    pub voice_enabled: bool,
    /// Its id at the voice provider; absent until it is synced there.
    pub provider_agent_id: Option<ProviderAgentId>,
}
