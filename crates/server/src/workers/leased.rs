//! Work that one replica does for all.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ports::{Job, JobLease, JobLeases, PortUnavailable};

/// The lease of a job, which this process may have.
pub(super) struct LeasedJob {
    leases: Arc<dyn JobLeases>,
    job: Job,
    lease_for: Duration,
    held: Mutex<Option<JobLease>>,
}

impl LeasedJob {
    pub(super) fn new(leases: Arc<dyn JobLeases>, job: Job, lease_for: Duration) -> Self {
        Self { leases, job, lease_for, held: Mutex::default() }
    }

    pub(super) const fn lease_for(&self) -> Duration {
        self.lease_for
    }

    /// Leases the job or renews the lease. Returns whether this process does the job.
    pub(super) async fn is_ours(&self) -> Result<bool, PortUnavailable> {
        let held = *self.held();
        let lease = self.leases.lease(self.job, held, self.lease_for).await?;
        *self.held() = lease;
        Ok(lease.is_some())
    }

    /// Gives the lease back, so that another replica takes over immediately. If this fails, the lease
    /// expires.
    pub(super) async fn give_back(&self) {
        let held = self.held().take();
        if held.is_some()
            && let Err(error) = self.leases.lease(self.job, held, Duration::ZERO).await
        {
            let job = self.job.name();
            tracing::warn!(job.name = job, %error, "could not give back the lease of a job; the lease expires");
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<JobLease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
