//! The scheduled check of the vendors' accounts, in one replica at a time.

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Job, JobLeases, PortUnavailable};
use domain::{SyncError, SyncFinding, SyncPlan, SyncSubject, SyncVendors};

use super::{Schedule, Workers};
use crate::vendor_failure::explain;

impl Workers {
    /// Compares the directory with the vendors' accounts, and logs what differs. With `apply`, stores
    /// it, except a plan that leaves no number for AI calls. A stop cancels the check.
    pub(crate) fn check_vendors(
        &self,
        sync: SyncVendors,
        leases: Arc<dyn JobLeases>,
        every: Duration,
        apply: bool,
    ) {
        let (sync, stop) = (Arc::new(sync), self.stop.clone());
        let failure = "could not lease the check of the vendors' accounts; trying again later";
        self.repeat(Schedule::every(every), failure, move || {
            let (sync, leases, stop) = (sync.clone(), leases.clone(), stop.clone());
            async move {
                tokio::select! {
                    () = stop.cancelled() => Ok(0),
                    checked = check(&sync, leases.as_ref(), every, apply) => checked.map(|()| 0),
                }
            }
        });
    }
}

async fn check(
    sync: &SyncVendors,
    leases: &dyn JobLeases,
    every: Duration,
    apply: bool,
) -> Result<(), PortUnavailable> {
    if leases.lease(Job::CheckVendors, None, every).await?.is_none() {
        return Ok(());
    }
    if let Err(error) = compare(sync, apply).await {
        let error = explain(&error);
        tracing::warn!(%error, "could not compare the directory with the vendors' accounts; trying again later");
    }
    Ok(())
}

async fn compare(sync: &SyncVendors, apply: bool) -> Result<(), SyncError> {
    let plan = sync.plan(None, |_| {}).await?;
    plan.findings.iter().for_each(log_finding);
    if plan.is_empty() {
        return Ok(());
    }
    if apply {
        sync.apply(&plan, false).await?;
        log_changes(&plan, "stored what the vendors' accounts have");
    } else {
        log_changes(&plan, "the directory differs from the vendors' accounts: run `outdial sync`");
    }
    Ok(())
}

fn log_changes(plan: &SyncPlan, message: &str) {
    tracing::warn!(
        changes.numbers = plan.number_changes.len(),
        changes.agents = plan.agent_changes.len(),
        changes.trunk = plan.trunk_change.is_some(),
        "{message}"
    );
}

/// Without names, and with the last digits of a number only. What the directory lacks is no fault: the
/// workspace may serve other systems too.
fn log_finding(SyncFinding { subject, problem }: &SyncFinding) {
    let (code, remedy) = (problem.code(), problem.remedy());
    match subject {
        SyncSubject::Number { organization_id: Some(organization), phone_number } => tracing::warn!(
            finding.code = code,
            finding.remedy = remedy,
            organization.id = %organization,
            number = ?phone_number,
            "a number needs attention"
        ),
        SyncSubject::Agent { organization_id, id, .. } => tracing::warn!(
            finding.code = code,
            finding.remedy = remedy,
            organization.id = %organization_id,
            agent.id = %id,
            "an agent needs attention"
        ),
        SyncSubject::Number { organization_id: None, phone_number } => {
            tracing::info!(finding.code = code, finding.remedy = remedy, number = ?phone_number, "a number is not in the directory");
        }
        SyncSubject::UnknownAgent { id, .. } => {
            tracing::info!(finding.code = code, finding.remedy = remedy, agent.provider_id = %id, "an agent is not in the directory");
        }
    }
}
