use super::*;
use crate::{Region, ZoneName};

fn contact(id: Option<&str>, names: [&str; 2], number: &str) -> ContactRecord {
    let contact_id = |text| ContactId::parse(text).expect("an id");
    let [first_name, last_name] =
        names.map(|name| (!name.is_empty()).then(|| PersonName::parse(name).expect("a name")));
    ContactRecord {
        identity: match id {
            Some(id) => ContactIdentity::Known(contact_id(id)),
            None => ContactIdentity::ByPhoneNumber { new_id: contact_id("new") },
        },
        organization_id: OrganizationId::parse("o1").expect("an id"),
        first_name,
        last_name,
        phone_number: PhoneNumber::parse(number).ok(),
        place: ContactPlace::default(),
    }
}

const NUMBER: &str = "+14165550123";

#[test]
fn records_of_one_number_are_one_contact_and_the_first_one_decides() {
    let first = contact(None, ["Ada", ""], NUMBER);
    let later = contact(Some("c1"), ["Augusta", "King"], NUMBER);
    let merged = first.merged(&later).expect("one contact");
    assert_eq!(merged, contact(Some("c1"), ["Ada", "King"], NUMBER));
    assert!(merged.lacks_name_of(&later), "Augusta is lost");
    assert!(!merged.lacks_name_of(&first));
    assert_eq!(merged.merged(&contact(None, ["", ""], NUMBER)), Some(merged.clone()));
}

#[test]
fn the_places_of_one_contact_are_merged_too() {
    let zone = ZoneName::parse("America/Toronto").ok();
    let [quebec, ontario] = ["CA-QC", "CA-ON"].map(|code| Region::parse(code).ok());
    let at = |zone, region| ContactRecord {
        place: ContactPlace { zone, region },
        ..contact(Some("c1"), ["Ada", ""], NUMBER)
    };
    let merged = at(None, quebec.clone()).merged(&at(zone.clone(), ontario));
    assert_eq!(merged, Some(at(zone, quebec)));
}

#[test]
fn records_that_may_be_two_contacts_are_not_merged() {
    let first = contact(Some("c1"), ["Ada", ""], NUMBER);
    assert_eq!(first.merged(&contact(Some("c2"), ["Ada", ""], NUMBER)), None);
    assert_eq!(first.merged(&contact(Some("c1"), ["Ada", ""], "+14165550124")), None);
    let without_number = contact(Some("c1"), ["Ada", ""], "");
    assert_eq!(without_number.merged(&without_number), None);
    let other = OrganizationId::parse("o2").expect("an id");
    assert_eq!(first.merged(&ContactRecord { organization_id: other, ..first.clone() }), None);
}
