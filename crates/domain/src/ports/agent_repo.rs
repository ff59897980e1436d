use async_trait::async_trait;

use super::PortUnavailable;
use crate::{Agent, AgentId, OrganizationId};

/// The agents of an organization.
///
/// - MUST load what was saved, every field, enabled for voice or not, synced or not (`an_agent_is_loaded_as_it_was_saved`).
/// - MUST treat another tenant's agent as one that does not exist (`another_tenants_agent_is_absent`).
/// - MUST answer nothing for an id that is not stored (`an_unknown_agent_is_absent`).
/// - MUST choose as default the voice-enabled agent that was stored first (`the_default_agent_is_the_first_voice_enabled_one`),
///   the synced ones before all others (`a_synced_agent_is_preferred_as_default`).
/// - MUST answer nothing where the organization has no voice-enabled agent (`without_a_voice_enabled_agent_there_is_no_default`).
/// - MUST answer `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_agent_store_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AgentRepo: Send + Sync {
    /// The organization's agent with this id, in one round trip.
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable>;

    /// The agent for calls that name none, in one round trip.
    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable>;
}
