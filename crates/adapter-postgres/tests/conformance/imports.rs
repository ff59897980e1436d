//! Imports of many records.

use std::time::Duration;

use domain::ports::{CallLedger, ContactRepo, Directory, HoldResult, RecordRefusal, UpsertError};
use domain::{
    ContactId, ContactIdentity, ContactPlace, ContactRecord, DirectoryRecord, Organization, PhoneNumber,
};
use sqlx::Row;
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

const MANY: u32 = 100_000;
const BATCH: usize = 500;

/// One of many contacts. One in twenty has a number and no id, one in twenty has both: parsing a
/// number takes longer than storing it.
fn contact(organization: &Organization, index: u32) -> DirectoryRecord {
    let id = ContactId::mint(index, [7; 8]);
    let number = || {
        let number = format!("+1416{}", 2_200_000 + index);
        PhoneNumber::parse(&number).expect("exchanges from 220 are valid in Toronto")
    };
    DirectoryRecord::Contact(ContactRecord {
        identity: match index % 20 {
            0 => ContactIdentity::ByPhoneNumber { new_id: id },
            _ => ContactIdentity::Known(id),
        },
        organization_id: organization.id.clone(),
        first_name: Some(fixtures::name(&format!("No. {index}"))),
        last_name: None,
        phone_number: (index % 20 < 2).then(number),
        place: ContactPlace::default(),
    })
}

async fn import(harness: &PostgresHarness, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
    let mut import = harness.adapter().begin().await?;
    for batch in records.chunks(BATCH) {
        import.upsert(batch).await?;
    }
    Ok(import.commit().await?)
}

/// The number of contacts, and a digest that changes with every write and every lock on one.
async fn state_of_contacts(harness: &PostgresHarness) -> (i64, String) {
    let rows = harness.database().query(
        "select count(*) as contacts, md5(string_agg(concat_ws(':', id, ctid, xmin, xmax), ',' order by id)) as digest \
           from contacts",
    );
    let rows = rows.await;
    let contacts: String = rows[0].get_unchecked("contacts");
    (contacts.parse().expect("a count"), rows[0].get::<Option<String>, _>("digest").unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_contacts_are_stored_and_the_same_again_write_nothing() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()[..1]).await;
    let records: Vec<_> = (0..MANY).map(|index| contact(&tenant.organization, index)).collect();
    import(&harness, &records).await.expect("the records agree with each other");
    let stored = state_of_contacts(&harness).await;
    assert_eq!(stored.0, i64::from(MANY));
    import(&harness, &records).await.expect("the records agree with what is stored");
    assert_eq!(state_of_contacts(&harness).await, stored);
}

#[tokio::test]
async fn one_bad_record_among_many_is_named_and_nothing_is_stored() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()[..1]).await;
    let mut records: Vec<_> = (0..1_000).map(|index| contact(&tenant.organization, index)).collect();
    let number_of_another = fixtures::contact(&tenant.organization.id);
    records[123] = DirectoryRecord::Contact(number_of_another.clone());
    records[877] = DirectoryRecord::Contact(ContactRecord {
        identity: ContactIdentity::Known(fixtures::contact_id()),
        ..number_of_another
    });
    let refused = import(&harness, &records).await.expect_err("two contacts have one number");
    let UpsertError::Refused { index, refusal } = refused else {
        panic!("the record is refused, and the store is available: {refused}")
    };
    // The index is that in the second batch.
    assert_eq!((index, refusal), (877 - BATCH, RecordRefusal::PhoneNumberTaken));
    assert_eq!(state_of_contacts(&harness).await.0, 0);
}

/// Records of one contact in one batch are stored one after the other, and a number may move from
/// one contact to another.
#[tokio::test]
async fn records_of_one_batch_are_stored_in_their_order() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    let before = ContactRecord { first_name: Some(fixtures::name("Before")), ..tenant.contact.clone() };
    let moved_away = ContactRecord { phone_number: Some(fixtures::phone_number()), ..tenant.contact.clone() };
    let heir = ContactRecord {
        phone_number: tenant.contact.phone_number.clone(),
        ..fixtures::contact(&tenant.organization.id)
    };
    // The last but one equals what is stored when the second batch begins.
    for batch in
        [vec![before.clone()], vec![tenant.contact.clone(), before, moved_away.clone(), heir.clone()]]
    {
        let contacts = batch.into_iter().map(DirectoryRecord::Contact);
        let records: Vec<_> = tenant.records().into_iter().take(1).chain(contacts).collect();
        import(&harness, &records).await.expect("in this order, no number has two contacts");
    }
    for record in [moved_away, heir] {
        let contact = fixtures::stored_contact(&record);
        let found = harness.adapter().find(&contact.organization_id, &contact.id).await;
        assert_eq!(found, Ok(Some(contact)));
    }
}

/// A booking refers to its user, agent and contact. An import locks their keys only if it changes
/// the contact's number.
#[tokio::test]
async fn a_running_import_does_not_delay_a_booking() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut import = harness.adapter().begin().await.expect("the server responds");
    import.upsert(&tenant.records()).await.expect("the records agree with what is stored");
    import.upsert(&renamed(&tenant).records()).await.expect("the records agree with what is stored");
    let booked = harness.adapter().book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
    import.commit().await.expect("the server responds");
    let contact = fixtures::stored_contact(&renamed(&tenant).contact);
    let found = harness.adapter().find(&contact.organization_id, &contact.id).await;
    assert_eq!(found, Ok(Some(contact)), "the import was not stored");
}

/// The same when the contact is known by its number.
#[tokio::test]
async fn a_running_import_of_contacts_by_number_does_not_delay_a_booking() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut import = harness.adapter().begin().await.expect("the server responds");
    let by_number = ContactRecord {
        identity: ContactIdentity::ByPhoneNumber { new_id: fixtures::contact_id() },
        ..renamed(&tenant).contact
    };
    import.upsert(&[DirectoryRecord::Contact(by_number)]).await.expect("the contact is stored");
    let booked = harness.adapter().book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
    import.commit().await.expect("the server responds");
}

/// Every write and every lock leaves a trace in the system columns of a row.
#[tokio::test]
async fn records_that_would_not_change_are_neither_written_nor_locked() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let rows = async || {
        let rows = harness.database().query(
            "select concat_ws(':', ctid, xmin, xmax) as version from organizations \
             union all select concat_ws(':', ctid, xmin, xmax) from users \
             union all select concat_ws(':', ctid, xmin, xmax) from agents \
             union all select concat_ws(':', ctid, xmin, xmax) from caller_numbers \
             union all select concat_ws(':', ctid, xmin, xmax) from contacts",
        );
        rows.await.iter().map(|row| row.get::<String, _>("version")).collect::<Vec<_>>()
    };
    let stored = rows().await;
    import(&harness, &tenant.records()).await.expect("the records are stored already");
    assert_eq!(rows().await, stored);
    import(&harness, &renamed(&tenant).records()).await.expect("the records agree with what is stored");
    let replaced = rows().await;
    assert!(replaced.iter().zip(&stored).all(|(after, before)| after != before), "a record was not replaced");
}

/// A number that another process changes during the import is still replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_changes_during_the_import_is_replaced() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let other_number =
        ContactRecord { phone_number: Some(fixtures::phone_number()), ..tenant.contact.clone() };
    let mut other = harness.adapter().begin().await.expect("the server responds");
    other.upsert(&[DirectoryRecord::Contact(other_number)]).await.expect("the number is new");
    let records = [DirectoryRecord::Contact(renamed(&tenant).contact)];
    let running = async {
        let mut import = harness.adapter().begin().await.expect("the server responds");
        import.upsert(&records).await.expect("the record agrees with what is stored");
        import.commit().await.expect("the server responds");
    };
    let commit = async {
        testkit::eventually("the import waits for the other one", async || {
            let waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
            (!harness.database().query(waiting).await.is_empty()).then_some(())
        })
        .await;
        other.commit().await.expect("the server responds");
    };
    tokio::join!(running, commit);
    let contact = fixtures::stored_contact(&renamed(&tenant).contact);
    let found = harness.adapter().find(&contact.organization_id, &contact.id).await;
    assert_eq!(found, Ok(Some(contact)));
}

/// The same records with other values, except for the contact's number.
fn renamed(tenant: &Tenant) -> Tenant {
    let mut renamed = tenant.clone();
    renamed.organization.name = fixtures::name("Nova");
    renamed.user.full_name = fixtures::name("Nova User");
    renamed.agent.name = fixtures::name("Nova Agent");
    renamed.number.position += 1;
    renamed.contact.first_name = Some(fixtures::name("Nova"));
    renamed
}
