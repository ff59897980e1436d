use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Job, JobLease, JobLeases, PortUnavailable};

use super::Memory;

#[async_trait]
impl JobLeases for Memory {
    async fn lease(
        &self,
        job: Job,
        held: Option<JobLease>,
        lease_for: Duration,
    ) -> Result<Option<JobLease>, PortUnavailable> {
        let now = self.now();
        let mut tables = self.open()?;
        let current = tables.job_leases.get(&job).copied();
        if current.is_some_and(|JobLease(until)| until > now) && held != current {
            return Ok(None);
        }
        let lease = JobLease(now.after(lease_for));
        tables.job_leases.insert(job, lease);
        Ok(Some(lease))
    }
}
