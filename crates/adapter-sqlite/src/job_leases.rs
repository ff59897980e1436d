use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Job, JobLease, JobLeases, PortUnavailable};
use sql_common::StoredTime as _;

use crate::SqliteStore;

#[async_trait]
impl JobLeases for SqliteStore {
    async fn lease(
        &self,
        job: Job,
        held: Option<JobLease>,
        lease_for: Duration,
    ) -> Result<Option<JobLease>, PortUnavailable> {
        let leased = self.lease_rows(|now| {
            sqlx::query!(
                r#"insert into job_leases (job, leased_until) values (?1, ?2)
                   on conflict (job) do update set leased_until = excluded.leased_until
                       where job_leases.leased_until <= ?3 or job_leases.leased_until = ?4
                   returning leased_until as "leased_until!""#,
                job.name(),
                now.after(lease_for).unix_millis(),
                now.unix_millis(),
                held.map(|JobLease(until)| until.unix_millis())
            )
        });
        Ok(leased.await?.first().map(|row| JobLease(row.leased_until.timestamp())))
    }
}
