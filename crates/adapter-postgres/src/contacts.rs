use async_trait::async_trait;
use domain::ports::{ContactRepo, PortUnavailable};
use domain::{Contact, ContactId, OrganizationId, PersonName, PhoneNumber};

use crate::PostgresStore;
use crate::failure::because;
use crate::row::{read, read_optional};

struct ContactRow {
    id: String,
    organization_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
}

#[async_trait]
impl ContactRepo for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        let row = self.repeatable(|| {
            sqlx::query_as!(
                ContactRow,
                "select id, organization_id, first_name, last_name, phone_number \
                   from contacts where organization_id = $1 and id = $2",
                organization_id.as_str(),
                id.as_str()
            )
        });
        row.await?.map(Contact::try_from).transpose()
    }

    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        // Looks before it inserts, so that a known number costs a read and no write.
        let found_or_made = self.repeatable(|| {
            sqlx::query_as!(
                ContactRow,
                r#"with found as (
                       select id, organization_id, first_name, last_name, phone_number
                         from contacts where organization_id = $1 and phone_number = $2
                   ), made as (
                       insert into contacts (id, organization_id, phone_number)
                       select $3, $1, $2 where not exists (select from found)
                       on conflict on constraint contacts_organization_id_phone_number_key do nothing
                       returning id, organization_id, first_name, last_name, phone_number
                   )
                   select id as "id!", organization_id as "organization_id!", first_name, last_name, phone_number
                     from found
                   union all
                   select id, organization_id, first_name, last_name, phone_number from made"#,
                organization_id.as_str(),
                phone_number.as_e164(),
                new_id.as_str()
            )
        });
        // A concurrent request may have made the contact after this statement looked and before it inserted.
        let made_meanwhile = || {
            self.repeatable(|| {
                sqlx::query_as!(
                    ContactRow,
                    "select id, organization_id, first_name, last_name, phone_number \
                       from contacts where organization_id = $1 and phone_number = $2",
                    organization_id.as_str(),
                    phone_number.as_e164()
                )
            })
        };
        self.bounded(async {
            let row = match found_or_made.await? {
                Some(row) => row,
                None => made_meanwhile()
                    .await?
                    .ok_or_else(|| because("a contact vanished while it was looked up"))?,
            };
            Contact::try_from(row)
        })
        .await
    }
}

impl TryFrom<ContactRow> for Contact {
    type Error = PortUnavailable;

    fn try_from(row: ContactRow) -> Result<Self, PortUnavailable> {
        Ok(Self {
            id: read("contacts.id", &row.id, ContactId::parse)?,
            organization_id: read("contacts.organization_id", &row.organization_id, OrganizationId::parse)?,
            first_name: read_optional("contacts.first_name", row.first_name.as_deref(), PersonName::parse)?,
            last_name: read_optional("contacts.last_name", row.last_name.as_deref(), PersonName::parse)?,
            phone_number: read_optional(
                "contacts.phone_number",
                row.phone_number.as_deref(),
                PhoneNumber::parse,
            )?,
        })
    }
}
