use async_trait::async_trait;
use domain::ports::{AgentRepo, PortUnavailable};
use domain::{Agent, AgentId, OrganizationId};
use sql_common::AgentColumns;

use crate::PostgresStore;

#[async_trait]
impl AgentRepo for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                AgentColumns,
                "select id, organization_id, name, voice_enabled, provider_agent_id \
                   from agents where organization_id = $1 and id = $2",
                organization_id.as_str(),
                id.as_str()
            )
        })
        .await
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                AgentColumns,
                "select id, organization_id, name, voice_enabled, provider_agent_id \
                   from agents where organization_id = $1 and voice_enabled \
                  order by provider_agent_id is null, seq limit 1",
                organization_id.as_str()
            )
        })
        .await
    }
}
