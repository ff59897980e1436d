use async_trait::async_trait;
use domain::ports::{CallerNumberChoice, CallerNumberQuery, NumberPool, PortUnavailable, Recipient};
use domain::{CallerNumber, Carrier, OrganizationId, PhoneNumber, ProviderNumberId, UserId};

use crate::PostgresStore;
use crate::failure::because;
use crate::row::{read, read_optional};

/// One row, whether there is a caller number or not: then all of its columns are null.
struct AnswerRow {
    organization_id: Option<String>,
    user_id: Option<String>,
    phone_number: Option<String>,
    carrier: Option<String>,
    ai_enabled: Option<bool>,
    on_trunk: Option<bool>,
    provider_number_id: Option<String>,
    recipient_is_own_number: bool,
}

#[async_trait]
impl NumberPool for PostgresStore {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        let (contact_id, recipient) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        let row = self.repeatable(|| {
            sqlx::query_as!(
                AnswerRow,
                r#"select chosen.organization_id as "organization_id?", chosen.user_id as "user_id?",
                          chosen.phone_number as "phone_number?", chosen.carrier as "carrier?",
                          chosen.ai_enabled as "ai_enabled?", chosen.on_trunk as "on_trunk?",
                          chosen.provider_number_id as "provider_number_id?",
                          exists (
                              select from caller_numbers as own
                               where own.organization_id = $1
                                 and own.phone_number = coalesce(
                                         $5, (select contacts.phone_number from contacts
                                               where contacts.organization_id = $1 and contacts.id = $4))
                          ) as "recipient_is_own_number!"
                     from (select) as always
                     left join lateral (
                         select * from caller_numbers
                          where organization_id = $1 and user_id = $2
                            and case when $3::text is null then ai_enabled and carrier = 'sinch'
                                     else phone_number = $3 end
                          order by position, phone_number
                          limit 1
                     ) as chosen on true"#,
                query.organization_id.as_str(),
                query.user_id.as_str(),
                query.requested.map(PhoneNumber::as_e164),
                contact_id,
                recipient
            )
        });
        let row = row.await?.ok_or_else(|| because("a statement gave no row"))?;
        let recipient_is_own_number = row.recipient_is_own_number;
        Ok(CallerNumberChoice { caller: caller(row)?, recipient_is_own_number })
    }
}

fn caller(row: AnswerRow) -> Result<Option<CallerNumber>, PortUnavailable> {
    let AnswerRow {
        organization_id: Some(organization_id),
        user_id: Some(user_id),
        phone_number: Some(phone_number),
        carrier: Some(carrier),
        ai_enabled: Some(ai_enabled),
        on_trunk: Some(on_trunk),
        provider_number_id,
        ..
    } = row
    else {
        return Ok(None);
    };
    Ok(Some(CallerNumber {
        organization_id: read("caller_numbers.organization_id", &organization_id, OrganizationId::parse)?,
        user_id: read("caller_numbers.user_id", &user_id, UserId::parse)?,
        phone_number: read("caller_numbers.phone_number", &phone_number, PhoneNumber::parse)?,
        carrier: read("caller_numbers.carrier", &carrier, Carrier::parse)?,
        ai_enabled,
        on_trunk,
        provider_number_id: read_optional(
            "caller_numbers.provider_number_id",
            provider_number_id.as_deref(),
            ProviderNumberId::parse,
        )?,
    }))
}
