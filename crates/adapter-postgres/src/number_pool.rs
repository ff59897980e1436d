use async_trait::async_trait;
use domain::ports::{CallerNumberChoice, CallerNumberQuery, NumberPool, PortUnavailable, Recipient};
use domain::{Carrier, PhoneNumber};
use sql_common::CallerNumberColumns;

use crate::PostgresStore;
use crate::statement::{Access, read};

#[async_trait]
impl NumberPool for PostgresStore {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        let (contact_id, recipient) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        let carriers: Vec<_> = query.carriers.iter().map(Carrier::as_str).collect();
        let row = self.only_row(Access::Read, || {
            sqlx::query_as!(
                CallerNumberColumns,
                r#"select chosen.organization_id as "organization_id?", chosen.user_id as "user_id?",
                          chosen.phone_number as "phone_number?", chosen.carrier as "carrier?",
                          chosen.ai_enabled as "ai_enabled?", chosen.on_trunk as "on_trunk?",
                          chosen.provider_number_id as "provider_number_id?",
                          (select json_agg(json_build_object('phone_number', phone_number, 'carrier', carrier,
                                                         'ai_enabled', ai_enabled, 'on_trunk', on_trunk,
                                                         'provider_number_id', provider_number_id)
                                       order by place)::text
                         from (select *, row_number() over (order by ai_enabled desc, carrier = any($7) desc,
                                                                     position, phone_number) as place
                                 from caller_numbers
                                where organization_id = $1 and user_id = $2 and $3::text is null
                                order by place
                                limit 64) as offered
                        where place > 1) as other_numbers,
                          exists (
                              select from caller_numbers as own
                               where own.organization_id = $1
                                 and own.phone_number = coalesce(
                                         $5, (select contacts.phone_number from contacts
                                               where contacts.organization_id = $1 and contacts.id = $4))
                          ) as "recipient_is_own_number!",
                          case when $6::boolean then
                              (select string_agg(phone_number, ',') from caller_numbers where organization_id = $1)
                          end as organization_numbers
                     from (select) as always
                     left join lateral (
                         select * from caller_numbers
                          where organization_id = $1 and user_id = $2
                            and ($3::text is null or phone_number = $3)
                          order by ai_enabled desc, carrier = any($7) desc, position, phone_number
                          limit 1
                     ) as chosen on true"#,
                query.organization_id.as_str(),
                query.user_id.as_str(),
                query.requested.map(PhoneNumber::as_e164),
                contact_id,
                recipient,
                query.list_numbers,
                &carriers as _
            )
        });
        read(row.await?)
    }
}
