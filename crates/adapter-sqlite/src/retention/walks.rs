//! Kinds without an index of their age, which a booking or an import would pay for: the batches of a run walk
//! through the table by its primary key.

use domain::ports::{PortUnavailable, RemovedRows, RetentionBatch};
use sql_common::{RetentionKey, key_after, removed_up_to};

use crate::SqliteStore;
use crate::failure::{STORAGE_LIMIT, within};
use crate::statement::row;

impl SqliteStore {
    pub(super) async fn remove_attempts(
        &self,
        batch: &RetentionBatch,
    ) -> Result<RemovedRows, PortUnavailable> {
        let after = key_after(batch);
        let last: Option<RetentionKey> = within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let last = sqlx::query!(
                "select organization_id, phone_number, subject from call_attempts
                 where (organization_id, phone_number, subject) > (?1, ?2, ?3)
                 order by organization_id, phone_number, subject
                 limit 1 offset ?4",
                after[0],
                after[1],
                after[2],
                batch.limit.saturating_sub(1)
            );
            let last = row(&mut reader, last).await?;
            Ok(last.map(|row| [row.organization_id, row.phone_number, row.subject]))
        })
        .await?;
        let up_to = last.as_ref();
        let removed = self.write_unsynced(STORAGE_LIMIT, |now| {
            sqlx::query!(
                "delete from call_attempts
                 where (organization_id, phone_number, subject) > (?1, ?2, ?3)
                     and (?4 is null or (organization_id, phone_number, subject) <= (?4, ?5, ?6))
                     and not exists (select 1 from json_each(attempts) as attempt
                                     where attempt.value ->> 0 >= min(?7, ?8 - remember_millis))",
                after[0],
                after[1],
                after[2],
                up_to.map(|key| key[0].as_str()),
                up_to.map(|key| key[1].as_str()),
                up_to.map(|key| key[2].as_str()),
                batch.before.unix_millis(),
                now.unix_millis()
            )
        });
        Ok(removed_up_to(removed.await?, up_to))
    }

    pub(super) async fn remove_listed_numbers(
        &self,
        batch: &RetentionBatch,
    ) -> Result<RemovedRows, PortUnavailable> {
        let after = key_after(batch);
        let last: Option<RetentionKey> = within(STORAGE_LIMIT, async {
            let mut reader = self.connections.read().await?;
            let last = sqlx::query!(
                "select phone_number, organization_id, list from do_not_call_numbers
                 where (phone_number, organization_id, list) > (?1, ?2, ?3)
                 order by phone_number, organization_id, list
                 limit 1 offset ?4",
                after[0],
                after[1],
                after[2],
                batch.limit.saturating_sub(1)
            );
            let last = row(&mut reader, last).await?;
            Ok(last.map(|row| [row.phone_number, row.organization_id, row.list]))
        })
        .await?;
        let up_to = last.as_ref();
        let removed = self.write_unsynced(STORAGE_LIMIT, |_| {
            sqlx::query!(
                "delete from do_not_call_numbers
                 where (phone_number, organization_id, list) > (?1, ?2, ?3)
                     and (?4 is null or (phone_number, organization_id, list) <= (?4, ?5, ?6))
                     and dated < date(?7 / 1000, 'unixepoch')
                     and dated < (select copy.dated from do_not_call_lists as copy
                                  where copy.organization_id = do_not_call_numbers.organization_id
                                      and copy.name = do_not_call_numbers.list)",
                after[0],
                after[1],
                after[2],
                up_to.map(|key| key[0].as_str()),
                up_to.map(|key| key[1].as_str()),
                up_to.map(|key| key[2].as_str()),
                batch.before.unix_millis()
            )
        });
        Ok(removed_up_to(removed.await?, up_to))
    }
}
