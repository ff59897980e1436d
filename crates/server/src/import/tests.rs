use async_trait::async_trait;
use domain::ports::{DirectoryImport, RecordRefusal, StoredIdentity};
use domain::{ContactId, DestinationRules, OrganizationId};
use testkit::clock::ManualClock;
use testkit::fixtures;
use testkit::memory::Memory;

use super::file_records::MAX_LINE_BYTES;
use super::*;
use crate::system::RandomIdentifiers;
use crate::wiring::calling_rules;

fn memory() -> Memory {
    Memory::new(Arc::new(ManualClock::new()))
}

async fn check(directory: impl Directory + 'static, text: impl AsRef<[u8]>) -> CheckedFile {
    let destinations = DestinationRules::default();
    let rules = calling_rules();
    let reader =
        LineReader { identifiers: &RandomIdentifiers, destinations: &destinations, rules: rules.as_ref() };
    let file = read_ndjson(text.as_ref(), reader).expect("it can be read");
    CheckedFile::check(file, Arc::new(directory), |_| {}).await.expect("the store is available")
}

const ORGANIZATION: &str = r#"{"kind":"organization","id":"o1","name":"Analytical Engines"}"#;

fn contact(id: &str, number: &str) -> String {
    format!(r#"{{"kind":"contact","id":"{id}","organizationId":"o1","phoneNumber":"{number}"}}"#)
}

/// An organization and this many contacts without numbers.
fn large_file(contacts: usize) -> String {
    let contacts = (0..contacts).map(|n| contact(&format!("c{n}"), ""));
    std::iter::once(ORGANIZATION.to_owned()).chain(contacts).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_faulty_line_is_reported_and_the_others_can_be_stored() {
    let memory = memory();
    let long = "x".repeat(3 * MAX_LINE_BYTES);
    let lines = [
        ORGANIZATION.to_owned(),
        contact("c1", "+14165550101"),
        long,
        "\u{fffd}".to_owned(),
        String::new(),
        contact("c2", "+14165550101"),
        r#"{"kind":"user","id":"u1","organizationId":"o2","fullName":"Ada"}"#.to_owned(),
        r#"{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550100","carrier":"sinch","aiEnabled":true,"onTrunk":true}"#.to_owned(),
        contact("c2", "+1416"),
        contact("c1", "+14165550102"),
        contact("c3", "+14165550101"),
    ];
    let mut text = lines.join("\n").into_bytes();
    let invalid = text.windows(3).position(|bytes| bytes == b"\xef\xbf\xbd").expect("line 4");
    text[invalid] = 0xff;
    let mut checked = check(memory.clone(), &text).await;
    assert_eq!(
        checked.faults().to_string(),
        "line 3: longer than 65536 bytes\n\
         line 4: not UTF-8: save the file as UTF-8\n\
         line 6: another contact of the organization has its phone number\n\
         line 7: its organization is not known\n\
         line 8: its user is not known in that organization\n\
         line 9: phoneNumber: not a valid E.164 phone number: it has fewer than 6 or more than 15 digits; \
         write +, the country code and the whole number\n"
    );
    assert!(memory.tables().directory.organizations.is_empty(), "a check stores nothing");
    checked.store(&memory, true, |_| {}).await.expect("the other lines agree with each other");
    let tables = memory.tables();
    let contacts: Vec<_> = tables.directory.contacts.iter().map(|contact| contact.id.as_str()).collect();
    assert_eq!((contacts, checked.count()), (vec!["c1", "c3"], 4));
}

#[tokio::test]
async fn faults_far_apart_in_a_large_file_have_their_line_numbers() {
    let memory = memory();
    let mut lines: Vec<_> = large_file(2_500).lines().map(ToOwned::to_owned).collect();
    for line in [3, 999, 1_000, 1_001, 2_000, 2_400] {
        lines[line - 1] = lines[line - 1].replace("\"o1\"", "\"o2\"");
    }
    let checked = check(memory, lines.join("\n")).await;
    let lines: Vec<_> = checked.faults().0.keys().copied().collect();
    assert_eq!(lines, [3, 999, 1_000, 1_001, 2_000, 2_400]);
    assert_eq!(checked.count(), 2_501 - 6);
}

/// A store that another process uses too: something happens when an import begins.
#[derive(Clone)]
struct Shared<F> {
    memory: Memory,
    before: F,
}

#[async_trait]
impl<F: Fn(&Memory) + Send + Sync> Directory for Shared<F> {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        (self.before)(&self.memory);
        self.memory.begin().await
    }

    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable> {
        self.memory.find_named(records).await
    }
}

fn stored(memory: &Memory) -> usize {
    let tables = memory.tables();
    tables.directory.organizations.len() + tables.directory.contacts.len()
}

#[tokio::test]
async fn a_transaction_has_a_thousand_records_and_an_interrupted_import_is_repeated() {
    let memory = memory();
    let text = large_file(2_500);
    let lost_after_two = Shared {
        memory: memory.clone(),
        before: |memory: &Memory| {
            if stored(memory) == 2_000 {
                memory.lose();
            }
        },
    };
    let mut seen = Vec::new();
    let interrupted =
        check(memory.clone(), &text).await.store(&lost_after_two, false, |n| seen.push(n)).await;
    assert!(matches!(interrupted, Err(ImportError::Store { stored: 2_000, .. })), "{interrupted:?}");
    assert_eq!(seen, [1_000, 2_000]);

    memory.restore();
    let mut again = check(memory.clone(), &text).await;
    again.store(&memory, false, |_| {}).await.expect("what is stored agrees with the file");
    assert_eq!(stored(&memory), 2_501);
}

#[tokio::test]
async fn a_record_that_is_refused_after_the_check_ends_the_import_or_is_skipped() {
    let number = "+14165550101";
    let text = format!("{ORGANIZATION}\n{}\n{}", contact("c1", number), contact("c2", ""));
    let taken = |memory: &Memory| {
        let tenant = OrganizationId::parse("o1").expect("an id");
        let other = domain::ContactRecord {
            identity: domain::ContactIdentity::Known(ContactId::parse("other").expect("an id")),
            phone_number: Some(domain::PhoneNumber::parse(number).expect("a number")),
            ..fixtures::contact(&tenant)
        };
        let organization = domain::Organization { id: tenant, ..fixtures::organization() };
        memory.import(&[DirectoryRecord::Organization(organization), DirectoryRecord::Contact(other)]);
    };
    let shared = Shared { memory: memory(), before: taken };
    let mut checked = check(shared.clone(), &text).await;
    assert_eq!(checked.faults().count(), 0);
    let ended = checked.store(&shared, false, |_| {}).await;
    assert!(matches!(ended, Err(ImportError::Line { line: 2, stored: 0, .. })), "{ended:?}");

    checked.store(&shared, true, |_| {}).await.expect("the line is skipped");
    assert_eq!(checked.faults().to_string(), format!("line 2: {}\n", RecordRefusal::PhoneNumberTaken));
    assert_eq!(stored(&shared.memory), 3, "the organization, the other contact and the last line");
}
