use async_trait::async_trait;
use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient};
use domain::{AgentId, Carrier, PhoneNumber};
use sql_common::OutboundPartiesColumns;

use crate::PostgresStore;

/// The statement, with this expression for the numbers of the organization.
///
/// Each join finds at most one row, by a unique index or a limit, and the planner can see that. Only
/// then does it expect the same cost from a plan for any parameters as from one for these, and keeps
/// the former: planning takes longer than running. For the same reason, whether the numbers are
/// listed is not a parameter.
macro_rules! parties {
    ($organization_numbers:tt, $query:expr) => {{
        let (contact_id, number) = match $query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        let carriers: Vec<_> = $query.carriers.iter().map(Carrier::as_str).collect();
        sqlx::query_as!(
            OutboundPartiesColumns,
            r#"select users.id as user_id, users.full_name, organizations.id as organization_id,
                      organizations.name as organization_name,
                      coalesce(by_id.id, by_number.id) as contact_id,
                      coalesce(by_id.first_name, by_number.first_name) as first_name,
                      coalesce(by_id.last_name, by_number.last_name) as last_name,
                      coalesce(by_id.phone_number, by_number.phone_number) as contact_number,
                      coalesce(named.id, fallback.id) as agent_id,
                      coalesce(named.name, fallback.name) as agent_name,
                      coalesce(named.voice_enabled, fallback.voice_enabled) as voice_enabled,
                      coalesce(named.provider_agent_id, fallback.provider_agent_id) as provider_agent_id,
                      chosen.phone_number as "caller_number?", chosen.carrier as "carrier?",
                      chosen.ai_enabled as "ai_enabled?", chosen.on_trunk as "on_trunk?",
                      chosen.provider_number_id as "provider_number_id?",
                      own.phone_number is not null as "recipient_is_own_number!","#
                + $organization_numbers
                + r#" as organization_numbers
                 from users
                 join organizations on organizations.id = users.organization_id
                 left join contacts as by_id
                        on by_id.organization_id = users.organization_id and by_id.id = $2
                 left join contacts as by_number
                        on by_number.organization_id = users.organization_id and by_number.phone_number = $3
                 left join agents as named
                        on named.organization_id = users.organization_id and named.id = $4
                 left join lateral (
                     select * from agents
                      where $4::text is null and organization_id = users.organization_id and voice_enabled
                      order by provider_agent_id is null, seq
                      limit 1
                 ) as fallback on true
                 left join lateral (
                     select * from caller_numbers
                      where organization_id = users.organization_id and user_id = users.id
                        and ($5::text is null or phone_number = $5)
                      order by ai_enabled desc, carrier = any($6) desc, position, phone_number
                      limit 1
                 ) as chosen on true
                 left join caller_numbers as own
                        on own.organization_id = users.organization_id
                       and own.phone_number = coalesce($3, by_id.phone_number)
                where users.id = $1"#,
            $query.user_id.as_str(),
            contact_id,
            number,
            $query.agent_id.map(AgentId::as_str),
            $query.requested_number.map(PhoneNumber::as_e164),
            &carriers as _
        )
    }};
}

#[async_trait]
impl OutboundDirectory for PostgresStore {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        if query.list_numbers {
            self.read_row(|| {
                parties!(
                    "(select string_agg(phone_number, ',') from caller_numbers
                       where organization_id = users.organization_id)",
                    query
                )
            })
            .await
        } else {
            self.read_row(|| parties!("null::text", query)).await
        }
    }
}
