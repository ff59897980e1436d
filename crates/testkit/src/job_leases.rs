//! The suite of [`JobLeases`](domain::ports::JobLeases).

use std::time::Duration;

use domain::ports::{Job, JobLease};

use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::moment;
use crate::harness::JobLeasesHarness;

suite! {
    $ job_leases_suite of job_leases:
    a_job_is_leased_to_one_worker,
    a_lease_of_a_job_is_renewed,
    an_expired_lease_of_a_job_is_taken_over,
    jobs_are_leased_independently,
    lost_leases_of_jobs_are_unavailable,
}

const LEASE: Duration = Duration::from_secs(60);
const A_SECOND: Duration = Duration::from_secs(1);
const JOB: Job = Job::MeasureLedger;

/// One of many workers gets the lease, and no other until it ends.
pub async fn a_job_is_leased_to_one_worker(harness: &impl JobLeasesHarness) {
    let workers = (0..CROWD).map(|_| {
        let port = harness.leases();
        async move { port.lease(JOB, None, LEASE).await.expect("store is up") }
    });
    let leases = all_at_once(workers).await;
    assert_eq!(leases.iter().flatten().count(), 1);
    assert_eq!(lease(harness, None, LEASE).await, None);
}

/// The holder keeps the lease, from the last renewal on, and can give it back.
pub async fn a_lease_of_a_job_is_renewed(harness: &impl JobLeasesHarness) {
    let first = lease(harness, None, LEASE).await;
    assert!(first.is_some());
    let renewed = lease(harness, first, LEASE * 3).await;
    assert!(renewed.is_some());
    harness.pass(LEASE + A_SECOND).await;
    assert_eq!(lease(harness, None, LEASE).await, None, "the renewed lease is longer");
    harness.pass(LEASE * 3).await;
    let next = lease(harness, None, LEASE).await;
    assert!(next.is_some());
    assert!(lease(harness, next, Duration::ZERO).await.is_some());
    harness.pass(Duration::from_millis(1)).await;
    assert!(lease(harness, None, LEASE).await.is_some(), "the lease was given back");
}

/// A worker that was paused for too long does not get the lease of another one.
pub async fn an_expired_lease_of_a_job_is_taken_over(harness: &impl JobLeasesHarness) {
    let first = lease(harness, None, LEASE).await;
    harness.pass(LEASE / 2).await;
    assert_eq!(lease(harness, None, LEASE).await, None);
    harness.pass(LEASE).await;
    assert!(lease(harness, None, LEASE * 2).await.is_some());
    assert_eq!(lease(harness, first, LEASE).await, None);
}

/// A lease of one job neither blocks nor renews another job.
pub async fn jobs_are_leased_independently(harness: &impl JobLeasesHarness) {
    let mut leases = Vec::new();
    for (job, minutes) in Job::ALL.into_iter().zip(1..) {
        let granted = harness.leases().lease(job, None, LEASE * minutes).await.expect("store is up");
        assert!(granted.is_some(), "{job:?} is blocked by another job");
        leases.push((job, granted));
    }
    for (job, _) in &leases {
        for (other, held) in &leases {
            let renewed = harness.leases().lease(*job, *held, LEASE).await.expect("store is up");
            assert_eq!(renewed.is_some(), job == other, "{job:?} with the lease of {other:?}");
            if renewed.is_some() {
                break;
            }
        }
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s.
pub async fn lost_leases_of_jobs_are_unavailable(harness: &impl JobLeasesHarness) {
    let port = harness.leases();
    harness.lose().await;
    for held in [None, Some(JobLease(moment()))] {
        unavailable_within(LOST_DATABASE_BOUND, port.lease(JOB, held, LEASE), &[]).await;
    }
}

async fn lease(harness: &impl JobLeasesHarness, held: Option<JobLease>, time: Duration) -> Option<JobLease> {
    harness.leases().lease(JOB, held, time).await.expect("store is up")
}
