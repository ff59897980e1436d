//! What is stored of one person.

mod erase;
mod export;

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Erasure, ErasureResult, Person, PersonalData, PersonalRecords, PortUnavailable};
use domain::{AudioFormat, CallId, PhoneNumber, RecordingKey};
use sql_common::{PersonScope, Table};
use sqlx::{Acquire, SqliteConnection};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, failed, unavailable, unreadable, within};
use crate::number_hash::NumberHash;
use crate::statement::rows;

/// The time limit for all of it: calls and events are searched without an index.
const WITHIN: Duration = Duration::from_secs(900);
/// How often, and after which pauses, the log is emptied again while another connection reads from it.
const CHECKPOINT_ATTEMPTS: u32 = 50;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);

#[async_trait]
impl PersonalData for SqliteStore {
    async fn export(&self, person: &Person) -> Result<PersonalRecords, PortUnavailable> {
        within(WITHIN, async {
            let mut reader = self.connections.read().await?;
            let mut snapshot = reader.begin().await.map_err(unavailable)?;
            let scope = find_scope(&mut snapshot, person).await?;
            let hashes = self.number_hashes(&scope).await?;
            export::export(&mut snapshot, &scope, &hashes).await
        })
        .await
    }

    async fn erase(&self, erasure: &Erasure) -> Result<ErasureResult, PortUnavailable> {
        within(WITHIN, async {
            // Loads the key before the only connection of a database in memory is taken.
            self.number_hash_of("").await?;
            let mut transaction = self.connections.begin_synced().await?;
            let scope = find_scope(&mut transaction, &erasure.person).await?;
            let hashes = self.number_hashes(&scope).await?;
            let result = erase::erase(&mut transaction, &scope, &hashes, erasure).await?;
            if erasure.rehearse || matches!(result, ErasureResult::Blocked(_)) {
                // Dropped: rolled back.
                return Ok(result);
            }
            transaction.commit().await?;
            self.empty_log().await?;
            Ok(result)
        })
        .await
    }

    async fn recordings_to_remove(&self, limit: u32) -> Result<Vec<RecordingKey>, PortUnavailable> {
        let left = within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let left = sqlx::query!(
                "select call_id, format from erased_recordings order by call_id, format limit ?",
                limit
            );
            rows(&mut reader, left).await
        });
        let key = |call_id: String, format: String| {
            let table = Table("erased_recordings");
            let call_id: CallId = table.read("call_id", call_id).map_err(unreadable)?;
            let format: AudioFormat = table.read("format", format).map_err(unreadable)?;
            Ok(RecordingKey::of(&call_id, format))
        };
        left.await?.into_iter().map(|row| key(row.call_id, row.format)).collect()
    }

    async fn note_removed_recording(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        let key = key.as_str().to_owned();
        let removed = sqlx::query!("delete from erased_recordings where call_id || '.' || format = ?", key);
        self.write_synced(removed).await.map(drop)
    }
}

impl SqliteStore {
    /// The hash of each number of a person.
    async fn number_hashes(&self, scope: &PersonScope) -> Result<Vec<NumberHash>, PortUnavailable> {
        let mut hashes = Vec::new();
        for number in &scope.numbers {
            hashes.push(self.number_hash_of(number).await?);
        }
        Ok(hashes)
    }

    /// Writes the log into the file and empties it: it has the pages as they were before.
    async fn empty_log(&self) -> Result<(), PortUnavailable> {
        for _ in 0..CHECKPOINT_ATTEMPTS {
            let mut writer = self.connections.write_unsynced().await?;
            let emptied =
                sqlx::query_scalar::<_, i64>("pragma wal_checkpoint(truncate)").fetch_one(&mut *writer);
            let is_busy = emptied.await.map_err(unavailable)?;
            writer.end();
            if is_busy == 0 {
                return Ok(());
            }
            tokio::time::sleep(CHECKPOINT_PAUSE).await;
        }
        Err(failed(
            "erased, but a connection reads from the log, which still has the old pages: repeat the erasure",
        ))
    }
}

/// The contacts and the numbers of a person.
async fn find_scope(
    connection: &mut SqliteConnection,
    person: &Person,
) -> Result<PersonScope, PortUnavailable> {
    let mut scope = PersonScope::new(person);
    let contacts = sqlx::query!(
        "select id, phone_number from contacts
         where organization_id = ?1 and (phone_number = ?2 or id = ?3) order by id",
        scope.organization_id,
        scope.number,
        scope.contact_id
    );
    for contact in rows(connection, contacts).await? {
        scope.add_contact(contact.id, contact.phone_number);
    }
    // The numbers of the calls to these contacts that no other contact has now.
    let numbers = sqlx::query!(
        "select distinct to_number from calls
         where organization_id = ?1 and contact_id in (select value from json_each(?2)) and to_number <> ?3
             and not exists (select 1 from contacts as other
                             where other.organization_id = ?1 and other.phone_number = calls.to_number
                                 and other.id not in (select value from json_each(?2)))",
        scope.organization_id,
        json(&scope.contacts),
        PhoneNumber::ERASED
    );
    for row in rows(connection, numbers).await? {
        scope.add_number(row.to_number);
    }
    Ok(scope)
}

/// Texts as a JSON array, for `json_each`.
fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}
