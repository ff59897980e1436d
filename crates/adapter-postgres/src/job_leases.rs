use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Job, JobLease, JobLeases, PortUnavailable};
use sql_common::StoredTime as _;

use crate::PostgresStore;
use crate::statement::Access;
use crate::timestamp::PgTime;

#[async_trait]
impl JobLeases for PostgresStore {
    /// Not repeated after a broken connection: the second statement would find the lease of the first.
    async fn lease(
        &self,
        job: Job,
        held: Option<JobLease>,
        lease_for: Duration,
    ) -> Result<Option<JobLease>, PortUnavailable> {
        let leased = self.row(Access::WriteOnce, || {
            sqlx::query!(
                "insert into job_leases (job, leased_until) \
                 values ($1, date_trunc('milliseconds', clock_timestamp()) + make_interval(secs => $2)) \
                 on conflict on constraint job_leases_pkey do update \
                    set leased_until = excluded.leased_until \
                  where job_leases.leased_until <= clock_timestamp() or job_leases.leased_until = $3 \
                 returning leased_until",
                job.name(),
                lease_for.as_secs_f64(),
                held.map(|JobLease(until)| PgTime::bound(until)) as _
            )
        });
        Ok(leased.await?.map(|row| JobLease(row.leased_until.timestamp())))
    }
}
