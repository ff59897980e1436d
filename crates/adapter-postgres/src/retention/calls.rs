use domain::ports::{PortUnavailable, RetentionBatch};
use domain::{CallId, CallStatus, RecordingKey, RecordingReport, Timestamp};
use sql_common::OldRecordingColumns;

use super::Count;
use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

// The SQL has this rank as a literal: the partial indexes are used only if the statement has it too. A call
// has ended with this status or a greater one.
const _: () = assert!(CallStatus::Failed.rank() == 4);

impl PostgresStore {
    pub(super) async fn remove_transcripts(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select id from calls
                        where status_rank >= 4
                          and (conversation #> '{transcript,0}' is not null or conversation ->> 'summary' is not null)
                          and booked_at < $1
                        order by booked_at limit $2 for no key update skip locked
                   ), removed as (
                       update calls
                          set conversation = conversation - '{transcript,summary,criteria,collected}'::text[],
                              transcript_removed_at = clock_timestamp()
                         from old where calls.id = old.id
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    pub(super) async fn remove_decisions(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select id from calls
                        where decision is not null and (status_rank >= 4 or given_up_at is not null)
                          and booked_at < $1
                        order by booked_at limit $2 for no key update skip locked
                   ), removed as (
                       update calls set decision = null from old where calls.id = old.id returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    /// The oldest calls of each organization, by the index of its history. A trigger removes what belongs to
    /// them.
    pub(super) async fn remove_calls(&self, batch: &RetentionBatch) -> Result<u64, PortUnavailable> {
        self.remove_rows(|| {
            sqlx::query_file_as!(
                Count,
                "src/retention/remove_calls.sql",
                PgTime::bound(batch.before),
                i64::from(batch.limit)
            )
        })
        .await
    }

    pub(super) async fn recordings_before(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(CallId, RecordingKey)>, PortUnavailable> {
        self.read_rows(|| {
            sqlx::query_as!(
                OldRecordingColumns,
                r#"select id, recording_format as "recording_format!" from calls
                    where recording_key is not null and booked_at < $1
                    order by booked_at limit $2"#,
                PgTime::bound(before),
                i64::from(limit)
            )
        })
        .await
    }

    /// A recording that is too large is not fetched again, and neither is one that was removed.
    pub(super) async fn forget(&self, removed: &[(CallId, RecordingKey)]) -> Result<(), PortUnavailable> {
        let ids: Vec<&str> = removed.iter().map(|(id, _)| id.as_str()).collect();
        let keys: Vec<&str> = removed.iter().map(|(_, key)| key.as_str()).collect();
        self.rows(Access::Write, || {
            sqlx::query!(
                "update calls
                    set recording_key = null, recording_format = null, recording_size = null, recorded_at = null,
                        recording_report = $3, recording_removed_at = clock_timestamp()
                   from unnest($1::text[], $2::text[]) as forgotten (id, key)
                  where calls.id = forgotten.id and calls.recording_key = forgotten.key
                 returning calls.id",
                &ids as _,
                &keys as _,
                RecordingReport::TooLarge.as_str()
            )
        })
        .await?;
        Ok(())
    }
}
