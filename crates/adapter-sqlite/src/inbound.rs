use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{Contact, Organization, OrganizationId, PersonName, UserId};

use crate::SqliteStore;
use crate::contacts::ContactRow;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};

struct PartiesRow {
    organization_id: String,
    organization_name: String,
    user_id: String,
    contact_id: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
}

impl TryFrom<PartiesRow> for InboundParties {
    type Error = PortUnavailable;

    fn try_from(row: PartiesRow) -> Result<Self, PortUnavailable> {
        let contact = row.contact_id.map(|id| ContactRow {
            id,
            organization_id: row.organization_id.clone(),
            first_name: row.first_name,
            last_name: row.last_name,
            phone_number: row.phone_number,
        });
        Ok(Self {
            organization: Organization {
                id: OrganizationId::parse(&row.organization_id).map_err(unreadable("organizations.id"))?,
                name: PersonName::parse(&row.organization_name).map_err(unreadable("organizations.name"))?,
            },
            user_id: UserId::parse(&row.user_id).map_err(unreadable("caller_numbers.user_id"))?,
            contact: contact.map(Contact::try_from).transpose()?,
        })
    }
}

#[async_trait]
impl InboundDirectory for SqliteStore {
    /// The agent decides only where several organizations have the number, and one of them alone has the agent.
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        let (called, caller) = (query.called.as_e164(), query.caller.as_e164());
        let provider_agent_id = query.provider_agent_id.as_ref().map(|id| id.as_str());
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                PartiesRow,
                r#"with called as
                       (select organization_id, user_id,
                               exists (select 1 from agents
                                       where agents.organization_id = caller_numbers.organization_id
                                           and provider_agent_id = ?3) as has_agent
                        from caller_numbers where phone_number = ?1)
                   select organizations.id as organization_id, organizations.name as organization_name,
                          called.user_id, contacts.id as "contact_id?", contacts.first_name as "first_name?",
                          contacts.last_name as "last_name?", contacts.phone_number as "phone_number?"
                   from called
                   join organizations on organizations.id = called.organization_id
                   left join contacts
                       on contacts.organization_id = organizations.id and contacts.phone_number = ?2
                   where (select count(*) from called) = 1
                       or called.has_agent and (select sum(has_agent) from called) = 1"#,
                called,
                caller,
                provider_agent_id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(InboundParties::try_from).transpose()
        })
        .await
    }
}
