use async_trait::async_trait;
use domain::ports::{AgentRepo, PortUnavailable};
use domain::{Agent, AgentId, OrganizationId, PersonName, ProviderAgentId};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};

struct AgentRow {
    id: String,
    organization_id: String,
    name: String,
    voice_enabled: bool,
    provider_agent_id: Option<String>,
}

impl TryFrom<AgentRow> for Agent {
    type Error = PortUnavailable;

    fn try_from(row: AgentRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            id: AgentId::parse(&row.id).map_err(unreadable("agents.id"))?,
            organization_id: OrganizationId::parse(&row.organization_id)
                .map_err(unreadable("agents.organization_id"))?,
            name: PersonName::parse(&row.name).map_err(unreadable("agents.name"))?,
            voice_enabled: row.voice_enabled,
            provider_agent_id: row
                .provider_agent_id
                .map(|id| ProviderAgentId::parse(&id))
                .transpose()
                .map_err(unreadable("agents.provider_agent_id"))?,
        })
    }
}

#[async_trait]
impl AgentRepo for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        let (organization_id, id) = (organization_id.as_str(), id.as_str());
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                AgentRow,
                r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
                   from agents where organization_id = ? and id = ?"#,
                organization_id,
                id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(Agent::try_from).transpose()
        })
        .await
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        let organization_id = organization_id.as_str();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                AgentRow,
                r#"select id, organization_id, name, voice_enabled as "voice_enabled: bool", provider_agent_id
                   from agents where organization_id = ? and voice_enabled
                   order by provider_agent_id is null, seq limit 1"#,
                organization_id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(Agent::try_from).transpose()
        })
        .await
    }
}
