use async_trait::async_trait;
use domain::ports::{Directory, DirectoryImport, PortUnavailable, RecordRefusal, UpsertError};
use domain::{
    Agent, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, Organization, OrganizationId,
    PersonName, PhoneNumber, UserRecord,
};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteQueryResult;

use crate::SqliteStore;
use crate::connections::WriteTransaction;
use crate::failure::{STORAGE_LIMIT, unavailable, within};

#[async_trait]
impl Directory for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let transaction = self.connections.begin_books().await?;
            Ok(Box::new(Import { transaction }) as Box<dyn DirectoryImport>)
        })
        .await
    }
}

/// One write transaction: other writers wait until it ends, readers do not.
struct Import {
    transaction: WriteTransaction,
}

#[async_trait]
impl DirectoryImport for Import {
    /// A statement for each record, since the database is in the process: it says which one is refused, and why.
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
        for (index, record) in records.iter().enumerate() {
            let stored = match record {
                DirectoryRecord::Organization(record) => organization(&mut self.transaction, record).await,
                DirectoryRecord::User(record) => user(&mut self.transaction, record).await,
                DirectoryRecord::Agent(record) => agent(&mut self.transaction, record).await,
                DirectoryRecord::Number(record) => number(&mut self.transaction, record).await,
                DirectoryRecord::Contact(record) => contact(&mut self.transaction, record).await,
            };
            stored.map_err(|failure| match failure {
                Failure::Refused(refusal) => UpsertError::Refused { index, refusal },
                Failure::Unavailable(error) => UpsertError::Unavailable(error),
            })?;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable> {
        self.transaction.commit().await
    }
}

enum Failure {
    Refused(RecordRefusal),
    Unavailable(PortUnavailable),
}

/// An upsert by id that found the id in another organization writes no row.
fn same_tenant(written: &SqliteQueryResult) -> Result<(), Failure> {
    if written.rows_affected() == 0 { Err(Failure::Refused(RecordRefusal::OtherTenant)) } else { Ok(()) }
}

/// What a failed statement means, where a broken reference means `referenced`.
fn failure(error: sqlx::Error, referenced: RecordRefusal) -> Failure {
    if error.as_database_error().is_some_and(|error| error.is_foreign_key_violation()) {
        Failure::Refused(referenced)
    } else {
        Failure::Unavailable(unavailable(error))
    }
}

async fn organization(connection: &mut SqliteConnection, record: &Organization) -> Result<(), Failure> {
    let (id, name) = (record.id.as_str(), record.name.as_str());
    sqlx::query!(
        "insert into organizations (id, name) values (?, ?) on conflict (id) do update set name = excluded.name",
        id,
        name
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(|error| Failure::Unavailable(unavailable(error)))
}

async fn user(connection: &mut SqliteConnection, record: &UserRecord) -> Result<(), Failure> {
    let (id, organization_id) = (record.id.as_str(), record.organization_id.as_str());
    let full_name = record.full_name.as_str();
    let written = sqlx::query!(
        "insert into users (id, organization_id, full_name) values (?, ?, ?)
         on conflict (id) do update set full_name = excluded.full_name
             where users.organization_id = excluded.organization_id",
        id,
        organization_id,
        full_name
    )
    .execute(connection)
    .await
    .map_err(|error| failure(error, RecordRefusal::UnknownOrganization))?;
    same_tenant(&written)
}

async fn agent(connection: &mut SqliteConnection, record: &Agent) -> Result<(), Failure> {
    let (id, organization_id) = (record.id.as_str(), record.organization_id.as_str());
    let name = record.name.as_str();
    let provider_agent_id = record.provider_agent_id.as_ref().map(|id| id.as_str());
    let written = sqlx::query!(
        "insert into agents (id, organization_id, name, voice_enabled, provider_agent_id) values (?, ?, ?, ?, ?)
         on conflict (id) do update
             set name = excluded.name, voice_enabled = excluded.voice_enabled,
                 provider_agent_id = excluded.provider_agent_id
             where agents.organization_id = excluded.organization_id",
        id,
        organization_id,
        name,
        record.voice_enabled,
        provider_agent_id
    )
    .execute(connection)
    .await
    .map_err(|error| failure(error, RecordRefusal::UnknownOrganization))?;
    same_tenant(&written)
}

async fn number(connection: &mut SqliteConnection, record: &NumberRecord) -> Result<(), Failure> {
    let number = &record.number;
    let (organization_id, user_id) = (number.organization_id.as_str(), number.user_id.as_str());
    let (phone_number, carrier) = (number.phone_number.as_e164(), number.carrier.as_str());
    let provider_number_id = number.provider_number_id.as_ref().map(|id| id.as_str());
    let stored = sqlx::query!(
        "insert into caller_numbers (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk,
                                     provider_number_id, position)
         values (?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (organization_id, phone_number) do update
             set user_id = excluded.user_id, carrier = excluded.carrier, ai_enabled = excluded.ai_enabled,
                 on_trunk = excluded.on_trunk, provider_number_id = excluded.provider_number_id,
                 position = excluded.position",
        organization_id,
        phone_number,
        user_id,
        carrier,
        number.ai_enabled,
        number.on_trunk,
        provider_number_id,
        record.position
    )
    .execute(&mut *connection)
    .await;
    let Err(error) = stored else { return Ok(()) };
    match failure(error, RecordRefusal::UnknownUser) {
        Failure::Refused(_) if !is_stored(connection, &number.organization_id).await? => {
            Err(Failure::Refused(RecordRefusal::UnknownOrganization))
        }
        failure => Err(failure),
    }
}

async fn is_stored(
    connection: &mut SqliteConnection,
    organization: &OrganizationId,
) -> Result<bool, Failure> {
    let id = organization.as_str();
    sqlx::query_scalar!(r#"select exists (select 1 from organizations where id = ?) as "stored!: bool""#, id)
        .fetch_one(connection)
        .await
        .map_err(|error| Failure::Unavailable(unavailable(error)))
}

async fn contact(connection: &mut SqliteConnection, record: &ContactRecord) -> Result<(), Failure> {
    let organization_id = record.organization_id.as_str();
    let first_name = record.first_name.as_ref().map(PersonName::as_str);
    let last_name = record.last_name.as_ref().map(PersonName::as_str);
    let phone_number = record.phone_number.as_ref().map(PhoneNumber::as_e164);
    let written = match &record.identity {
        ContactIdentity::Known(id) => {
            let id = id.as_str();
            sqlx::query!(
                "insert into contacts (id, organization_id, first_name, last_name, phone_number)
                 values (?, ?, ?, ?, ?)
                 on conflict (id) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name,
                         phone_number = excluded.phone_number
                     where contacts.organization_id = excluded.organization_id",
                id,
                organization_id,
                first_name,
                last_name,
                phone_number
            )
            .execute(connection)
            .await
        }
        ContactIdentity::ByPhoneNumber { new_id } => {
            let new_id = new_id.as_str();
            sqlx::query!(
                "insert into contacts (id, organization_id, first_name, last_name, phone_number)
                 values (?, ?, ?, ?, ?)
                 on conflict (organization_id, phone_number) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name",
                new_id,
                organization_id,
                first_name,
                last_name,
                phone_number
            )
            .execute(connection)
            .await
        }
    };
    let known = matches!(record.identity, ContactIdentity::Known(_));
    let written = written.map_err(|error| {
        // Beside its id, which the statement takes care of, only the number of a known contact can clash.
        if known && error.as_database_error().is_some_and(|error| error.is_unique_violation()) {
            return Failure::Refused(RecordRefusal::PhoneNumberTaken);
        }
        failure(error, RecordRefusal::UnknownOrganization)
    })?;
    same_tenant(&written)
}
