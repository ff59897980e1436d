mod callee_records;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{
    Directory, DirectoryImport, PortUnavailable, RecordRefusal, StoredIdentity, UpsertError,
};
use domain::{
    AccessRole, Agent, ContactIdentity, ContactRecord, DirectoryRecord, NumberRecord, Organization,
    OrganizationId, PersonName, PhoneNumber, PolicyRecord, ProviderAgentId, ProviderNumberId, Region,
    UserRecord, ZoneName,
};
use sql_common::{NamedColumns, StoredIdentityColumns};
use sqlx::SqliteConnection;
use tokio::time::sleep;

use crate::SqliteStore;
use crate::calling_policies;
use crate::clock::now;
use crate::connections::writer::{LastWrite, WriteTransaction};
use crate::failure::{STORAGE_LIMIT, unavailable, within};
use crate::statement::Write;

/// The least time between two imports. A writer in another process does not queue: SQLite lets it
/// sleep, for at most 100 ms, and try again. Without a pause it could miss every gap between the
/// imports of a large file, until its own time limit.
const PAUSE: Duration = Duration::from_millis(120);

#[async_trait]
impl Directory for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        let last_import = self.connections.last_import.clone();
        if let Some(elapsed) = last_import.elapsed() {
            sleep(PAUSE.saturating_sub(elapsed)).await;
        }
        within(STORAGE_LIMIT, async {
            let transaction = self.connections.begin_synced().await?;
            Ok(Box::new(Import { transaction, last_import }) as Box<dyn DirectoryImport>)
        })
        .await
    }

    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable> {
        let named = NamedColumns::of(records).into_json();
        // Without an organization in the predicate of an id: the answer is whose id it is.
        self.read_rows(sqlx::query_as!(
            StoredIdentityColumns,
            r#"select 'organizations' as "kind!: String", id as "id!", id as "organization_id!",
                      null as "phone_number?: String", null as "dated?: String"
               from organizations where id in (select value from json_each(?1))
               union all
               select 'users', id, organization_id, null, null from users where id in (select value from json_each(?2))
               union all
               select 'agents', id, organization_id, null, null from agents where id in (select value from json_each(?3))
               union all
               select 'do_not_call_lists', name, organization_id, null, dated
               from json_each(?6) as named
               join do_not_call_lists on organization_id = named.value ->> 0 and name = named.value ->> 1
               union all
               select * from
                   (select 'contacts', id, organization_id, phone_number, null from contacts
                    where id in (select value from json_each(?4))
                    union
                    select 'contacts', contacts.id, organization_id, phone_number, null
                    from json_each(?5) as named
                    join contacts on organization_id = named.value ->> 0 and phone_number = named.value ->> 1)"#,
            named.organizations,
            named.users,
            named.agents,
            named.contacts,
            named.numbers,
            named.lists
        ))
        .await
    }
}

/// One write transaction. Other writers wait until it ends; readers do not.
struct Import {
    transaction: WriteTransaction,
    last_import: LastWrite,
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
                DirectoryRecord::CallingPolicy(record) => policy(&mut self.transaction, record).await,
                DirectoryRecord::Suppression(record) => {
                    callee_records::suppression(&mut self.transaction, record).await
                }
                DirectoryRecord::Consent(record) => {
                    callee_records::consent(&mut self.transaction, record).await
                }
                DirectoryRecord::DoNotCallNumber(record) => {
                    callee_records::do_not_call_number(&mut self.transaction, record).await
                }
                DirectoryRecord::DoNotCallCopy(record) => {
                    callee_records::do_not_call_copy(&mut self.transaction, record).await
                }
            };
            stored.map_err(|failure| match failure {
                Failure::Refused(refusal) => UpsertError::Refused { index, refusal },
                Failure::Unavailable(error) => UpsertError::Unavailable(error),
            })?;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable> {
        self.transaction.commit().await?;
        self.last_import.note(Instant::now());
        Ok(())
    }
}

enum Failure {
    Refused(RecordRefusal),
    Unavailable(PortUnavailable),
}

/// Runs an upsert. Returns whether it wrote the record: it does not write one that would not change,
/// or whose id is in another organization. `broken` is the meaning of a broken reference, and
/// `taken` that of a conflict that the statement does not resolve.
async fn upsert(
    connection: &mut SqliteConnection,
    statement: Write<'_>,
    broken: RecordRefusal,
    taken: Option<RecordRefusal>,
) -> Result<bool, Failure> {
    let stored = statement.execute(connection).await;
    Ok(refused(stored, broken, taken)?.rows_affected() > 0)
}

fn refused<T>(
    stored: Result<T, sqlx::Error>,
    broken: RecordRefusal,
    taken: Option<RecordRefusal>,
) -> Result<T, Failure> {
    let error = match stored {
        Ok(stored) => return Ok(stored),
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

/// Whether the record of a table with this id belongs to this organization.
macro_rules! belongs_to {
    ($connection:expr, $table:tt, $id:expr, $organization_id:expr) => {{
        let belongs = sqlx::query_scalar!(
            "select exists (select 1 from "
                + $table
                + r#" where id = ? and organization_id = ?) as "belongs!: bool""#,
            $id.as_str(),
            $organization_id.as_str()
        );
        belongs.fetch_one($connection).await.map_err(|error| Failure::Unavailable(unavailable(error)))?
    }};
}

fn require(is_own: bool) -> Result<(), Failure> {
    if is_own { Ok(()) } else { Err(Failure::Refused(RecordRefusal::OtherTenant)) }
}

async fn organization(connection: &mut SqliteConnection, record: &Organization) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into organizations (id, name) values (?, ?)
         on conflict (id) do update set name = excluded.name where organizations.name <> excluded.name",
        record.id.as_str(),
        record.name.as_str()
    );
    upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await.map(|_| ())
}

async fn user(connection: &mut SqliteConnection, record: &UserRecord) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into users (id, organization_id, full_name, access_role) values (?, ?, ?, ?)
         on conflict (id) do update set full_name = excluded.full_name, access_role = excluded.access_role
             where users.organization_id = excluded.organization_id
                 and (users.full_name, users.access_role) is not (excluded.full_name, excluded.access_role)",
        record.id.as_str(),
        record.organization_id.as_str(),
        record.full_name.as_str(),
        record.access_role.as_ref().map(AccessRole::as_str)
    );
    let is_written = upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await?;
    require(is_written || belongs_to!(connection, "users", record.id, record.organization_id))
}

async fn agent(connection: &mut SqliteConnection, record: &Agent) -> Result<(), Failure> {
    let stored = sqlx::query!(
        "insert into agents (id, organization_id, name, voice_enabled, provider_agent_id) values (?, ?, ?, ?, ?)
         on conflict (id) do update
             set name = excluded.name, voice_enabled = excluded.voice_enabled,
                 provider_agent_id = excluded.provider_agent_id
             where agents.organization_id = excluded.organization_id
                 and (agents.name, agents.voice_enabled, agents.provider_agent_id)
                     is not (excluded.name, excluded.voice_enabled, excluded.provider_agent_id)",
        record.id.as_str(),
        record.organization_id.as_str(),
        record.name.as_str(),
        record.voice_enabled,
        record.provider_agent_id.as_ref().map(ProviderAgentId::as_str)
    );
    let is_written = upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await?;
    require(is_written || belongs_to!(connection, "agents", record.id, record.organization_id))
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
                 position = excluded.position
             where (caller_numbers.user_id, caller_numbers.carrier, caller_numbers.ai_enabled,
                    caller_numbers.on_trunk, caller_numbers.provider_number_id, caller_numbers.position)
                 is not (excluded.user_id, excluded.carrier, excluded.ai_enabled,
                         excluded.on_trunk, excluded.provider_number_id, excluded.position)",
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
        stored => stored.map(|_| ()),
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
                "insert into contacts (id, organization_id, first_name, last_name, phone_number, time_zone, region)
                 values (?, ?, ?, ?, ?, ?, ?)
                 on conflict "
                    + $on_conflict,
                $id.as_str(),
                record.organization_id.as_str(),
                record.first_name.as_ref().map(PersonName::as_str),
                record.last_name.as_ref().map(PersonName::as_str),
                record.phone_number.as_ref().map(PhoneNumber::as_e164),
                record.place.zone.as_ref().map(ZoneName::as_str),
                record.place.region.as_ref().map(Region::as_str)
            )
        };
    }
    match &record.identity {
        ContactIdentity::Known(id) => {
            let stored = store!(
                id,
                "(id) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name,
                         phone_number = excluded.phone_number, time_zone = excluded.time_zone,
                         region = excluded.region
                     where contacts.organization_id = excluded.organization_id
                         and (contacts.first_name, contacts.last_name, contacts.phone_number,
                              contacts.time_zone, contacts.region)
                             is not (excluded.first_name, excluded.last_name, excluded.phone_number,
                                     excluded.time_zone, excluded.region)"
            );
            let taken = Some(RecordRefusal::PhoneNumberTaken);
            let is_written = upsert(connection, stored, RecordRefusal::UnknownOrganization, taken).await?;
            require(is_written || belongs_to!(connection, "contacts", id, record.organization_id))
        }
        ContactIdentity::ByPhoneNumber { new_id } => {
            let stored = store!(
                new_id,
                "(organization_id, phone_number) do update
                     set first_name = excluded.first_name, last_name = excluded.last_name,
                         time_zone = excluded.time_zone, region = excluded.region
                     where (contacts.first_name, contacts.last_name, contacts.time_zone, contacts.region)
                         is not (excluded.first_name, excluded.last_name, excluded.time_zone, excluded.region)"
            );
            upsert(connection, stored, RecordRefusal::UnknownOrganization, None).await.map(|_| ())
        }
    }
}

async fn policy(connection: &mut SqliteConnection, record: &PolicyRecord) -> Result<(), Failure> {
    let replaced = calling_policies::replace(connection, record, now()).await;
    refused(replaced, RecordRefusal::UnknownOrganization, None)
}
