//! The suite of [`CallingPolicies`](domain::ports::CallingPolicies).

use domain::ports::{AuditQuery, PolicyChange, PutPolicyResult};
use domain::{
    AuditAction, AuditRecord, CallingPolicy, OrganizationId, Timestamp, UserId, VersionedPolicy, ZoneName,
};

use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, calling_policy, moment};
use crate::harness::CallingPoliciesHarness;

suite! {
    $ calling_policies_suite of calling_policies:
    a_stored_policy_is_returned_whole,
    another_tenants_policy_is_absent,
    a_policy_of_another_revision_is_left_alone,
    one_of_many_changes_of_a_revision_is_stored,
    each_change_has_the_next_revision,
    each_change_of_a_policy_is_audited,
    lost_policies_are_unavailable,
}

/// The default policy and one without any default are returned with every field, with the user and the
/// time of the change to the millisecond.
pub async fn a_stored_policy_is_returned_whole(harness: &impl CallingPoliciesHarness) {
    for policy in [CallingPolicy::default(), calling_policy()] {
        let tenant = tenant(harness).await;
        let change = PolicyChange { policy: policy.clone(), ..change(&tenant, 0) };
        assert_eq!(put(harness, &change).await, PutPolicyResult::Stored);
        let expected =
            VersionedPolicy { policy, revision: 1, changed: Some((tenant.user.id.clone(), change.at)) };
        assert_eq!(find(harness, &tenant).await, Some(expected));
    }
}

/// An organization has no policy until it stores one, whatever others store.
pub async fn another_tenants_policy_is_absent(harness: &impl CallingPoliciesHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    assert_eq!(put(harness, &change(&theirs, 0)).await, PutPolicyResult::Stored);
    assert_eq!(find(harness, &ours).await, None);
    let default = PolicyChange { policy: CallingPolicy::default(), ..change(&ours, 0) };
    assert_eq!(put(harness, &default).await, PutPolicyResult::Stored);
    let stored = find(harness, &theirs).await.expect("a policy");
    assert_eq!((stored.policy, stored.revision), (calling_policy(), 1));
}

/// A change that expects an earlier revision, a later one, none or any stores nothing and is not
/// audited.
pub async fn a_policy_of_another_revision_is_left_alone(harness: &impl CallingPoliciesHarness) {
    let tenant = tenant(harness).await;
    assert_eq!(put(harness, &change(&tenant, 1)).await, PutPolicyResult::OtherRevision, "none is stored");
    assert_eq!(find(harness, &tenant).await, None);
    for revision in 0..2 {
        assert_eq!(put(harness, &change(&tenant, revision)).await, PutPolicyResult::Stored);
    }
    let stored = find(harness, &tenant).await;
    for revision in [0, 1, 3, 1 << 40] {
        let other = PolicyChange { policy: CallingPolicy::default(), ..change(&tenant, revision) };
        assert_eq!(put(harness, &other).await, PutPolicyResult::OtherRevision, "revision {revision}");
    }
    assert_eq!(find(harness, &tenant).await, stored);
    assert_eq!(audited(harness, &tenant.organization.id).await.len(), 2);
}

/// Of fifty concurrent changes of one revision one is stored, and that one is what is found and
/// audited: of the first policy, and of a stored one.
pub async fn one_of_many_changes_of_a_revision_is_stored(harness: &impl CallingPoliciesHarness) {
    let tenant = tenant(harness).await;
    for revision in 0..2_u64 {
        let crowd = (1..=CROWD).map(|calls| {
            let policy =
                CallingPolicy { user_calls_per_day: u32::try_from(calls).ok(), ..CallingPolicy::default() };
            let (policies, change) =
                (harness.policies(), PolicyChange { policy, ..change(&tenant, revision) });
            async move { (policies.put(&change).await.expect("store is up"), change.policy) }
        });
        let mut answers = all_at_once(crowd).await;
        answers.retain(|(result, _)| *result == PutPolicyResult::Stored);
        assert_eq!(answers.len(), 1, "changes of revision {revision} that were stored");
        let stored = find(harness, &tenant).await.expect("a policy");
        assert_eq!((stored.revision, stored.policy), (revision + 1, answers.remove(0).1));
        assert_eq!(audited(harness, &tenant.organization.id).await.len() as u64, revision + 1);
    }
}

/// Revisions are 1, 2, 3 and so on, also where the policy stays the same.
pub async fn each_change_has_the_next_revision(harness: &impl CallingPoliciesHarness) {
    let tenant = tenant(harness).await;
    for revision in 0..4 {
        assert_eq!(put(harness, &change(&tenant, revision)).await, PutPolicyResult::Stored);
        assert_eq!(find(harness, &tenant).await.map(|stored| stored.revision), Some(revision + 1));
    }
}

/// Each change has one audit record with its user, its time, and the new policy with its revision.
pub async fn each_change_of_a_policy_is_audited(harness: &impl CallingPoliciesHarness) {
    let tenant = tenant(harness).await;
    let colleague = UserId::parse("a colleague").expect("an id may be any text");
    let first = change(&tenant, 0);
    let second = PolicyChange {
        policy: CallingPolicy::default(),
        user_id: colleague,
        at: Timestamp::from_unix_millis(first.at.unix_millis() + 1),
        ..change(&tenant, 1)
    };
    for change in [&first, &second] {
        assert_eq!(put(harness, change).await, PutPolicyResult::Stored);
    }
    let records = audited(harness, &tenant.organization.id).await;
    assert_eq!(records.len(), 2, "{records:?}");
    for ((record, change), revision) in records.iter().rev().zip([&first, &second]).zip(1..) {
        let expected = AuditRecord {
            sequence: record.sequence,
            organization_id: tenant.organization.id.clone(),
            at: change.at,
            user_id: Some(change.user_id.clone()),
            action: AuditAction::CallingPolicyChanged.as_str().into(),
            object_id: None,
            detail: record.detail.clone(),
        };
        assert_eq!(*record, expected);
        assert_eq!(audited_policy(record), (revision, change.policy.clone()));
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the request.
pub async fn lost_policies_are_unavailable(harness: &impl CallingPoliciesHarness) {
    let tenant = tenant(harness).await;
    let policies = harness.policies();
    let secret = ZoneName::parse("Private/Zone").expect("a name");
    let policy = CallingPolicy { time_zone: secret, ..CallingPolicy::default() };
    let change = PolicyChange { policy, ..change(&tenant, 0) };
    let private = [tenant.organization.id.as_str(), tenant.user.id.as_str(), "Private/Zone"];
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, policies.find(&tenant.organization.id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, policies.put(&change), &private).await;
}

/// The revision and the policy in the detail of a record.
pub(crate) fn audited_policy(record: &AuditRecord) -> (u64, CallingPolicy) {
    let detail = record.detail.as_deref().expect("a detail");
    let detail: serde_json::Value = serde_json::from_str(detail).expect("a JSON object");
    let policy = policy_json::from_json(&detail["policy"].to_string()).expect("a policy");
    (detail["revision"].as_u64().expect("a revision"), policy)
}

/// A change of this revision by the tenant's user.
pub(crate) fn change(tenant: &Tenant, expected_revision: u64) -> PolicyChange {
    PolicyChange {
        organization_id: tenant.organization.id.clone(),
        policy: calling_policy(),
        expected_revision,
        user_id: tenant.user.id.clone(),
        at: moment(),
    }
}

/// A new tenant in the store.
pub(crate) async fn tenant(harness: &impl CallingPoliciesHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

pub(crate) async fn put(harness: &impl CallingPoliciesHarness, change: &PolicyChange) -> PutPolicyResult {
    harness.policies().put(change).await.expect("store is up")
}

pub(crate) async fn find(harness: &impl CallingPoliciesHarness, tenant: &Tenant) -> Option<VersionedPolicy> {
    harness.policies().find(&tenant.organization.id).await.expect("store is up")
}

/// All audit records of an organization.
pub(crate) async fn audited(
    harness: &impl CallingPoliciesHarness,
    organization_id: &OrganizationId,
) -> Vec<AuditRecord> {
    let query =
        AuditQuery { organization_id: organization_id.clone(), before: None, action: None, limit: 1000 };
    harness.audit().list(&query).await.expect("store is up")
}
