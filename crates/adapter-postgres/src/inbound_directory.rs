use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{OrganizationId, ProviderAgentId};
use sql_common::InboundPartiesColumns;

use crate::PostgresStore;

#[async_trait]
impl InboundDirectory for PostgresStore {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        // Without an organization in the predicate, unless the query names one: the organization is
        // what the statement looks for. If several organizations have the number, it is the one that has the agent, if only
        // one of them has it.
        self.read_row(|| {
            sqlx::query_as!(
                InboundPartiesColumns,
                r#"with owners as (
                       select organization_id, user_id,
                              exists (select from agents
                                       where agents.organization_id = caller_numbers.organization_id
                                         and agents.provider_agent_id = $3) as has_agent
                         from caller_numbers
                        where phone_number = $1 and ($4::text is null or organization_id = $4)
                   ), counted as (
                       select *, count(*) over () as owners, count(*) filter (where has_agent) over () as with_agent
                         from owners
                   )
                   select organizations.id as organization_id, organizations.name as organization_name, counted.user_id,
                          contacts.id as "contact_id?", contacts.first_name, contacts.last_name, contacts.phone_number
                     from counted
                     join organizations on organizations.id = counted.organization_id
                     left join contacts on contacts.organization_id = counted.organization_id
                                       and contacts.phone_number = $2
                    where owners = 1 or (has_agent and with_agent = 1)"#,
                query.called.as_e164(),
                query.caller.as_e164(),
                query.provider_agent_id.as_ref().map(ProviderAgentId::as_str),
                query.organization_id.as_ref().map(OrganizationId::as_str)
            )
        })
        .await
    }
}
