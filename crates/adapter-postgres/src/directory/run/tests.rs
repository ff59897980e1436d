use domain::{ContactPlace, ContactRecord, Organization, PersonName};

use super::*;

fn organization(id: &str) -> DirectoryRecord {
    DirectoryRecord::Organization(Organization {
        id: OrganizationId::parse(id).expect("an id"),
        name: PersonName::parse("Acme").expect("a name"),
    })
}

fn contact(id: &str, by_number: bool) -> DirectoryRecord {
    let id = ContactId::parse(id).expect("an id");
    let number = PhoneNumber::parse("+14165550100").expect("a number");
    DirectoryRecord::Contact(ContactRecord {
        identity: if by_number {
            ContactIdentity::ByPhoneNumber { new_id: id }
        } else {
            ContactIdentity::Known(id)
        },
        organization_id: OrganizationId::parse("acme").expect("an id"),
        first_name: None,
        last_name: None,
        phone_number: Some(number),
        place: ContactPlace::default(),
    })
}

fn lengths(records: &[DirectoryRecord]) -> Vec<usize> {
    runs(records).into_iter().map(<[_]>::len).collect()
}

#[test]
fn records_of_one_kind_stay_together_and_in_order() {
    assert_eq!(
        lengths(&[organization("a"), organization("b"), contact("c", false), organization("d")]),
        [2, 1, 1]
    );
    assert!(lengths(&[]).is_empty());
}

#[test]
fn the_second_record_of_one_identity_starts_a_new_run() {
    assert_eq!(
        lengths(&[organization("a"), organization("b"), organization("a"), organization("b")]),
        [2, 2]
    );
    assert_eq!(lengths(&[contact("c", true), contact("d", true)]), [1, 1], "one number");
    assert_eq!(lengths(&[contact("c", false), contact("d", true)]), [1, 1], "two ways to name a contact");
}
