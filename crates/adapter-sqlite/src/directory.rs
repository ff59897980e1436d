use async_trait::async_trait;
use domain::ports::{Directory, DirectoryImport, PortUnavailable, RecordRefusal, UpsertError};
use domain::{
    Agent, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, Organization, OrganizationId,
    PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId, UserRecord,
};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::connections::writer::WriteTransaction;
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::statement::Write;

#[async_trait]
impl Directory for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let transaction = self.connections.begin_synced().await?;
            Ok(Box::new(Import { transaction }) as Box<dyn DirectoryImport>)
        })
        .await
    }
}

/// One write transaction. Other writers wait until it ends; readers do not.
struct Import {
    transaction: WriteTransaction,
}

#[async_trait]
impl DirectoryImport for Import {
    /// One statement for each record, so that the refused one is known. The database is in the
    /// process, so that this is cheap.
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

/// Runs an upsert. One that finds its id in another organization writes no row. `broken` is the
/// meaning of a broken reference, and `taken` that of a conflict that the statement does not
/// resolve.
async fn upsert(
    connection: &mut SqliteConnection,
    statement: Write<'_>,
    broken: RecordRefusal,
    taken: Option<RecordRefusal>,
) -> Result<(), Failure> {
    let error = match statement.execute(connection).await {
        Ok(written) if written.rows_affected() == 0 => {
            return Err(Failure::Refused(RecordRefusal::OtherTenant));
        }
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let cause = error.as_database_error();
    let refusal = match cause {
        Some(cause) if cause.is_foreign_key_violation() => Some(broken),
        Some(cause) if cause.is_unique_violation() => taken,
        _ => None,
    };
    Err(refusal.map_or_else(|| Failure::Unavailable(unavailable(error)), Failure::Refused))
}

async fn organization(connection: &mut SqliteConnection, record: &Organization) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into organizations (id, name) values (?, ?) on conflict (id) do update set name = excluded.name",
        record.id.as_str(),
        record.name.as_str()
    );
    upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await
}

async fn user(connection: &mut SqliteConnection, record: &UserRecord) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into users (id, organization_id, full_name) values (?, ?, ?)
         on conflict (id) do update set full_name = excluded.full_name
             where users.organization_id = excluded.organization_id",
        record.id.as_str(),
        record.organization_id.as_str(),
        record.full_name.as_str()
    );
    upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await
}

async fn agent(connection: &mut SqliteConnection, record: &Agent) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into agents (id, organization_id, name, voice_enabled, provider_agent_id) values (?, ?, ?, ?, ?)
         on conflict (id) do update
             set name = excluded.name, voice_enabled = excluded.voice_enabled,
                 provider_agent_id = excluded.provider_agent_id
             where agents.organization_id = excluded.organization_id",
        record.id.as_str(),
        record.organization_id.as_str(),
        record.name.as_str(),
        record.voice_enabled,
        record.provider_agent_id.as_ref().map(ProviderAgentId::as_str)
    );
    upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await
}

async fn number(connection: &mut SqliteConnection, record: &NumberRecord) -> Result<(), Failure> {
    let number = &record.number;
    let stored = sqlx::query!(
        "insert into caller_numbers (organization_id, phone_number, user_id, carrier, ai_enabled, on_trunk,
                                     provider_number_id, position)
         values (?, ?, ?, ?, ?, ?, ?, ?)
         on conflict (organization_id, phone_number) do update
             set user_id = excluded.user_id, carrier = excluded.carrier, ai_enabled = excluded.ai_enabled,
                 on_trunk = excluded.on_trunk, provider_number_id = excluded.provider_number_id,
                 position = excluded.position",
        number.organization_id.as_str(),
        number.phone_number.as_e164(),
        number.user_id.as_str(),
        number.carrier.as_str(),
        number.ai_enabled,
        number.on_trunk,
        number.provider_number_id.as_ref().map(ProviderNumberId::as_str),
        record.position
    );
    match upsert(&mut *connection, stored, RecordRefusal::UnknownUser, None).await {
        Err(Failure::Refused(_)) if !is_stored(connection, &number.organization_id).await? => {
            Err(Failure::Refused(RecordRefusal::UnknownOrganization))
        }
        stored => stored,
    }
}

async fn is_stored(connection: &mut SqliteConnection, id: &OrganizationId) -> Result<bool, Failure> {
    let is_stored = sqlx::query_scalar!(
        r#"select exists (select 1 from organizations where id = ?) as "stored!: bool""#,
        id.as_str()
    );
    is_stored.fetch_one(connection).await.map_err(|error| Failure::Unavailable(unavailable(error)))
}

async fn contact(connection: &mut SqliteConnection, record: &ContactRecord) -> Result<(), Failure> {
    /// The id, and what to do on a conflict.
    macro_rules! store {
        ($id:expr, $on_conflict:tt) => {
            sqlx::query!(
                "insert into contacts (id, organization_id, first_name, last_name, phone_number)
                 values (?, ?, ?, ?, ?)
                 on conflict "
                    + $on_conflict,
                $id.as_str(),
                record.organization_id.as_str(),
                record.first_name.as_ref().map(PersonName::as_str),
                record.last_name.as_ref().map(PersonName::as_str),
                record.phone_number.as_ref().map(PhoneNumber::as_e164)
            )
        };
    }
    let (stored, taken) = match &record.identity {
        ContactIdentity::Known(id) => {
            let stored = store!(
                id,
                "(id) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name,
                         phone_number = excluded.phone_number
                     where contacts.organization_id = excluded.organization_id"
            );
            (stored, Some(RecordRefusal::PhoneNumberTaken))
        }
        ContactIdentity::ByPhoneNumber { new_id } => {
            let stored = store!(
                new_id,
                "(organization_id, phone_number) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name"
            );
            (stored, None)
        }
    };
    upsert(connection, stored, RecordRefusal::UnknownOrganization, taken).await
}
