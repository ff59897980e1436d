use async_trait::async_trait;
use domain::ports::{AgentRepo, PortUnavailable};
use domain::{Agent, AgentId, OrganizationId};
use sql_common::AgentColumns;

use crate::SqliteStore;

#[async_trait]
impl AgentRepo for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            AgentColumns,
            r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
               from agents where organization_id = ? and id = ?"#,
            organization_id.as_str(),
            id.as_str()
        ))
        .await
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            AgentColumns,
            r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
               from agents where organization_id = ? and voice_enabled
               order by provider_agent_id is null, seq limit 1"#,
            organization_id.as_str()
        ))
        .await
    }
}
