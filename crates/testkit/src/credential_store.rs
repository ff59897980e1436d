//! The suite of [`CredentialStore`](domain::ports::CredentialStore).

use std::collections::BTreeMap;

use domain::ports::{AuditQuery, CredentialsChange, PutCredentialsResult};
use domain::{
    AccountText, AuditAction, AuditRecord, OrganizationId, SealedSecret, SecretKind, StoredCredentials,
    Timestamp, VendorCredentials,
};

use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, moment};
use crate::harness::CredentialStoreHarness;

suite! {
    $ credential_store_suite of credential_store:
    stored_credentials_are_returned_whole,
    another_tenants_credentials_are_absent,
    credentials_of_another_revision_are_left_alone,
    one_of_many_changes_of_credentials_is_stored,
    each_change_of_credentials_has_the_next_revision,
    each_change_of_credentials_is_audited_without_values,
    credentials_of_every_tenant_are_listed_in_pages,
    lost_credentials_are_unavailable,
}

/// Credentials with every field, and without any, are returned as they were stored.
pub async fn stored_credentials_are_returned_whole(harness: &impl CredentialStoreHarness) {
    for credentials in [credentials("sealed"), VendorCredentials::default()] {
        let tenant = tenant(harness).await;
        let change = CredentialsChange { credentials: credentials.clone(), ..change(&tenant, 0) };
        assert_eq!(put(harness, &change).await, PutCredentialsResult::Stored);
        let expected = StoredCredentials {
            organization_id: tenant.organization.id.clone(),
            credentials: Some(credentials),
            revision: 1,
        };
        assert_eq!(find(harness, &tenant).await, Some(expected));
    }
}

/// An organization has no credentials until it stores some, whatever others store.
pub async fn another_tenants_credentials_are_absent(harness: &impl CredentialStoreHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    assert_eq!(put(harness, &change(&theirs, 0)).await, PutCredentialsResult::Stored);
    assert_eq!(find(harness, &ours).await, None);
    let empty = CredentialsChange { credentials: VendorCredentials::default(), ..change(&ours, 0) };
    assert_eq!(put(harness, &empty).await, PutCredentialsResult::Stored);
    let stored = find(harness, &theirs).await.expect("credentials");
    assert_eq!((stored.credentials, stored.revision), (Some(credentials("sealed")), 1));
}

/// A change that expects an earlier revision, a later one, none or any stores nothing and is not
/// audited.
pub async fn credentials_of_another_revision_are_left_alone(harness: &impl CredentialStoreHarness) {
    let tenant = tenant(harness).await;
    assert_eq!(put(harness, &change(&tenant, 1)).await, PutCredentialsResult::OtherRevision);
    assert_eq!(find(harness, &tenant).await, None);
    for revision in 0..2 {
        assert_eq!(put(harness, &change(&tenant, revision)).await, PutCredentialsResult::Stored);
    }
    let stored = find(harness, &tenant).await;
    for revision in [0, 1, 3, 1 << 40] {
        let other = CredentialsChange { credentials: credentials("other"), ..change(&tenant, revision) };
        assert_eq!(put(harness, &other).await, PutCredentialsResult::OtherRevision, "revision {revision}");
    }
    assert_eq!(find(harness, &tenant).await, stored);
    assert_eq!(audited(harness, &tenant.organization.id).await.len(), 2);
}

/// Of fifty concurrent changes of one revision one is stored, and that one is what is found: of the
/// first credentials, and of stored ones.
pub async fn one_of_many_changes_of_credentials_is_stored(harness: &impl CredentialStoreHarness) {
    let tenant = tenant(harness).await;
    for revision in 0..2_u64 {
        let crowd = (1..=CROWD).map(|n| {
            let credentials = credentials(&format!("sealed {n}"));
            let change = CredentialsChange { credentials, ..change(&tenant, revision) };
            let store = harness.credential_store();
            async move { (store.put_credentials(&change).await.expect("store is up"), change.credentials) }
        });
        let mut answers = all_at_once(crowd).await;
        answers.retain(|(result, _)| *result == PutCredentialsResult::Stored);
        assert_eq!(answers.len(), 1, "changes of revision {revision} that were stored");
        let stored = find(harness, &tenant).await.expect("credentials");
        assert_eq!((stored.revision, stored.credentials), (revision + 1, Some(answers.remove(0).1)));
        assert_eq!(audited(harness, &tenant.organization.id).await.len() as u64, revision + 1);
    }
}

/// Revisions are 1, 2, 3 and so on, also where the credentials stay the same.
pub async fn each_change_of_credentials_has_the_next_revision(harness: &impl CredentialStoreHarness) {
    let tenant = tenant(harness).await;
    for revision in 0..4 {
        assert_eq!(put(harness, &change(&tenant, revision)).await, PutCredentialsResult::Stored);
        assert_eq!(find(harness, &tenant).await.map(|stored| stored.revision), Some(revision + 1));
    }
}

/// Each change has one audit record with its user, its time and the names of what changed. No record
/// has a value, sealed or not.
pub async fn each_change_of_credentials_is_audited_without_values(harness: &impl CredentialStoreHarness) {
    let tenant = tenant(harness).await;
    let first = change(&tenant, 0);
    let second = CredentialsChange {
        changed: vec![],
        user_id: None,
        at: Timestamp::from_unix_millis(first.at.unix_millis() + 1),
        ..change(&tenant, 1)
    };
    for change in [&first, &second] {
        assert_eq!(put(harness, change).await, PutCredentialsResult::Stored);
    }
    let records = audited(harness, &tenant.organization.id).await;
    assert_eq!(records.len(), 2, "{records:?}");
    for ((record, change), revision) in records.iter().rev().zip([&first, &second]).zip(1..) {
        let expected = AuditRecord {
            sequence: record.sequence,
            organization_id: tenant.organization.id.clone(),
            at: change.at,
            user_id: change.user_id.clone(),
            action: AuditAction::VendorCredentialsChanged.as_str().into(),
            object_id: None,
            detail: record.detail.clone(),
        };
        assert_eq!(*record, expected);
        let detail: serde_json::Value =
            serde_json::from_str(record.detail.as_deref().expect("a detail")).expect("a JSON object");
        assert_eq!(detail, serde_json::json!({ "revision": revision, "changed": change.changed }));
    }
}

/// The credentials of all organizations are listed in the order of their ids, in pages that neither
/// repeat nor miss one. The store may have those of other tests.
pub async fn credentials_of_every_tenant_are_listed_in_pages(harness: &impl CredentialStoreHarness) {
    let mut expected = Vec::new();
    for n in 0..5 {
        let tenant = tenant(harness).await;
        let credentials = credentials(&format!("sealed {n}"));
        let change = CredentialsChange { credentials, ..change(&tenant, 0) };
        assert_eq!(put(harness, &change).await, PutCredentialsResult::Stored);
        expected.push(find(harness, &tenant).await.expect("credentials"));
    }
    expected.sort_by(|a, b| a.organization_id.cmp(&b.organization_id));
    for limit in [2, 500] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = harness.credential_store().list_credentials(after, limit).await.expect("store is up");
            assert!(page.len() <= limit as usize);
            after = page.last().map(|stored| stored.organization_id.clone());
            let is_last = page.len() < limit as usize;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert!(listed.is_sorted_by(|a, b| a.organization_id < b.organization_id), "limit {limit}");
        listed.retain(|stored| expected.iter().any(|it| it.organization_id == stored.organization_id));
        assert_eq!(listed, expected, "limit {limit}");
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the request.
pub async fn lost_credentials_are_unavailable(harness: &impl CredentialStoreHarness) {
    let tenant = tenant(harness).await;
    let (store, change) = (harness.credential_store(), change(&tenant, 0));
    let organization_id = &tenant.organization.id;
    let private = [organization_id.as_str(), tenant.user.id.as_str(), "sealed"];
    harness.lose().await;
    unavailable_within(LOST_DATABASE_BOUND, store.credentials(organization_id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, store.put_credentials(&change), &private).await;
    let listing = store.list_credentials(Some(organization_id.clone()), 10);
    unavailable_within(LOST_DATABASE_BOUND, listing, &private).await;
}

/// Credentials with every field, whose secrets contain this text.
fn credentials(sealed: &str) -> VendorCredentials {
    let text = |text| Some(AccountText::parse(text).expect("a text"));
    let secrets =
        SecretKind::ALL.map(|kind| (kind, SealedSecret::new(&format!("{sealed}:{}", kind.as_str()))));
    VendorCredentials {
        voice_provider: text("a-provider"),
        carrier_project_id: text("project-1"),
        carrier_trunk_id: text("trunk-1"),
        carrier_trunk_domain: text("acme.pstn.example.com"),
        secrets: BTreeMap::from(secrets),
    }
}

/// A change of this revision by the tenant's user.
fn change(tenant: &Tenant, expected_revision: u64) -> CredentialsChange {
    CredentialsChange {
        organization_id: tenant.organization.id.clone(),
        credentials: credentials("sealed"),
        expected_revision,
        changed: vec!["voiceApiKey", "carrierTrunkId"],
        user_id: Some(tenant.user.id.clone()),
        at: moment(),
    }
}

async fn tenant(harness: &impl CredentialStoreHarness) -> Tenant {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    tenant
}

async fn put(harness: &impl CredentialStoreHarness, change: &CredentialsChange) -> PutCredentialsResult {
    harness.credential_store().put_credentials(change).await.expect("store is up")
}

async fn find(harness: &impl CredentialStoreHarness, tenant: &Tenant) -> Option<StoredCredentials> {
    harness.credential_store().credentials(&tenant.organization.id).await.expect("store is up")
}

async fn audited(
    harness: &impl CredentialStoreHarness,
    organization_id: &OrganizationId,
) -> Vec<AuditRecord> {
    let query =
        AuditQuery { organization_id: organization_id.clone(), before: None, action: None, limit: 1000 };
    harness.audit().list(&query).await.expect("store is up")
}
