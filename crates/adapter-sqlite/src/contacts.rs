use async_trait::async_trait;
use domain::ports::{ContactRepo, PortUnavailable};
use domain::{Contact, ContactId, OrganizationId, PersonName, PhoneNumber};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, unreadable, within};

pub(crate) struct ContactRow {
    pub(crate) id: String,
    pub(crate) organization_id: String,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) phone_number: Option<String>,
}

impl TryFrom<ContactRow> for Contact {
    type Error = PortUnavailable;

    fn try_from(row: ContactRow) -> Result<Self, PortUnavailable> {
        let name = |text: Option<String>| text.map(|text| PersonName::parse(&text)).transpose();
        Ok(Self {
            id: ContactId::parse(&row.id).map_err(unreadable("contacts.id"))?,
            organization_id: OrganizationId::parse(&row.organization_id)
                .map_err(unreadable("contacts.organization_id"))?,
            first_name: name(row.first_name).map_err(unreadable("contacts.first_name"))?,
            last_name: name(row.last_name).map_err(unreadable("contacts.last_name"))?,
            phone_number: row
                .phone_number
                .map(|number| PhoneNumber::parse(&number))
                .transpose()
                .map_err(unreadable("contacts.phone_number"))?,
        })
    }
}

#[async_trait]
impl ContactRepo for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        let (organization_id, id) = (organization_id.as_str(), id.as_str());
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let row = sqlx::query_as!(
                ContactRow,
                "select id, organization_id, first_name, last_name, phone_number
                 from contacts where organization_id = ? and id = ?",
                organization_id,
                id
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            row.map(Contact::try_from).transpose()
        })
        .await
    }

    /// Asks a reader first: most numbers are known, and a reader waits for nobody.
    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        let (organization_id, number) = (organization_id.as_str(), phone_number.as_e164());
        let new_id = new_id.as_str();
        within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let known = sqlx::query_as!(
                ContactRow,
                "select id, organization_id, first_name, last_name, phone_number
                 from contacts where organization_id = ? and phone_number = ?",
                organization_id,
                number
            )
            .fetch_optional(&mut *reader)
            .await
            .map_err(unavailable)?;
            // In memory, this connection is also the writer's.
            drop(reader);
            if let Some(row) = known {
                return row.try_into();
            }
            let mut transaction = self.connections.begin_books().await?;
            // Writing the number over itself makes the statement return the row of whoever was faster.
            let row = sqlx::query_as!(
                ContactRow,
                "insert into contacts (id, organization_id, phone_number) values (?, ?, ?)
                 on conflict (organization_id, phone_number) do update set phone_number = excluded.phone_number
                 returning id, organization_id, first_name, last_name, phone_number",
                new_id,
                organization_id,
                number
            )
            .fetch_one(&mut *transaction)
            .await
            .map_err(unavailable)?;
            transaction.commit().await?;
            row.try_into()
        })
        .await
    }
}
