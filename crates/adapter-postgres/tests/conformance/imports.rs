//! Imports of many records.

use std::time::Duration;

use domain::ports::{CallLedger, ContactRepo, Directory, HoldResult, RecordRefusal, UpsertError};
use domain::{ContactId, ContactIdentity, ContactRecord, DirectoryRecord, Organization, PhoneNumber};
use sqlx::Row;
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

const MANY: u32 = 100_000;
const BATCH: usize = 500;

/// One of many contacts. One in twenty has a number and no id, one in twenty both: to read a number takes longer than to
/// store it.
fn contact(organization: &Organization, place: u32) -> DirectoryRecord {
    let id = ContactId::mint(place, [7; 8]);
    let number = || {
        let number = format!("+1416{}", 2_200_000 + place);
        PhoneNumber::parse(&number).expect("exchanges from 220 are valid in Toronto")
    };
    DirectoryRecord::Contact(ContactRecord {
        identity: match place % 20 {
            0 => ContactIdentity::ByPhoneNumber { new_id: id },
            _ => ContactIdentity::Known(id),
        },
        organization_id: organization.id.clone(),
        first_name: Some(fixtures::name(&format!("No. {place}"))),
        last_name: None,
        phone_number: (place % 20 < 2).then(number),
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
    let records: Vec<_> = (0..MANY).map(|place| contact(&tenant.organization, place)).collect();
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
    let mut records: Vec<_> = (0..1_000).map(|place| contact(&tenant.organization, place)).collect();
    let number_of_another = fixtures::contact(&tenant.organization.id);
    records[123] = DirectoryRecord::Contact(number_of_another.clone());
    records[877] = DirectoryRecord::Contact(ContactRecord {
        identity: ContactIdentity::Known(fixtures::contact_id()),
        ..number_of_another
    });
    let refused = import(&harness, &records).await.expect_err("two contacts have one number");
    let UpsertError::Refused { index, refusal } = refused else {
        panic!("a refusal is no outage: {refused}")
    };
    // In its batch: the second one.
    assert_eq!((index, refusal), (877 - BATCH, RecordRefusal::PhoneNumberTaken));
    assert_eq!(state_of_contacts(&harness).await.0, 0);
}

/// Records about one thing in one batch are stored one after the other, and numbers may change hands on the way.
#[tokio::test]
async fn records_of_one_batch_are_stored_in_their_order() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    let before = ContactRecord { first_name: Some(fixtures::name("Before")), ..tenant.contact.clone() };
    let moved_away = ContactRecord { phone_number: Some(fixtures::phone_number()), ..tenant.contact.clone() };
    let heir = ContactRecord {
        phone_number: tenant.contact.phone_number.clone(),
        ..fixtures::contact(&tenant.organization.id)
    };
    // The last but one puts back what is stored when the second batch begins.
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

/// A booking looks its contact up in the index that an import writes to: contacts that an import offers as they are stored
/// are not locked by it.
#[tokio::test]
async fn an_import_under_way_keeps_nobody_from_being_called() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut import = harness.adapter().begin().await.expect("the server answers");
    import.upsert(&tenant.records()).await.expect("the records agree with what is stored");
    let booked = harness.adapter().book(&tenant.booking(Duration::from_secs(60))).await;
    assert_eq!(booked, Ok(HoldResult::Granted));
    import.commit().await.expect("the server answers");
}
