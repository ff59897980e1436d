use async_trait::async_trait;
use domain::PhoneNumber;
use domain::ports::{CallerNumberChoice, CallerNumberQuery, NumberPool, PortUnavailable, Recipient};
use sql_common::{CallerNumberColumns, carriers_json};

use crate::SqliteStore;
use crate::failure::failed;

#[async_trait]
impl NumberPool for SqliteStore {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        let (contact_id, number) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        let choice = self.read_row(sqlx::query_as!(
            CallerNumberColumns,
            r#"select chosen.organization_id as "organization_id?", chosen.user_id as "user_id?",
                      chosen.phone_number as "phone_number?", chosen.carrier as "carrier?",
                      chosen.ai_enabled as "ai_enabled?: bool", chosen.on_trunk as "on_trunk?: bool",
                      chosen.provider_number_id as "provider_number_id?",
                      (select json_group_array(json_object('phone_number', phone_number, 'carrier', carrier,
                                                           'ai_enabled', json(iif(ai_enabled, 'true', 'false')),
                                                           'on_trunk', json(iif(on_trunk, 'true', 'false')),
                                                           'provider_number_id', provider_number_id))
                       from (select * from caller_numbers
                             where organization_id = ?1 and user_id = ?2 and ?3 is null
                             order by ai_enabled desc, carrier in (select value from json_each(?7)) desc, position,
                                      phone_number
                             limit 63 offset 1)) as "other_numbers?: String",
                      exists (
                          select 1 from caller_numbers
                          where organization_id = ?1 and phone_number = coalesce(
                              ?5, (select phone_number from contacts where organization_id = ?1 and id = ?4))
                      ) as "recipient_is_own_number!: bool",
                      iif(?6, (select group_concat(phone_number) from caller_numbers where organization_id = ?1), null)
                          as "organization_numbers: String"
               from (select 1)
               left join (
                   select * from caller_numbers
                   where organization_id = ?1 and user_id = ?2
                       and (?3 is null or phone_number = ?3)
                   order by ai_enabled desc, carrier in (select value from json_each(?7)) desc, position, phone_number
                   limit 1
               ) as chosen"#,
            query.organization_id.as_str(),
            query.user_id.as_str(),
            query.requested.map(PhoneNumber::as_e164),
            contact_id,
            number,
            query.list_numbers,
            carriers_json(query.carriers)
        ));
        choice.await?.ok_or_else(|| failed("a statement returned no row"))
    }
}
