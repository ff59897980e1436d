use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{Contact, ContactId, Organization, OrganizationId, PersonName, ProviderAgentId, UserId};

use crate::PostgresStore;
use crate::row::{read, read_optional};

/// Whose number is called; the contact's columns are null where nobody is known to have the other one.
struct PartiesRow {
    organization_id: String,
    organization_name: String,
    user_id: String,
    contact_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

#[async_trait]
impl InboundDirectory for PostgresStore {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        // Without a tenant, since that is what is asked. Of several with one number it is the one, and only one, that has
        // the agent.
        let row = self.repeatable(|| {
            sqlx::query_as!(
                PartiesRow,
                r#"with owners as (
                       select organization_id, user_id,
                              exists (select from agents
                                       where agents.organization_id = caller_numbers.organization_id
                                         and agents.provider_agent_id = $3) as has_agent
                         from caller_numbers
                        where phone_number = $1
                   ), counted as (
                       select *, count(*) over () as owners, count(*) filter (where has_agent) over () as with_agent
                         from owners
                   )
                   select organizations.id as organization_id, organizations.name as organization_name, counted.user_id,
                          contacts.id as "contact_id?", contacts.first_name, contacts.last_name
                     from counted
                     join organizations on organizations.id = counted.organization_id
                     left join contacts on contacts.organization_id = counted.organization_id
                                       and contacts.phone_number = $2
                    where owners = 1 or (has_agent and with_agent = 1)"#,
                query.called.as_e164(),
                query.caller.as_e164(),
                query.provider_agent_id.as_ref().map(ProviderAgentId::as_str)
            )
        });
        let Some(row) = row.await? else { return Ok(None) };
        let organization_id = read("organizations.id", &row.organization_id, OrganizationId::parse)?;
        let contact = match row.contact_id {
            Some(id) => Some(Contact {
                id: read("contacts.id", &id, ContactId::parse)?,
                organization_id: organization_id.clone(),
                first_name: read_optional(
                    "contacts.first_name",
                    row.first_name.as_deref(),
                    PersonName::parse,
                )?,
                last_name: read_optional("contacts.last_name", row.last_name.as_deref(), PersonName::parse)?,
                phone_number: Some(query.caller.clone()),
            }),
            None => None,
        };
        Ok(Some(InboundParties {
            user_id: read("caller_numbers.user_id", &row.user_id, UserId::parse)?,
            organization: Organization {
                name: read("organizations.name", &row.organization_name, PersonName::parse)?,
                id: organization_id,
            },
            contact,
        }))
    }
}
