//! The suite of [`Directory`](domain::ports::Directory).

mod callee_records;

use std::collections::HashSet;

use domain::ports::{Recipient, RecordRefusal, StoredIdentity, UpsertError};
use domain::{
    Agent, CallingPolicy, Contact, ContactIdentity, ContactPlace, ContactRecord, DirectoryRecord,
    NumberRecord, Organization, PolicyRecord, Region, UserRecord, ZoneName,
};

pub use self::callee_records::{
    a_newer_copy_of_a_list_replaces_the_older, an_imported_consent_is_stored_like_any_other,
    an_imported_opt_out_is_stored_like_any_other, an_older_copy_of_a_list_is_refused,
};
use crate::calling_policies;
use crate::fixtures::{
    Tenant, agent, calling_policy, consent, contact, contact_id, name, number, organization, organization_id,
    stored_contact, suppression, user, user_id,
};
use crate::harness::DirectoryHarness;
use crate::number_pool;
use crate::outbound_directory::facts::facts;
use crate::outbound_directory::query;

suite! {
    $ directory_suite of directory:
    an_import_that_is_not_committed_leaves_nothing,
    a_record_stored_again_is_replaced,
    a_contact_without_an_id_is_known_by_its_number,
    a_record_cannot_move_to_another_tenant,
    a_record_of_an_unknown_tenant_is_refused_with_its_index,
    an_imported_policy_is_audited,
    what_records_name_is_found,
    an_imported_opt_out_is_stored_like_any_other,
    an_imported_consent_is_stored_like_any_other,
    a_newer_copy_of_a_list_replaces_the_older,
    an_older_copy_of_a_list_is_refused,
}

/// No record of an import is seen before its commit, and none is seen ever if the import is dropped
/// or a later record is refused. After the commit every record is seen.
pub async fn an_import_that_is_not_committed_leaves_nothing(harness: &impl DirectoryHarness) {
    let tenant = Tenant::new();
    let mut import = harness.directory().begin().await.expect("store is up");
    import.upsert(&tenant.records()).await.expect("the records agree with each other");
    assert!(nothing_is_stored(harness, &tenant).await, "an import is seen before its commit");
    drop(import);
    assert!(nothing_is_stored(harness, &tenant).await, "an import that was dropped is seen");

    let mut import = harness.directory().begin().await.expect("store is up");
    import.upsert(&tenant.records()).await.expect("the records agree with each other");
    let orphan = DirectoryRecord::User(user(&organization_id()));
    import.upsert(&[orphan]).await.expect_err("its organization is not stored");
    drop(import);
    assert!(nothing_is_stored(harness, &tenant).await, "the first half of a refused import is seen");

    let mut import = harness.directory().begin().await.expect("store is up");
    for record in tenant.records() {
        import.upsert(&[record]).await.expect("the records agree with each other");
    }
    import.commit().await.expect("store is up");
    assert!(everything_is_stored(harness, &tenant).await, "a committed import is not seen whole");
}

/// A record of every kind replaces the one with the same identity.
pub async fn a_record_stored_again_is_replaced(harness: &impl DirectoryHarness) {
    let before = Tenant::new();
    import(harness, &before.records()).await;
    let number = &before.number.number;
    let after = Tenant {
        organization: Organization { name: name("Nova"), ..before.organization.clone() },
        user: UserRecord { full_name: name("Nova User"), access_role: None, ..before.user.clone() },
        agent: Agent { name: name("Nova Agent"), provider_agent_id: None, ..before.agent.clone() },
        number: NumberRecord {
            number: domain::CallerNumber { on_trunk: false, provider_number_id: None, ..number.clone() },
            position: 4,
        },
        contact: ContactRecord {
            identity: before.contact.identity.clone(),
            first_name: None,
            last_name: Some(name("Nova")),
            place: ContactPlace {
                zone: ZoneName::parse("America/Toronto").ok(),
                region: Region::parse("CA-ON").ok(),
            },
            ..contact(&before.organization.id)
        },
    };
    import(harness, &after.records()).await;
    assert!(everything_is_stored(harness, &after).await, "a record was not replaced, or not whole");

    // The first number shows the position.
    let first = NumberRecord { position: 3, ..crate::fixtures::number(&after.user, 3) };
    import(harness, &[DirectoryRecord::Number(first.clone())]).await;
    let chosen = number_pool::default_number(harness, &after.user).await;
    assert_eq!(chosen, Some(first.number), "the position of a number was not replaced");
}

/// A contact without an id replaces the contact with its number, or is made under the new id. A
/// number of one contact cannot be given to a second one.
pub async fn a_contact_without_an_id_is_known_by_its_number(harness: &impl DirectoryHarness) {
    let tenant = Tenant::new();
    import(harness, &tenant.records()).await;
    let nameless = |new_id| ContactRecord {
        identity: ContactIdentity::ByPhoneNumber { new_id },
        first_name: Some(name("Renamed")),
        last_name: None,
        ..tenant.contact.clone()
    };
    let unused = contact_id();
    import(harness, &[DirectoryRecord::Contact(nameless(unused.clone()))]).await;
    let renamed =
        Contact { first_name: Some(name("Renamed")), last_name: None, ..stored_contact(&tenant.contact) };
    assert_eq!(find(harness, &renamed).await, Some(renamed));
    let second = harness.contacts().find(&tenant.organization.id, &unused).await.expect("store is up");
    assert_eq!(second, None, "a second contact was made for the same number");

    let fresh = ContactRecord {
        identity: ContactIdentity::ByPhoneNumber { new_id: contact_id() },
        ..contact(&tenant.organization.id)
    };
    import(harness, &[DirectoryRecord::Contact(fresh.clone())]).await;
    let made = stored_contact(&fresh);
    assert_eq!(find(harness, &made).await, Some(made));

    let taken = ContactRecord { phone_number: fresh.phone_number, ..contact(&tenant.organization.id) };
    let refusal = refusal(harness, &[DirectoryRecord::Contact(taken)]).await;
    assert_eq!(refusal, (0, RecordRefusal::PhoneNumberTaken));
}

/// A user, agent or contact with an id of another tenant is refused, with its index in the batch,
/// and the stored record stays the same. A number cannot name another tenant's user.
pub async fn a_record_cannot_move_to_another_tenant(harness: &impl DirectoryHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    import(harness, &[ours.records(), theirs.records()].concat()).await;
    let home = &ours.organization.id;
    let harmless = DirectoryRecord::Agent(agent(home));
    let user = UserRecord { id: theirs.user.id.clone(), ..user(home) };
    let moved = [
        DirectoryRecord::User(user.clone()),
        DirectoryRecord::Agent(Agent { id: theirs.agent.id.clone(), ..agent(home) }),
        DirectoryRecord::Contact(ContactRecord {
            identity: theirs.contact.identity.clone(),
            ..contact(home)
        }),
    ];
    for (index, record) in moved.into_iter().enumerate() {
        let mut batch = vec![harmless.clone(); index];
        batch.extend([record, harmless.clone()]);
        assert_eq!(refusal(harness, &batch).await, (index, RecordRefusal::OtherTenant));
    }
    let borrowed = [harmless, DirectoryRecord::Number(number(&user, 0))];
    assert_eq!(refusal(harness, &borrowed).await, (1, RecordRefusal::UnknownUser));
    assert!(everything_is_stored(harness, &theirs).await, "a refused record was stored");
}

/// A record that names a tenant or a user that is not stored is refused, with its index in the
/// batch.
pub async fn a_record_of_an_unknown_tenant_is_refused_with_its_index(harness: &impl DirectoryHarness) {
    let tenant = Tenant::new();
    import(harness, &tenant.records()).await;
    let (unknown_organization, unknown_user) = (organization_id(), user_id());
    let strays = [
        (
            DirectoryRecord::Suppression(suppression(Some(&unknown_organization))),
            RecordRefusal::UnknownOrganization,
        ),
        (DirectoryRecord::Consent(consent(&unknown_organization)), RecordRefusal::UnknownOrganization),
        (DirectoryRecord::User(user(&unknown_organization)), RecordRefusal::UnknownOrganization),
        (DirectoryRecord::Agent(agent(&unknown_organization)), RecordRefusal::UnknownOrganization),
        (DirectoryRecord::Contact(contact(&unknown_organization)), RecordRefusal::UnknownOrganization),
        (
            DirectoryRecord::CallingPolicy(PolicyRecord {
                organization_id: unknown_organization.clone(),
                policy: Box::default(),
            }),
            RecordRefusal::UnknownOrganization,
        ),
        (
            DirectoryRecord::Number(number(&UserRecord { id: unknown_user, ..tenant.user.clone() }, 0)),
            RecordRefusal::UnknownUser,
        ),
    ];
    for (index, (stray, reason)) in strays.into_iter().enumerate() {
        let mut batch = vec![DirectoryRecord::Organization(organization()); index];
        batch.extend([stray, DirectoryRecord::User(tenant.user.clone())]);
        assert_eq!(refusal(harness, &batch).await, (index, reason));
    }
}

/// A policy is stored with the commit, and audited without a user. The same policy again changes
/// nothing, another one gets the next revision, and so does one after a change by a user.
pub async fn an_imported_policy_is_audited(harness: &impl DirectoryHarness) {
    let tenant = Tenant::new();
    import(harness, &tenant.records()).await;
    let record = |policy: CallingPolicy| {
        let (organization_id, policy) = (tenant.organization.id.clone(), Box::new(policy));
        DirectoryRecord::CallingPolicy(PolicyRecord { organization_id, policy })
    };
    let (first, second) = (record(calling_policy()), record(CallingPolicy::default()));
    let mut dropped = harness.directory().begin().await.expect("store is up");
    dropped.upsert(std::slice::from_ref(&first)).await.expect("the organization is stored");
    drop(dropped);
    assert_eq!(calling_policies::find(harness, &tenant).await, None, "an import that was dropped is seen");

    import(harness, &[first.clone(), first.clone()]).await;
    import(harness, std::slice::from_ref(&first)).await;
    let stored = calling_policies::find(harness, &tenant).await.expect("a policy");
    assert_eq!((stored.policy, stored.revision, stored.changed), (calling_policy(), 1, None));
    import(harness, &[second, first]).await;
    calling_policies::put(harness, &calling_policies::change(&tenant, 3)).await;
    import(harness, &[record(CallingPolicy::default())]).await;

    let records = calling_policies::audited(harness, &tenant.organization.id).await;
    let changes: Vec<_> = records
        .iter()
        .rev()
        .map(|record| (calling_policies::audited_policy(record), record.user_id.clone()))
        .collect();
    let (one, other) = (calling_policy(), CallingPolicy::default());
    let expected = [
        ((1, one.clone()), None),
        ((2, other.clone()), None),
        ((3, one.clone()), None),
        ((4, one), Some(tenant.user.id.clone())),
        ((5, other), None),
    ];
    assert_eq!(changes, expected);
}

/// Each record finds what is stored of everything that it names, with the organization to which it
/// belongs, and no more than that. A contact is found by its id in any organization, and by its
/// number only in its own.
pub async fn what_records_name_is_found(harness: &impl DirectoryHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    let namesake =
        ContactRecord { phone_number: ours.contact.phone_number.clone(), ..contact(&theirs.organization.id) };
    let copies = [&ours, &theirs].map(|tenant| callee_records::copy(tenant, "us-national", 28));
    let lists = copies.clone().map(DirectoryRecord::DoNotCallCopy).to_vec();
    let stored = [ours.records(), theirs.records(), vec![DirectoryRecord::Contact(namesake)], lists];
    import(harness, &stored.concat()).await;

    let home = StoredIdentity::Organization(ours.organization.id.clone());
    let our_user = StoredIdentity::User(ours.user.id.clone(), ours.organization.id.clone());
    let their_user = StoredIdentity::User(theirs.user.id.clone(), theirs.organization.id.clone());
    let their_agent = StoredIdentity::Agent(theirs.agent.id.clone(), theirs.organization.id.clone());
    let (our_contact, their_contact) = (identity_of(&ours.contact), identity_of(&theirs.contact));
    let here = &ours.organization.id;
    let by_id = ContactRecord { identity: theirs.contact.identity.clone(), ..contact(here) };
    let by_number = ContactRecord {
        identity: ContactIdentity::ByPhoneNumber { new_id: contact_id() },
        ..ours.contact.clone()
    };
    let by_both = ContactRecord { identity: by_id.identity.clone(), ..ours.contact.clone() };
    let without_number = ContactRecord { phone_number: None, ..contact(here) };
    let our_list = StoredIdentity::DoNotCallList(copies[0].clone());
    let [older, other] =
        [callee_records::copy(&ours, "us-national", 1), callee_records::copy(&ours, "own", 28)];
    let named = [
        (DirectoryRecord::DoNotCallCopy(older), vec![&our_list]),
        (DirectoryRecord::DoNotCallCopy(other), vec![]),
        (DirectoryRecord::Suppression(suppression(Some(here))), vec![]),
        (DirectoryRecord::Consent(consent(here)), vec![]),
        (DirectoryRecord::Organization(ours.organization.clone()), vec![]),
        (DirectoryRecord::User(UserRecord { id: theirs.user.id.clone(), ..user(here) }), vec![&their_user]),
        (DirectoryRecord::Agent(Agent { id: theirs.agent.id.clone(), ..agent(here) }), vec![&their_agent]),
        (DirectoryRecord::Number(number(&ours.user, 1)), vec![&our_user]),
        (DirectoryRecord::Contact(by_id), vec![&their_contact]),
        (DirectoryRecord::Contact(by_number), vec![&our_contact]),
        (DirectoryRecord::Contact(by_both), vec![&our_contact, &their_contact]),
        (DirectoryRecord::Contact(without_number), vec![]),
    ];
    for (record, others) in &named {
        let expected = others.iter().copied().chain([&home]).cloned().collect();
        assert_eq!(find_named(harness, std::slice::from_ref(record)).await, expected, "{record:?}");
    }
    let (records, all): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let all = all.into_iter().flatten().chain([&home]).cloned().collect();
    assert_eq!(find_named(harness, &records).await, all);

    let strays =
        [DirectoryRecord::Organization(organization()), DirectoryRecord::User(user(&organization_id()))];
    assert_eq!(find_named(harness, &strays).await, HashSet::new(), "nothing of these is stored");
    assert_eq!(find_named(harness, &[]).await, HashSet::new(), "no record names nothing");
}

/// What these records find, each once.
async fn find_named(harness: &impl DirectoryHarness, records: &[DirectoryRecord]) -> HashSet<StoredIdentity> {
    let found = harness.directory().find_named(records).await.expect("store is up");
    let distinct: HashSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "something was found twice");
    distinct
}

fn identity_of(contact: &ContactRecord) -> StoredIdentity {
    let contact = stored_contact(contact);
    StoredIdentity::Contact {
        id: contact.id,
        organization_id: contact.organization_id,
        phone_number: contact.phone_number,
    }
}

/// Imports these records in one batch.
async fn import(harness: &impl DirectoryHarness, records: &[DirectoryRecord]) {
    let mut import = harness.directory().begin().await.expect("store is up");
    import.upsert(records).await.expect("the records agree with what is stored");
    import.commit().await.expect("store is up");
}

/// The index and reason of the refusal of this batch.
async fn refusal(harness: &impl DirectoryHarness, batch: &[DirectoryRecord]) -> (usize, RecordRefusal) {
    let mut import = harness.directory().begin().await.expect("store is up");
    match import.upsert(batch).await.expect_err("a record of the batch cannot be stored") {
        UpsertError::Refused { index, refusal } => (index, refusal),
        UpsertError::Unavailable(unavailable) => panic!("a refused record, not {unavailable}"),
    }
}

async fn nothing_is_stored(harness: &impl DirectoryHarness, tenant: &Tenant) -> bool {
    let organization = &tenant.organization.id;
    let user = harness.users().find(&tenant.user.id).await.expect("store is up");
    let agent = harness.agents().find(organization, &tenant.agent.id).await.expect("store is up");
    let contact = harness.contacts().find(organization, &tenant.contact_id()).await.expect("store is up");
    let number = number_pool::default_number(harness, &tenant.user).await;
    (user, agent, contact, number) == (None, None, None, None)
}

async fn everything_is_stored(harness: &impl DirectoryHarness, tenant: &Tenant) -> bool {
    let organization = &tenant.organization.id;
    let user = harness.users().find(&tenant.user.id).await.expect("store is up");
    let agent = harness.agents().find(organization, &tenant.agent.id).await.expect("store is up");
    let contact = find(harness, &stored_contact(&tenant.contact)).await;
    let number = number_pool::default_number(harness, &tenant.user).await;
    user == Some(tenant.stored_user())
        && agent.as_ref() == Some(&tenant.agent)
        && contact == Some(stored_contact(&tenant.contact))
        && number.as_ref() == Some(&tenant.number.number)
        && place(harness, tenant).await == tenant.contact.place
}

/// The place of the tenant's contact.
async fn place(harness: &impl DirectoryHarness, tenant: &Tenant) -> ContactPlace {
    let contact_id = tenant.contact_id();
    facts(harness, &query(tenant, Recipient::Contact(&contact_id))).await.place
}

async fn find(harness: &impl DirectoryHarness, contact: &Contact) -> Option<Contact> {
    harness.contacts().find(&contact.organization_id, &contact.id).await.expect("store is up")
}
