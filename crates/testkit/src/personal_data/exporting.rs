use domain::ports::{ErasedCounts, PersonKey};
use domain::{DirectoryRecord, PhoneNumber};

use super::stored::{PRIVATE, Stored, shows};
use super::{erase, export, person, private_texts, text_of};
use crate::call_updates::find;
use crate::fixtures::{Tenant, contact, name};
use crate::harness::PersonalDataHarness;

/// The tables with data of a person, in the order of an export.
const TABLES: [&str; 8] = [
    "call_attempts",
    "call_events",
    "calls",
    "consents",
    "contacts",
    "provider_events",
    "suppressions",
    "webhook_deliveries",
];

/// By number and by contact: the rows of every table, with every text.
pub async fn an_export_has_what_is_stored_of_a_person(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    for person in [stored.by_number(), stored.by_contact()] {
        let records = export(harness, person).await;
        let mut tables: Vec<_> = records.tables.iter().map(|table| table.table).collect();
        tables.sort_unstable();
        assert_eq!(tables, TABLES);
        assert_eq!(private_texts(&records), PRIVATE.to_vec());
        assert!(text_of(&records).contains(stored.number().as_e164()), "the number is absent");
        assert_eq!(
            records.conversations,
            stored.reference.conversation_id.clone().into_iter().collect::<Vec<_>>()
        );
        assert_eq!(records.recordings, [stored.recording().key]);
        for table in &records.tables {
            let expected = match table.table {
                "suppressions" | "provider_events" => 2,
                "call_events" | "webhook_deliveries" => 4,
                _ => 1,
            };
            assert_eq!(table.rows.len(), expected, "{}", table.table);
            let is_object =
                |row: &String| serde_json::from_str::<serde_json::Value>(row).is_ok_and(|it| it.is_object());
            assert!(table.rows.iter().all(is_object), "{}", table.table);
        }
    }
}

/// Neither another contact of the organization, nor a person of another organization with the same number.
pub async fn an_export_has_nothing_of_others(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let other = other_organization(harness, &stored.number()).await;
    let stranger = contact(&stored.tenant.organization.id);
    harness.store(&[DirectoryRecord::Contact(stranger.clone())]).await;
    let of_stranger = stranger.phone_number.expect("the contact has a number");
    let of_stranger = person(&stored.tenant.organization.id, PersonKey::Number(of_stranger));
    assert_eq!(private_texts(&export(harness, of_stranger).await), Vec::<&str>::new());
    let theirs = person(&other.organization.id, PersonKey::Number(stored.number()));
    let theirs = export(harness, theirs).await;
    assert_eq!(private_texts(&theirs), Vec::<&str>::new());
    assert!(text_of(&theirs).contains("Peregrine"), "their own contact is absent");
    assert!(!text_of(&export(harness, stored.by_number()).await).contains("Peregrine"));
}

/// By number and by contact: neither the number nor a text is left, and what is counted was there.
pub async fn an_erasure_removes_what_an_export_has(harness: &impl PersonalDataHarness) {
    for by_number in [true, false] {
        let stored = Stored::new(harness).await;
        let person = if by_number { stored.by_number() } else { stored.by_contact() };
        let expected = ErasedCounts {
            contacts: 1,
            calls: 1,
            recordings: 1,
            provider_events: 2,
            suppressions: 2,
            consents: 1,
            attempts: 1,
        };
        assert_eq!(erase(harness, person).await, expected);
        for person in [stored.by_number(), stored.by_contact()] {
            let left = export(harness, person).await;
            assert!(!shows(&text_of(&left), &stored), "left: {left:?}");
            assert_eq!(left.recordings, []);
        }
    }
}

/// The call and the contact of another organization with the same number stay, and so does another contact
/// of the same organization.
pub async fn an_erasure_leaves_the_data_of_others(harness: &impl PersonalDataHarness) {
    let (erased, kept) = (Stored::new(harness).await, Stored::new(harness).await);
    let other = other_organization(harness, &erased.number()).await;
    let theirs = || person(&other.organization.id, PersonKey::Number(erased.number()));
    let before = (export(harness, theirs()).await, export(harness, kept.by_number()).await);
    erase(harness, erased.by_number()).await;
    let after = (export(harness, theirs()).await, export(harness, kept.by_number()).await);
    assert!(before == after, "another person's data has changed");
    assert_eq!(find(harness, &kept.booking).await.identity.to, kept.number());
}

/// Another organization, whose contact has this number.
async fn other_organization(harness: &impl PersonalDataHarness, number: &PhoneNumber) -> Tenant {
    let mut other = Tenant::new();
    other.contact.phone_number = Some(number.clone());
    other.contact.first_name = Some(name("Peregrine"));
    harness.store(&other.records()).await;
    other
}
