use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Job, JobLease, JobLeases, PortUnavailable};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl JobLeases for BrokenStore {
    async fn lease(
        &self,
        job: Job,
        held: Option<JobLease>,
        lease_for: Duration,
    ) -> Result<Option<JobLease>, PortUnavailable> {
        self.reach("").await?;
        let job = if self.has(Flaw::HasOneLease) { Job::CheckVendors } else { job };
        let current = self.memory.tables().job_leases.get(&job).copied();
        if self.has(Flaw::GrantsTwice) {
            let is_free = current.is_none_or(|JobLease(until)| until <= self.now());
            tokio::task::yield_now().await;
            let lease = JobLease(self.now().after(lease_for));
            self.memory.tables().job_leases.insert(job, lease);
            return Ok(is_free.then_some(lease));
        }
        let held = match self.flaw {
            Flaw::RenewsForNoOne => None,
            Flaw::RenewsForEveryone => held.and(current),
            _ => held,
        };
        self.memory.lease(job, held, self.lease_time(lease_for)).await
    }
}
