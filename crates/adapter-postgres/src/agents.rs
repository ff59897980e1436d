use async_trait::async_trait;
use domain::ports::{AgentRepo, PortUnavailable};
use domain::{Agent, AgentId, OrganizationId, PersonName, ProviderAgentId};

use crate::PostgresStore;
use crate::row::{read, read_optional};

struct AgentRow {
    id: String,
    organization_id: String,
    name: String,
    voice_enabled: bool,
    provider_agent_id: Option<String>,
}

#[async_trait]
impl AgentRepo for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        let row = self.repeatable(|| {
            sqlx::query_as!(
                AgentRow,
                "select id, organization_id, name, voice_enabled, provider_agent_id \
                   from agents where organization_id = $1 and id = $2",
                organization_id.as_str(),
                id.as_str()
            )
        });
        row.await?.map(Agent::try_from).transpose()
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        let row = self.repeatable(|| {
            sqlx::query_as!(
                AgentRow,
                "select id, organization_id, name, voice_enabled, provider_agent_id \
                   from agents where organization_id = $1 and voice_enabled \
                  order by provider_agent_id is null, seq limit 1",
                organization_id.as_str()
            )
        });
        row.await?.map(Agent::try_from).transpose()
    }
}

impl TryFrom<AgentRow> for Agent {
    type Error = PortUnavailable;

    fn try_from(row: AgentRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            id: read("agents.id", &row.id, AgentId::parse)?,
            organization_id: read("agents.organization_id", &row.organization_id, OrganizationId::parse)?,
            name: read("agents.name", &row.name, PersonName::parse)?,
            voice_enabled: row.voice_enabled,
            provider_agent_id: read_optional(
                "agents.provider_agent_id",
                row.provider_agent_id.as_deref(),
                ProviderAgentId::parse,
            )?,
        })
    }
}
