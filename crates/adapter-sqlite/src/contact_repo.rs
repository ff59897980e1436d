use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{ContactRepo, PortUnavailable};
use domain::{Contact, ContactId, OrganizationId, PhoneNumber};
use sql_common::ContactColumns;
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::statement::read;

#[async_trait]
impl ContactRepo for SqliteStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            ContactColumns,
            "select id, organization_id, first_name, last_name, phone_number
             from contacts where organization_id = ? and id = ?",
            organization_id.as_str(),
            id.as_str()
        ))
        .await
    }

    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.read_row(sqlx::query_as!(
            ContactColumns,
            "select id, organization_id, first_name, last_name, phone_number
             from contacts where organization_id = ? and phone_number = ?",
            organization_id.as_str(),
            phone_number.as_e164()
        ))
        .await
    }

    /// Looks on a reader first: a concurrent request may have created the contact by now, and a
    /// reader never waits for the writer.
    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            if let Some(known) = self.find_by_number(organization_id, phone_number).await? {
                return Ok(known);
            }
            let owned = Arc::new((organization_id.clone(), phone_number.clone(), new_id.clone()));
            let create = self.connections.write_synced(move |writer| {
                let owned = Arc::clone(&owned);
                Box::pin(async move { create(writer, &owned.0, &owned.1, &owned.2).await })
            });
            create.await.and_then(read)
        })
        .await
    }
}

/// Returns the contact of this number, which is the row of another request if that was faster: to
/// replace the number by itself makes the statement return it.
async fn create(
    connection: &mut SqliteConnection,
    organization_id: &OrganizationId,
    phone_number: &PhoneNumber,
    new_id: &ContactId,
) -> Result<ContactColumns, PortUnavailable> {
    let created = sqlx::query_as!(
        ContactColumns,
        "insert into contacts (id, organization_id, phone_number) values (?, ?, ?)
         on conflict (organization_id, phone_number) do update set phone_number = excluded.phone_number
         returning id, organization_id, first_name, last_name, phone_number",
        new_id.as_str(),
        organization_id.as_str(),
        phone_number.as_e164()
    );
    created.fetch_one(connection).await.map_err(unavailable)
}
