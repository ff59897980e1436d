//! `outdial import`, in a process of its own, beside a gateway.

use std::fmt::Write as _;

use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::World;

fn contact(id: &str, number: &str) -> String {
    json!({ "kind": "contact", "id": id, "organizationId": "o1", "phoneNumber": number }).to_string()
}

/// A good line, and then every kind of faulty line.
fn faulty_file() -> (String, String) {
    let mut lines = contact("new-1", "+14165550160") + "\n\n";
    let mut faults = String::new();
    let of_unknown_organization = json!({ "kind": "contact", "id": "new-2", "organizationId": "o9" });
    let cases = [
        (
            contact("new-2", "+1416"),
            "phoneNumber: not a valid E.164 phone number: it has fewer than 6 or more than 15 digits; write +, the \
             country code and the whole number",
        ),
        (contact("new-2", "+14165550190"), "another contact of the organization has its phone number"),
        (contact("new-2", "+14165550160"), "another contact of the organization has its phone number"),
        (contact("c2", "+14165550161"), "its id belongs to another organization"),
        (of_unknown_organization.to_string(), "its organization is not known"),
        ("{\"kind\":".to_owned(), "not a JSON object, at column 8"),
    ];
    for (index, (line, reason)) in cases.into_iter().enumerate() {
        writeln!(lines, "{line}").expect("writing to a string does not fail");
        writeln!(faults, "line {}: {reason}", index + 3).expect("writing to a string does not fail");
    }
    (lines, faults)
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_faulty_lines_is_not_imported_and_all_of_them_are_reported(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let (lines, faults) = faulty_file();
    for options in [&[][..], &["--dry-run"]] {
        let (succeeded, errors) = world.import_with(options, &lines).await;
        assert!(!succeeded && errors.starts_with(&faults), "{errors}");
        assert!(errors.contains("lines that cannot be loaded: 6; nothing was imported"), "{errors}");
        assert!(!errors.contains("416555"), "no value is quoted: {errors}");
    }
    let good = contact("new-1", "+14165550160");
    for options in [&["--dry-run"][..], &["--dry-run", "--skip-invalid"]] {
        assert_eq!(world.import_with(options, &good).await, (true, String::new()));
    }
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    gateway.client.place(json!({ "contactId": "new-1" })).await.assert_error(404, "CONTACT_NOT_FOUND");
    assert_eq!(world.import(&good).await, (true, String::new()));
    assert!(gateway.client.place(json!({ "contactId": "new-1" })).await.is_new_call());
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_lines_can_be_skipped_and_are_reported(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let (lines, faults) = faulty_file();
    assert_eq!(world.import_with(&["--dry-run", "--skip-invalid"], &lines).await, (true, faults.clone()));
    assert_eq!(world.import_with(&["--skip-invalid"], &lines).await, (true, faults));
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    assert!(gateway.client.place(json!({ "contactId": "new-1" })).await.is_new_call());
    gateway.client.place(json!({ "contactId": "new-2" })).await.assert_error(404, "CONTACT_NOT_FOUND");
    gateway.stop().await;
}

/// The import changes the names of the contacts that are called meanwhile.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_can_be_called_during_an_import_that_changes_them(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    const CONTACTS: u32 = 5_000;
    let world = World::new(backing).await;
    let file = |first_name: &str| {
        let mut lines = String::new();
        for n in 0..CONTACTS {
            let fields = r#""kind":"contact","organizationId":"o1""#;
            writeln!(
                lines,
                r#"{{{fields},"firstName":"{first_name}","id":"bulk-{n}","phoneNumber":"+1647{:07}"}}"#,
                2_000_000 + n
            )
            .expect("writing to a string does not fail");
        }
        lines
    };
    assert_eq!(world.import(&file("Before")).await, (true, String::new()));
    let gateway = world.start().await;
    let import = async { world.import(&file("After")).await };
    let calls = async {
        for n in (0..CONTACTS).step_by(250) {
            let response = gateway.client.place(json!({ "contactId": format!("bulk-{n}") })).await;
            assert!(response.is_new_call(), "bulk-{n}: {}", response.body);
        }
    };
    let (imported, ()) = tokio::join!(import, calls);
    assert_eq!(imported, (true, String::new()));
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_many_contacts_is_imported_twice(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let mut lines = String::new();
    for n in 0..100_000 {
        let number = format!("+1647{}{:06}", 2 + n % 8, n);
        let fields = r#""kind":"contact","organizationId":"o1","firstName":"B""#;
        writeln!(lines, r#"{{{fields},"id":"bulk-{n}","phoneNumber":"{number}"}}"#)
            .expect("writing to a string does not fail");
    }
    for _ in 0..2 {
        let (succeeded, errors) = world.import(&lines).await;
        assert!(succeeded, "{errors}");
    }
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    assert!(gateway.client.place(json!({ "contactId": "bulk-99999" })).await.is_new_call());
    gateway.stop().await;
}
