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

/// Lists of people to call, as eight programs and spreadsheets write them: options, file, how many of
/// its rows are contacts, and how many are not.
const LEAD_LISTS: [(&[&str], &str, i64, usize); 8] = [
    (
        &[],
        "first_name,last_name,phone,source\nAda,Test,+14165550140,ads\nBea,Test,+61 491 570 156,ads\n",
        2,
        0,
    ),
    (
        &["--column", "firstName=Name"],
        "Name,Phone,Company\nC Test,+1-416-555-0141,X\nD Test,+1 (416) 555-0142,X\n",
        2,
        0,
    ),
    (
        &["--default-country", "GB"],
        "First Name,Last Name,Phone,Location\nEve,Test,02079460123,\"London, UK\"\n",
        1,
        0,
    ),
    (
        &["--column", "lastName=Фамилия", "--column", "firstName=Имя", "--column", "phoneNumber=Телефон"],
        "\u{feff}Фамилия;Имя;Телефон\r\nТест;Фёкла;+14165550143\r\nТест;Глеб;\u{202a}+14165550144\u{202c}\r\n",
        2,
        0,
    ),
    (
        &["--column", "id=lead_id", "--column", "firstName=lead_name"],
        "lead_id,lead_name,phone\nL1,H Test,+1-416-555-0145\n,I Test,\nL3,J Test,+1-555-0146\n",
        1,
        2,
    ),
    (
        &[
            "--column",
            "firstName=Nome Completo",
            "--column",
            "phoneNumber=WhatsApp",
            "--column",
            "countryCode=País",
        ],
        "Nome Completo,WhatsApp,E-mail,País\nK Test,(02) 5550-0147,k@example.com,AU\nL Test,(02) 5550-0148,,AU\n",
        2,
        0,
    ),
    (
        &["--column", "countryCode=Country Code"],
        "First Name,Phone,Country Code\nMia,491570157,61\nNoa,2079460124,44\nOle,4165550149,1\n",
        3,
        0,
    ),
    (&["--default-country", "US"], "Phone,Company\n(646) 555-0123,No Name\n646.555.0124,X\n", 2, 0),
];

/// All rows but one without a number, and one whose number lacks three digits.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lead_lists_in_csv_are_imported(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let mut contacts = world.count_contacts().await;
    for (options, list, rows, skipped) in LEAD_LISTS {
        let options = [&["--csv", "--organization", "o1", "--skip-invalid"], options].concat();
        // Once more changes nothing.
        for _ in 0..2 {
            let (succeeded, report) = world.import_with(&options, list).await;
            assert!(succeeded, "{report}");
            assert_eq!(report.lines().filter(|line| line.starts_with("line ")).count(), skipped, "{report}");
            assert!(!report.contains("555") && !report.contains("Test"), "no value is quoted: {report}");
            assert_eq!(world.count_contacts().await, contacts + rows, "{list}");
        }
        contacts += rows;
    }
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    assert!(gateway.client.place(json!({ "contactId": "L1" })).await.is_new_call());
    assert_eq!(world.simulator.dials()[0].to_number, "+14165550145");
    gateway.client.place(json!({ "contactId": "L3" })).await.assert_error(404, "CONTACT_NOT_FOUND");
    gateway.stop().await;
}

/// Rows with one number are one contact, and every fault of every row is reported.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_file_is_checked_as_a_whole(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let contacts = world.count_contacts().await;
    let options = ["--csv", "--organization", "o1", "--default-country", "1"];
    let header = "id,firstName,phone,countryCode\n";
    let faulty = format!(
        "{header}L1,Ada,+14165550140,\n,Bea,tel:+14165550141,\n,Cleo,4165550142,Canada\nL9,,+14165550190,\n"
    );
    let (succeeded, report) = world.import_with(&options, &faulty).await;
    assert!(
        !succeeded && report.contains("lines that cannot be loaded: 3; nothing was imported"),
        "{report}"
    );
    for fault in [
        "line 3: phoneNumber: not a valid E.164 phone number: it has letters; write the number alone",
        "line 4: countryCode: not a calling code like 91 or the ISO 3166 code",
        "line 5: another contact of the organization has its phone number",
    ] {
        assert!(report.contains(fault), "{report}");
    }
    assert_eq!(world.count_contacts().await, contacts);

    let twice = format!("{header}L1,Ada,4165550140,\n,Ada,+1 416 555 0140,\n,Bea,+14165550140,\n");
    let note = "line 4: its name was not imported: line 2 has its phone number\n".to_owned();
    assert_eq!(world.import_with(&options, &twice).await, (true, note));
    assert_eq!(world.count_contacts().await, contacts + 1);

    let (succeeded, report) = world.import_with(&["--column", "phoneNumber=phone"], &twice).await;
    assert!(!succeeded && report.contains("--csv"), "an option of CSV files needs --csv: {report}");
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
