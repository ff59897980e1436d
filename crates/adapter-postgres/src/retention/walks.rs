//! Kinds without an index of their age, which a booking or an import would pay for: the batches of a run walk
//! through the table by its primary key.

use domain::ports::{PortUnavailable, RemovedRows, RetentionBatch};
use sql_common::{RetentionKey, key_after, removed_up_to};

use super::Count;
use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

impl PostgresStore {
    pub(super) async fn remove_attempts(
        &self,
        batch: &RetentionBatch,
    ) -> Result<RemovedRows, PortUnavailable> {
        let after = key_after(batch);
        let last = self.row(Access::Read, || {
            sqlx::query!(
                "select organization_id, phone_number, subject from call_attempts
                  where (organization_id, phone_number, subject) > ($1, $2, $3)
                  order by organization_id, phone_number, subject
                  limit 1 offset $4",
                after[0],
                after[1],
                after[2],
                i64::from(batch.limit.saturating_sub(1))
            )
        });
        let last: Option<RetentionKey> =
            last.await?.map(|row| [row.organization_id, row.phone_number, row.subject]);
        let up_to = last.as_ref();
        let removed = self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select organization_id, phone_number, subject from call_attempts
                        where (organization_id, phone_number, subject) > ($1, $2, $3)
                          and ($4::text is null or (organization_id, phone_number, subject) <= ($4, $5, $6))
                          and not exists (
                              select from unnest(attempted_at) as at
                               where at >= least($7::timestamptz,
                                                 clock_timestamp() - make_interval(secs => remember_millis / 1000.0)))
                          for update skip locked
                   ), removed as (
                       delete from call_attempts as counted using old
                        where counted.organization_id = old.organization_id
                          and counted.phone_number = old.phone_number and counted.subject = old.subject
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                after[0],
                after[1],
                after[2],
                up_to.map(|key| key[0].as_str()),
                up_to.map(|key| key[1].as_str()),
                up_to.map(|key| key[2].as_str()),
                PgTime::bound(batch.before)
            )
        });
        Ok(removed_up_to(removed.await?, up_to))
    }

    pub(super) async fn remove_listed_numbers(
        &self,
        batch: &RetentionBatch,
    ) -> Result<RemovedRows, PortUnavailable> {
        let after = key_after(batch);
        let last = self.row(Access::Read, || {
            sqlx::query!(
                "select phone_number, organization_id, list from do_not_call_numbers
                  where (phone_number, organization_id, list) > ($1, $2, $3)
                  order by phone_number, organization_id, list
                  limit 1 offset $4",
                after[0],
                after[1],
                after[2],
                i64::from(batch.limit.saturating_sub(1))
            )
        });
        let last: Option<RetentionKey> =
            last.await?.map(|row| [row.phone_number, row.organization_id, row.list]);
        let up_to = last.as_ref();
        let removed = self.remove_rows(|| {
            sqlx::query_as!(
                Count,
                r#"with old as (
                       select listed.phone_number, listed.organization_id, listed.list
                         from do_not_call_numbers as listed
                         join do_not_call_lists as copy
                           on copy.organization_id = listed.organization_id and copy.name = listed.list
                        where (listed.phone_number, listed.organization_id, listed.list) > ($1, $2, $3)
                          and ($4::text is null
                               or (listed.phone_number, listed.organization_id, listed.list) <= ($4, $5, $6))
                          and listed.dated < copy.dated and listed.dated < ($7::timestamptz at time zone 'utc')::date
                          for update of listed skip locked
                   ), removed as (
                       delete from do_not_call_numbers as listed using old
                        where listed.phone_number = old.phone_number
                          and listed.organization_id = old.organization_id and listed.list = old.list
                       returning 1
                   )
                   select count(*) as "removed!" from removed"#,
                after[0],
                after[1],
                after[2],
                up_to.map(|key| key[0].as_str()),
                up_to.map(|key| key[1].as_str()),
                up_to.map(|key| key[2].as_str()),
                PgTime::bound(batch.before)
            )
        });
        Ok(removed_up_to(removed.await?, up_to))
    }
}
