//! What is stored of one person. It is found with scans that take longer than the statements of a call may,
//! so that it is read and erased on a connection of its own.

mod erase;
mod export;

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Erasure, ErasureResult, Person, PersonalData, PersonalRecords, PortUnavailable};
use domain::{AudioFormat, CallId, PhoneNumber, RecordingKey};
use sql_common::{PersonScope, Table};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::PostgresStore;
use crate::failure::because;
use crate::statement::{Access, Failure};

/// The time limit for all of it, and in the server for one statement and for its wait for a lock.
const WITHIN: Duration = Duration::from_secs(900);
const SERVER_SETTINGS: [(&str, &str); 3] =
    [("statement_timeout", "600s"), ("lock_timeout", "30s"), ("idle_in_transaction_session_timeout", "60s")];

#[async_trait]
impl PersonalData for PostgresStore {
    async fn export(&self, person: &Person) -> Result<PersonalRecords, PortUnavailable> {
        let mut connection = self.connect_aside(&SERVER_SETTINGS).await?;
        within(export::export(&mut connection, person)).await
    }

    async fn erase(&self, erasure: &Erasure) -> Result<ErasureResult, PortUnavailable> {
        let mut connection = self.connect_aside(&SERVER_SETTINGS).await?;
        within(erase::erase(&mut connection, erasure)).await
    }

    async fn recordings_to_remove(&self, limit: u32) -> Result<Vec<RecordingKey>, PortUnavailable> {
        let left = self.rows(Access::Read, || {
            sqlx::query!(
                "select call_id, format from erased_recordings order by call_id, format limit $1",
                i64::from(limit)
            )
        });
        let key = |call_id: String, format: String| {
            let table = Table("erased_recordings");
            let call_id: CallId = table.read("call_id", call_id)?;
            let format: AudioFormat = table.read("format", format)?;
            Ok::<_, Failure>(RecordingKey::of(&call_id, format))
        };
        let left = left.await?.into_iter().map(|row| key(row.call_id, row.format));
        Ok(left.collect::<Result<_, Failure>>()?)
    }

    async fn note_removed_recording(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        let removed = self.row(Access::Write, || {
            sqlx::query!(
                "delete from erased_recordings where call_id || '.' || format = $1 returning call_id",
                key.as_str()
            )
        });
        removed.await.map(drop)
    }
}

async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, PortUnavailable> {
    match timeout(WITHIN, work).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(because("no response in time")),
    }
}

/// The contacts of a person, in the order of their ids.
async fn find_contacts(connection: &mut PgConnection, scope: &mut PersonScope) -> Result<(), Failure> {
    let contacts = sqlx::query!(
        "select id, phone_number from contacts
          where organization_id = $1 and (phone_number = $2 or id = $3) order by id",
        scope.organization_id,
        scope.number,
        scope.contact_id
    );
    for contact in contacts.fetch_all(connection).await? {
        scope.add_contact(contact.id, contact.phone_number);
    }
    Ok(())
}

/// The numbers of the calls to these contacts that no other contact has now.
async fn find_earlier_numbers(connection: &mut PgConnection, scope: &mut PersonScope) -> Result<(), Failure> {
    let numbers = sqlx::query!(
        "select distinct to_number from calls
          where organization_id = $1 and contact_id = any($2) and to_number <> $3
            and not exists (
                select from contacts as other
                 where other.organization_id = $1 and other.phone_number = calls.to_number
                   and other.id <> all($2))",
        scope.organization_id,
        &scope.contacts,
        PhoneNumber::ERASED
    );
    for row in numbers.fetch_all(connection).await? {
        scope.add_number(row.to_number);
    }
    Ok(())
}
