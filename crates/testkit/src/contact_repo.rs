//! The suite of [`ContactRepo`](domain::ports::ContactRepo).

use domain::{ContactId, ContactRecord, DirectoryRecord};

use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, contact, contact_id, long_contact_id, phone_number, stored_contact};
use crate::harness::ContactRepoHarness;

suite! {
    $ contact_repo_suite of contact_repo:
    what_is_saved_is_what_is_loaded,
    another_tenants_contact_is_absent,
    an_unknown_contact_is_absent,
    a_known_number_finds_its_contact,
    a_new_number_makes_a_contact_with_the_offered_id,
    many_finds_of_one_new_number_make_one_contact,
    one_number_in_two_tenants_is_two_contacts,
    a_lost_contact_store_is_unavailable,
}

/// A contact is loaded with every field, set or not, in any script, with ids of any length.
pub async fn what_is_saved_is_what_is_loaded(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let whole = contact(&tenant.organization.id);
    let long_id = domain::ContactIdentity::Known(long_contact_id());
    let variants = [
        ContactRecord { identity: long_id, ..contact(&tenant.organization.id) },
        ContactRecord { first_name: None, ..contact(&tenant.organization.id) },
        ContactRecord { last_name: None, ..contact(&tenant.organization.id) },
        ContactRecord { phone_number: None, ..contact(&tenant.organization.id) },
        ContactRecord { phone_number: None, ..contact(&tenant.organization.id) },
        whole,
    ];
    let records: Vec<_> = variants.iter().cloned().map(DirectoryRecord::Contact).collect();
    harness.store(&records).await;
    for record in &variants {
        let saved = stored_contact(record);
        let loaded = harness.contacts().find(&saved.organization_id, &saved.id).await.expect("store is up");
        assert!(loaded.as_ref() == Some(&saved), "saved {saved:?}, loaded {loaded:?}");
    }
}

/// Another tenant's contact is not found by its id.
pub async fn another_tenants_contact_is_absent(harness: &impl ContactRepoHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    let found = harness.contacts().find(&ours.organization.id, &theirs.contact_id()).await;
    assert_eq!(found.expect("store is up"), None);
}

/// No contact is found by an id that is not stored, also if it looks like a pattern, a number or a
/// statement.
pub async fn an_unknown_contact_is_absent(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let stored = tenant.contact_id();
    let odd = [
        "0",
        "-1",
        "%",
        "_",
        "*",
        "' OR '1'='1",
        "null",
        "ÿ",
        "../x",
        "{}",
        "00000000-0000-0000-0000-000000000000",
    ];
    let unlike = odd.into_iter().map(|text| ContactId::parse(text).expect("an id may be any text"));
    let upper = ContactId::parse(&stored.as_str().replace('a', "A")).expect("still an id");
    let like = ContactId::parse(&format!("{stored} ")).expect("still an id");
    let unknown = unlike.chain([upper, like, contact_id(), long_contact_id()]).filter(|id| *id != stored);
    for id in unknown {
        let found = harness.contacts().find(&tenant.organization.id, &id).await;
        assert_eq!(found.expect("an unknown id is no error"), None, "{id}");
    }
}

/// A number that the organization knows finds its contact, whose name and id stay the same.
pub async fn a_known_number_finds_its_contact(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (contacts, organization) = (harness.contacts(), &tenant.organization.id);
    let saved = stored_contact(&tenant.contact);
    let number = saved.phone_number.clone().expect("the fixture has a number");
    let offered = contact_id();
    let found = contacts.find_or_create(organization, &number, &offered).await.expect("store is up");
    assert_eq!(found, saved);
    assert_eq!(contacts.find(organization, &saved.id).await.expect("store is up"), Some(saved));
    assert_eq!(contacts.find(organization, &offered).await.expect("store is up"), None);
}

/// A number that the organization does not know makes a contact without a name and with the offered
/// id. The contact is stored.
pub async fn a_new_number_makes_a_contact_with_the_offered_id(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (contacts, organization) = (harness.contacts(), &tenant.organization.id);
    let (number, offered) = (phone_number(), long_contact_id());
    let made = contacts.find_or_create(organization, &number, &offered).await.expect("store is up");
    let nameless = domain::Contact {
        id: offered.clone(),
        organization_id: organization.clone(),
        first_name: None,
        last_name: None,
        phone_number: Some(number.clone()),
    };
    assert_eq!(made, nameless);
    assert_eq!(contacts.find(organization, &offered).await.expect("store is up"), Some(nameless.clone()));
    let again = contacts.find_or_create(organization, &number, &contact_id()).await.expect("store is up");
    assert_eq!(again, nameless);
}

/// Fifty concurrent requests with one new number make one contact and all return it.
pub async fn many_finds_of_one_new_number_make_one_contact(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let number = phone_number();
    let offered: Vec<ContactId> = (0..CROWD).map(|_| contact_id()).collect();
    let finds = offered.iter().cloned().map(|new_id| {
        let (contacts, organization) = (harness.contacts(), tenant.organization.id.clone());
        let number = number.clone();
        async move { contacts.find_or_create(&organization, &number, &new_id).await }
    });
    let found: Vec<_> =
        all_at_once(finds).await.into_iter().map(|found| found.expect("store is up")).collect();
    let first = &found[0];
    assert!(offered.contains(&first.id), "the id of the contact was not offered");
    assert!(found.iter().all(|contact| contact == first), "two requests got different contacts");

    let contacts = harness.contacts();
    for id in offered.iter().filter(|id| **id != first.id) {
        let second = contacts.find(&tenant.organization.id, id).await.expect("store is up");
        assert_eq!(second, None, "a second contact was made");
    }
}

/// Two tenants with the same number have one contact each.
pub async fn one_number_in_two_tenants_is_two_contacts(harness: &impl ContactRepoHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    let (contacts, offered) = (harness.contacts(), contact_id());
    let theirs_saved = stored_contact(&theirs.contact);
    let number = theirs_saved.phone_number.clone().expect("the fixture has a number");
    let made = contacts.find_or_create(&ours.organization.id, &number, &offered).await.expect("store is up");
    assert_eq!((made.id, made.organization_id), (offered, ours.organization.id.clone()));
    let still = contacts.find_or_create(&theirs.organization.id, &number, &contact_id()).await;
    assert_eq!(still.expect("store is up"), theirs_saved);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting the number
/// or an id.
pub async fn a_lost_contact_store_is_unavailable(harness: &impl ContactRepoHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (contacts, organization) = (harness.contacts(), &tenant.organization.id);
    let (number, id) = (phone_number(), tenant.contact_id());
    harness.lose().await;
    let private = [number.as_e164(), id.as_str(), organization.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, contacts.find(organization, &id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, contacts.find_or_create(organization, &number, &id), &private)
        .await;
}
