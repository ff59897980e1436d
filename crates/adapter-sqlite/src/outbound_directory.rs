use async_trait::async_trait;
use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient};
use domain::{AgentId, PhoneNumber};
use sql_common::{OutboundPartiesColumns, carriers_json};

use crate::SqliteStore;

#[async_trait]
impl OutboundDirectory for SqliteStore {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let (contact_id, number) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        self.read_row(sqlx::query_as!(
            OutboundPartiesColumns,
            r#"select users.id as user_id, users.full_name, organizations.id as organization_id,
                      organizations.name as organization_name, contacts.id as "contact_id?",
                      contacts.first_name as "first_name?", contacts.last_name as "last_name?",
                      contacts.phone_number as "contact_number?", agents.id as "agent_id?",
                      agents.name as "agent_name?", agents.voice_enabled as "voice_enabled?: bool",
                      agents.provider_agent_id as "provider_agent_id?", chosen.phone_number as "caller_number?",
                      chosen.carrier as "carrier?", chosen.ai_enabled as "ai_enabled?: bool",
                      chosen.on_trunk as "on_trunk?: bool", chosen.provider_number_id as "provider_number_id?",
                      own.phone_number is not null as "recipient_is_own_number!: bool",
                      iif(?7, (select group_concat(phone_number) from caller_numbers
                               where organization_id = users.organization_id), null)
                          as "organization_numbers: String"
               from users
               join organizations on organizations.id = users.organization_id
               left join contacts
                   on contacts.organization_id = users.organization_id
                   and contacts.id = coalesce(?2, (select id from contacts as called
                                                   where called.organization_id = users.organization_id
                                                       and called.phone_number = ?3))
               left join agents
                   on agents.organization_id = users.organization_id
                   and agents.id = coalesce(?4, (select id from agents as enabled
                                                 where enabled.organization_id = users.organization_id
                                                     and enabled.voice_enabled
                                                 order by enabled.provider_agent_id is null, enabled.seq limit 1))
               left join caller_numbers as chosen
                   on chosen.organization_id = users.organization_id
                   and chosen.phone_number =
                       (select phone_number from caller_numbers as offered
                        where offered.organization_id = users.organization_id and offered.user_id = users.id
                            and (?5 is null or offered.phone_number = ?5)
                        order by offered.ai_enabled desc,
                                 offered.carrier in (select value from json_each(?6)) desc,
                                 offered.position, offered.phone_number
                        limit 1)
               left join caller_numbers as own
                   on own.organization_id = users.organization_id
                   and own.phone_number = coalesce(?3, contacts.phone_number)
               where users.id = ?1"#,
            query.user_id.as_str(),
            contact_id,
            number,
            query.agent_id.map(AgentId::as_str),
            query.requested_number.map(PhoneNumber::as_e164),
            carriers_json(query.carriers),
            query.list_numbers
        ))
        .await
    }
}
