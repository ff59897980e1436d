use std::time::Duration;

use async_trait::async_trait;

use super::PortUnavailable;
use crate::Timestamp;

/// Leases work that one replica does for all.
///
/// - MUST lease a job to one worker at a time (`a_job_is_leased_to_one_worker`), renew the lease for its
///   holder (`a_lease_of_a_job_is_renewed`), and lease it to another worker once it has expired, but not
///   renew it for the earlier one then (`an_expired_lease_of_a_job_is_taken_over`).
/// - MUST lease each job independently of the others (`jobs_are_leased_independently`).
/// - MUST return `PortUnavailable`, within 5 s, when the store is lost
///   (`lost_leases_of_jobs_are_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait JobLeases: Send + Sync {
    /// Leases a job, or renews the lease `held`. Returns the lease, or `None` if another worker has it. A
    /// renewal for no time gives the lease back.
    async fn lease(
        &self,
        job: Job,
        held: Option<JobLease>,
        lease_for: Duration,
    ) -> Result<Option<JobLease>, PortUnavailable>;
}

/// Work that one replica does for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// The scheduled check of the vendors' accounts.
    CheckVendors,
    /// Measuring the ledger for metrics.
    MeasureLedger,
    /// Removing what is older than the settings keep.
    RemoveOldData,
}

impl Job {
    /// Every job.
    pub const ALL: [Self; 3] = [Self::CheckVendors, Self::MeasureLedger, Self::RemoveOldData];

    /// The name under which stores keep the lease. Replicas of other releases use it too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CheckVendors => "sync",
            Self::MeasureLedger => "measure",
            Self::RemoveOldData => "retention",
        }
    }
}

/// A lease of a job: its end by the store's own clock, in whole milliseconds. Two workers never have the
/// same one, because the later lease ends later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobLease(pub Timestamp);
