//! The suite of [`AuditLog`](domain::ports::AuditLog). Its records are those of changed policies.

use domain::ports::{AuditQuery, PolicyChange};
use domain::{AuditAction, AuditRecord, AuditSequence, Timestamp};

use crate::calling_policies::{audited, audited_policy, change, put, tenant};
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, organization_id};
use crate::harness::CallingPoliciesHarness;

suite! {
    $ audit_log_suite of audit_log:
    audit_records_are_listed_newest_first,
    pages_of_audit_records_neither_repeat_nor_miss_one,
    audit_records_are_filtered_by_action,
    another_tenants_audit_records_are_absent,
    a_lost_audit_log_is_unavailable,
}

/// The last change comes first, whatever the times of the changes, with every field.
pub async fn audit_records_are_listed_newest_first(harness: &impl CallingPoliciesHarness) {
    let tenant = changed(harness, 3).await;
    let records = audited(harness, &tenant.organization.id).await;
    let revisions: Vec<_> = records.iter().map(|record| audited_policy(record).0).collect();
    assert_eq!(revisions, [3, 2, 1]);
    assert!(records.is_sorted_by(|one, next| one.sequence > next.sequence), "{records:?}");
    for record in &records {
        assert_eq!(record.organization_id, tenant.organization.id);
        assert_eq!(record.user_id.as_ref(), Some(&tenant.user.id));
        assert_eq!(&*record.action, AuditAction::CallingPolicyChanged.as_str());
        assert_eq!(record.at, at(audited_policy(record).0));
    }
}

/// Pages of every size show each record once. Before the oldest record there is none.
pub async fn pages_of_audit_records_neither_repeat_nor_miss_one(harness: &impl CallingPoliciesHarness) {
    let tenant = changed(harness, 5).await;
    let all = audited(harness, &tenant.organization.id).await;
    for limit in 1..=6 {
        let (mut paged, mut before) = (Vec::new(), None);
        for _ in 0..=5 {
            let page = list(harness, &tenant, before, None, limit).await;
            assert!(page.len() <= limit as usize, "{} records in a page of {limit}", page.len());
            let Some(last) = page.last() else { break };
            before = Some(last.sequence);
            paged.extend(page);
        }
        assert_eq!(paged, all, "in pages of {limit}");
    }
    for before in [AuditSequence::MAX, 0] {
        let page = list(harness, &tenant, Some(before), None, 10).await;
        assert_eq!(page.len(), if before == 0 { 0 } else { 5 });
    }
}

/// With an action only its records are listed.
pub async fn audit_records_are_filtered_by_action(harness: &impl CallingPoliciesHarness) {
    let tenant = changed(harness, 2).await;
    let action = AuditAction::CallingPolicyChanged.as_str();
    assert_eq!(list(harness, &tenant, None, Some(action), 10).await.len(), 2);
    for other in ["calling_policy_chang", "CALLING_POLICY_CHANGED", "%", ""] {
        assert_eq!(list(harness, &tenant, None, Some(other), 10).await, [], "{other}");
    }
}

/// Each organization lists its own records. One without changes lists none.
pub async fn another_tenants_audit_records_are_absent(harness: &impl CallingPoliciesHarness) {
    let (ours, theirs) = (changed(harness, 1).await, changed(harness, 2).await);
    for (tenant, count) in [(&ours, 1), (&theirs, 2)] {
        let records = audited(harness, &tenant.organization.id).await;
        assert_eq!(records.len(), count);
        assert!(records.iter().all(|record| record.organization_id == tenant.organization.id));
    }
    assert_eq!(audited(harness, &organization_id()).await, []);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the query.
pub async fn a_lost_audit_log_is_unavailable(harness: &impl CallingPoliciesHarness) {
    let tenant = changed(harness, 1).await;
    let audit = harness.audit();
    let query = query(&tenant, None, Some("private action"), 10);
    harness.lose().await;
    let private = [tenant.organization.id.as_str(), "private action"];
    unavailable_within(LOST_DATABASE_BOUND, audit.list(&query), &private).await;
}

/// A new tenant that changed its policy so often, each time at an earlier time.
async fn changed(harness: &impl CallingPoliciesHarness, changes: u64) -> Tenant {
    let tenant = tenant(harness).await;
    for revision in 0..changes {
        put(harness, &PolicyChange { at: at(revision + 1), ..change(&tenant, revision) }).await;
    }
    tenant
}

/// The time of the change with this revision.
fn at(revision: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_790_000_000_000 - i64::try_from(revision).expect("few changes"))
}

fn query(tenant: &Tenant, before: Option<AuditSequence>, action: Option<&str>, limit: u32) -> AuditQuery {
    AuditQuery {
        organization_id: tenant.organization.id.clone(),
        before,
        action: action.map(Into::into),
        limit,
    }
}

async fn list(
    harness: &impl CallingPoliciesHarness,
    tenant: &Tenant,
    before: Option<AuditSequence>,
    action: Option<&str>,
    limit: u32,
) -> Vec<AuditRecord> {
    harness.audit().list(&query(tenant, before, action, limit)).await.expect("store is up")
}
