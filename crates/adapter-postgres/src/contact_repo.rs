use async_trait::async_trait;
use domain::ports::{ContactRepo, PortUnavailable};
use domain::{Contact, ContactId, OrganizationId, PhoneNumber};
use sql_common::ContactColumns;

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, read};
use crate::store::ends_by;

#[async_trait]
impl ContactRepo for PostgresStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                ContactColumns,
                "select id, organization_id, first_name, last_name, phone_number \
                   from contacts where organization_id = $1 and id = $2",
                organization_id.as_str(),
                id.as_str()
            )
        })
        .await
    }

    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.read_row(|| {
            sqlx::query_as!(
                ContactColumns,
                "select id, organization_id, first_name, last_name, phone_number \
                   from contacts where organization_id = $1 and phone_number = $2",
                organization_id.as_str(),
                phone_number.as_e164()
            )
        })
        .await
    }

    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        // Looks before it inserts, so that a number that is known by now costs a read and no write.
        let found_or_created = self.row(Access::Write, || {
            sqlx::query_as!(
                ContactColumns,
                r#"with found as (
                       select id, organization_id, first_name, last_name, phone_number
                         from contacts where organization_id = $1 and phone_number = $2
                   ), created as (
                       insert into contacts (id, organization_id, phone_number)
                       select $3, $1, $2 where not exists (select from found)
                       on conflict on constraint contacts_organization_id_phone_number_key do nothing
                       returning id, organization_id, first_name, last_name, phone_number
                   )
                   select id as "id!", organization_id as "organization_id!", first_name, last_name, phone_number
                     from found
                   union all
                   select id, organization_id, first_name, last_name, phone_number from created"#,
                organization_id.as_str(),
                phone_number.as_e164(),
                new_id.as_str()
            )
        });
        ends_by(self.times().end_by, async {
            match found_or_created.await? {
                Some(row) => read(row),
                // A concurrent request created the contact after this statement looked and before it
                // inserted.
                None => {
                    let created_meanwhile = self.find_by_number(organization_id, phone_number).await?;
                    created_meanwhile.ok_or_else(|| because("a contact that was just created is absent"))
                }
            }
        })
        .await
    }
}
