use async_trait::async_trait;
use domain::ports::{CallerNumberChoice, CallerNumberQuery, NumberPool, PortUnavailable, Recipient};
use domain::{CallerNumber, Carrier, OrganizationId, PhoneNumber, ProviderNumberId, UserId};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};

struct NumberRow {
    organization_id: String,
    user_id: String,
    phone_number: String,
    carrier: String,
    ai_enabled: bool,
    on_trunk: bool,
    provider_number_id: Option<String>,
}

impl TryFrom<NumberRow> for CallerNumber {
    type Error = PortUnavailable;

    fn try_from(row: NumberRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            organization_id: OrganizationId::parse(&row.organization_id)
                .map_err(unreadable("caller_numbers.organization_id"))?,
            user_id: UserId::parse(&row.user_id).map_err(unreadable("caller_numbers.user_id"))?,
            phone_number: PhoneNumber::parse(&row.phone_number)
                .map_err(unreadable("caller_numbers.phone_number"))?,
            carrier: Carrier::parse(&row.carrier).map_err(unreadable("caller_numbers.carrier"))?,
            ai_enabled: row.ai_enabled,
            on_trunk: row.on_trunk,
            provider_number_id: row
                .provider_number_id
                .map(|id| ProviderNumberId::parse(&id))
                .transpose()
                .map_err(unreadable("caller_numbers.provider_number_id"))?,
        })
    }
}

#[async_trait]
impl NumberPool for SqliteStore {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        let organization_id = query.organization_id.as_str();
        let user_id = query.user_id.as_str();
        let requested = query.requested.map(PhoneNumber::as_e164);
        let (contact_id, number) = match query.recipient {
            Recipient::Contact(id) => (Some(id.as_str()), None),
            Recipient::Number(number) => (None, Some(number.as_e164())),
        };
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                NumberRow,
                r#"select organization_id, user_id, phone_number, carrier, ai_enabled as "ai_enabled: bool",
                          on_trunk as "on_trunk: bool", provider_number_id
                   from caller_numbers
                   where organization_id = ?1 and user_id = ?2
                       and case when ?3 is null then ai_enabled and carrier = 'sinch' else phone_number = ?3 end
                   order by position, phone_number limit 1"#,
                organization_id,
                user_id,
                requested
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            let recipient_is_own_number = sqlx::query_scalar!(
                r#"select exists (
                       select 1 from caller_numbers
                       where organization_id = ?1 and phone_number = coalesce(
                           ?2, (select phone_number from contacts where organization_id = ?1 and id = ?3))
                   ) as "own!: bool""#,
                organization_id,
                number,
                contact_id
            )
            .fetch_one(&mut *reader)
            .await
            .map_err(unavailable)?;
            Ok(CallerNumberChoice { caller: row.map(CallerNumber::try_from).transpose()?, recipient_is_own_number })
        })
        .await
    }
}
