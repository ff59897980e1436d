use domain::ports::{PortUnavailable, RetentionBatch};
use domain::{CallId, CallStatus, RecordingKey, RecordingReport, Timestamp};
use sql_common::OldRecordingColumns;

use crate::SqliteStore;
use crate::clock::now;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::execute;

// The SQL has this rank as a literal: the partial indexes are used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

impl SqliteStore {
    pub(super) async fn remove_transcripts(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |now| {
            sqlx::query!(
                "update calls
                 set conversation = json_remove(conversation, '$.transcript', '$.summary', '$.criteria', '$.collected'),
                     transcript_removed_at = ?1
                 where rowid in
                     (select rowid from calls
                      where status_rank >= 4
                          and (conversation ->> '$.transcript[0]' is not null or conversation ->> '$.summary' is not null)
                          and booked_at < ?2
                      order by booked_at limit ?3)",
                now.unix_millis(),
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    pub(super) async fn remove_decisions(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "update calls set decision = null
                 where rowid in
                     (select rowid from calls
                      where decision is not null and (status_rank >= 4 or given_up_at is not null)
                          and booked_at < ?1
                      order by booked_at limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    /// The oldest calls of each organization, by the index of its history. Foreign keys remove what belongs
    /// to them.
    pub(super) async fn remove_calls(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from calls where rowid in
                     (select calls.rowid from organizations cross join calls
                      where calls.organization_id = organizations.id and calls.booked_at < ?1
                          and (calls.status_rank >= 4 or calls.given_up_at is not null)
                          and calls.recording_key is null
                          and not exists (select 1 from dial_guards where dial_guards.call_id = calls.id)
                          and not exists
                              (select 1 from call_events as event
                               where event.call_id = calls.id
                                   and (event.position is null
                                        or exists (select 1 from webhook_deliveries as delivery
                                                   where delivery.position = event.written_order
                                                       and delivery.state = 'pending')))
                      limit ?2)",
                batch.before.unix_millis(),
                batch.limit
            )
        })
        .await
    }

    pub(super) async fn recordings_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable> {
        self.read_rows(sqlx::query_as!(
            OldRecordingColumns,
            r#"select id, recording_format as "recording_format!" from calls
               where recording_key is not null and booked_at < ?1
               order by booked_at limit ?2"#,
            before.unix_millis(),
            limit
        ))
        .await
    }

    /// A recording that is too large is not fetched again, and neither is one that was removed.
    pub(super) async fn forget(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable> {
        within(STORAGE_LIMIT, async {
            let mut transaction = self.connections.begin_unsynced().await?;
            for (call_id, key) in removed {
                let statement = sqlx::query!(
                    "update calls
                     set recording_key = null, recording_format = null, recording_size = null, recorded_at = null,
                         recording_report = ?1, recording_removed_at = ?2
                     where id = ?3 and recording_key = ?4",
                    RecordingReport::TooLarge.as_str(),
                    now().unix_millis(),
                    call_id.as_str(),
                    key.as_str()
                );
                execute(&mut transaction, statement).await?;
            }
            transaction.commit().await
        })
        .await
    }
}
