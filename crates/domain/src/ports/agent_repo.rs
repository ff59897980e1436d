use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Agent, AgentId, OrganizationId};

/// Finds the agents of an organization.
///
/// - MUST load every field as it was saved, for agents that are voice-enabled or not, synced or not
///   (`an_agent_is_loaded_as_it_was_saved`).
/// - MUST treat another organization's agent as absent (`another_tenants_agent_is_absent`).
/// - MUST return `None` for an id that is not stored (`an_unknown_agent_is_absent`).
/// - MUST choose as default the voice-enabled agent that was stored first
///   (`the_default_agent_is_the_first_voice_enabled_one`), synced agents before all others
///   (`a_synced_agent_is_preferred_as_default`).
/// - MUST return `None` as default if the organization has no voice-enabled agent
///   (`without_a_voice_enabled_agent_there_is_no_default`).
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_agent_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AgentRepo: Send + Sync {
    /// Finds the organization's agent with this id. One round trip.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable>;

    /// Finds the agent for calls that name none. One round trip.
    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable>;
}
