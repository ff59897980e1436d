//! The suite of [`PersonalData`](domain::ports::PersonalData).

mod blocking;
mod effects;
mod exporting;
mod stored;

use domain::ports::{AuditQuery, ErasedCounts, Erasure, ErasureResult, Person, PersonKey, PersonalRecords};
use domain::{AuditAction, AuditRecord, OrganizationId};

pub use self::blocking::{
    a_booking_for_an_erased_contact_is_not_granted, a_call_that_has_not_ended_blocks_an_erasure,
    an_erased_contact_can_be_stored_again, an_erasure_and_a_booking_do_not_interleave,
    an_open_event_blocks_an_erasure,
};
pub use self::effects::{
    a_late_report_of_an_erased_call_is_dropped, an_erased_call_stays_in_the_ledger,
    an_erased_number_stays_suppressed, an_idempotency_key_of_an_erased_call_dials_no_more,
    recordings_of_erased_calls_are_named_until_they_are_removed,
    the_suppression_of_an_erased_number_is_listed_and_removed,
};
pub use self::exporting::{
    an_erasure_leaves_the_data_of_others, an_erasure_removes_what_an_export_has,
    an_export_has_nothing_of_others, an_export_has_what_is_stored_of_a_person,
};
use self::stored::{PRIVATE, Stored, shows};
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::moment;
use crate::harness::PersonalDataHarness;

suite! {
    $ personal_data_suite of personal_data:
    an_export_has_what_is_stored_of_a_person,
    an_export_has_nothing_of_others,
    an_erasure_removes_what_an_export_has,
    an_erasure_leaves_the_data_of_others,
    an_erased_call_stays_in_the_ledger,
    an_erased_number_stays_suppressed,
    the_suppression_of_an_erased_number_is_listed_and_removed,
    a_call_that_has_not_ended_blocks_an_erasure,
    an_open_event_blocks_an_erasure,
    a_late_report_of_an_erased_call_is_dropped,
    a_booking_for_an_erased_contact_is_not_granted,
    an_erasure_and_a_booking_do_not_interleave,
    an_erased_contact_can_be_stored_again,
    recordings_of_erased_calls_are_named_until_they_are_removed,
    an_idempotency_key_of_an_erased_call_dials_no_more,
    an_erasure_is_audited,
    a_repeated_erasure_changes_nothing,
    a_rehearsal_changes_nothing,
    lost_personal_data_is_unavailable,
}

/// The audit has who, when and for which organization, without what was erased.
pub async fn an_erasure_is_audited(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    erase(harness, stored.by_number()).await;
    let records = audited(harness, &stored.tenant.organization.id).await;
    let [record] = &records[..] else { panic!("one erasure is audited: {records:?}") };
    assert_eq!((record.at, &record.user_id, &record.object_id), (moment(), &None, &None));
    assert!(!shows(record.detail.as_deref().unwrap_or_default(), &stored), "the detail names the person");
}

/// The second erasure, by number or by contact, erases nothing and writes no audit.
pub async fn a_repeated_erasure_changes_nothing(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let first = erase(harness, stored.by_contact()).await;
    assert!(!first.is_empty(), "nothing was erased");
    let after = export(harness, stored.by_contact()).await;
    for person in [stored.by_contact(), stored.by_number()] {
        assert_eq!(erase(harness, person).await, ErasedCounts::default());
    }
    assert!(export(harness, stored.by_contact()).await == after, "what is left has changed");
    assert_eq!(audited(harness, &stored.tenant.organization.id).await.len(), 1);
}

/// A rehearsal counts what the erasure then erases, and changes nothing.
pub async fn a_rehearsal_changes_nothing(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let before = export(harness, stored.by_number()).await;
    let rehearsal = Erasure { rehearse: true, ..erasure(stored.by_number()) };
    let rehearsed = harness.personal_data().erase(&rehearsal).await.expect("store is up");
    assert!(export(harness, stored.by_number()).await == before, "a rehearsal has changed the data");
    assert_eq!(audited(harness, &stored.tenant.organization.id).await.len(), 0);
    let erased = harness.personal_data().erase(&erasure(stored.by_number())).await.expect("store is up");
    assert_eq!(rehearsed, erased);
}

/// Without its store every operation returns `PortUnavailable` without quoting the number.
pub async fn lost_personal_data_is_unavailable(harness: &impl PersonalDataHarness) {
    let stored = Stored::new(harness).await;
    let data = harness.personal_data();
    harness.lose().await;
    let (number, person) = (stored.number(), stored.by_number());
    let private = [number.as_e164(), stored.tenant.organization.id.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, data.export(&person), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, data.erase(&erasure(person)), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, data.recordings_to_remove(1), &private).await;
    let key = &stored.recording().key;
    unavailable_within(LOST_DATABASE_BOUND, data.note_removed_recording(key), &private).await;
}

async fn export(harness: &impl PersonalDataHarness, person: Person) -> PersonalRecords {
    harness.personal_data().export(&person).await.expect("store is up")
}

fn erasure(person: Person) -> Erasure {
    Erasure { person, at: moment(), rehearse: false }
}

/// Erases a person whom nothing keeps from being erased.
async fn erase(harness: &impl PersonalDataHarness, person: Person) -> ErasedCounts {
    match harness.personal_data().erase(&erasure(person)).await.expect("store is up") {
        ErasureResult::Erased(counts) => counts,
        ErasureResult::Blocked(block) => panic!("the erasure is blocked: {block:?}"),
    }
}

/// The erasures of an organization.
async fn audited(harness: &impl PersonalDataHarness, organization_id: &OrganizationId) -> Vec<AuditRecord> {
    let query = AuditQuery {
        organization_id: organization_id.clone(),
        before: None,
        action: Some(AuditAction::PersonErased.as_str().into()),
        limit: 100,
    };
    harness.audit().list(&query).await.expect("store is up")
}

fn person(organization_id: &OrganizationId, key: PersonKey) -> Person {
    Person { organization_id: Some(organization_id.clone()), key }
}

/// Every text of an export.
fn text_of(records: &PersonalRecords) -> String {
    records
        .tables
        .iter()
        .flat_map(|table| table.rows.iter().map(String::as_str))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Which of the private texts an export shows.
fn private_texts(records: &PersonalRecords) -> Vec<&'static str> {
    let text = text_of(records);
    PRIVATE.into_iter().filter(|private| text.contains(private)).collect()
}
