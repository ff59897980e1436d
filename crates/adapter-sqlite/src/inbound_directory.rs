use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{OrganizationId, ProviderAgentId};
use sql_common::InboundPartiesColumns;

use crate::SqliteStore;

#[async_trait]
impl InboundDirectory for SqliteStore {
    /// The agent decides only if several organizations have the number, and only one of them has
    /// the agent.
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            InboundPartiesColumns,
            r#"with owners as
                   (select organization_id, user_id,
                           exists (select 1 from agents
                                   where agents.organization_id = caller_numbers.organization_id
                                       and provider_agent_id = ?3) as has_agent
                    from caller_numbers where phone_number = ?1 and (?4 is null or organization_id = ?4))
               select organizations.id as organization_id, organizations.name as organization_name,
                      owners.user_id, contacts.id as "contact_id?", contacts.first_name as "first_name?",
                      contacts.last_name as "last_name?", contacts.phone_number as "phone_number?"
               from owners
               join organizations on organizations.id = owners.organization_id
               left join contacts
                   on contacts.organization_id = organizations.id and contacts.phone_number = ?2
               where (select count(*) from owners) = 1
                   or owners.has_agent and (select sum(has_agent) from owners) = 1"#,
            query.called.as_e164(),
            query.caller.as_e164(),
            query.provider_agent_id.as_ref().map(ProviderAgentId::as_str),
            query.organization_id.as_ref().map(OrganizationId::as_str)
        ))
        .await
    }
}
