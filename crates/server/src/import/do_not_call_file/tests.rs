use domain::{ListName, LocalDate, OrganizationId};
use testkit::clock::ManualClock;
use testkit::fixtures;
use testkit::memory::Memory;

use super::*;

fn copy(organization_id: &OrganizationId, dated: &str) -> DoNotCallCopy {
    DoNotCallCopy {
        organization_id: organization_id.clone(),
        name: ListName::parse("us-national").expect("a name"),
        dated: LocalDate::parse(dated).expect("a date"),
    }
}

fn with_organization() -> (Memory, OrganizationId) {
    let memory = Memory::new(Arc::new(ManualClock::new()));
    let organization = fixtures::organization();
    memory.import(&[DirectoryRecord::Organization(organization.clone())]);
    (memory, organization.id)
}

#[tokio::test]
async fn the_first_column_of_each_line_is_a_number_and_other_lines_are_faults() {
    let (memory, organization_id) = with_organization();
    let destinations = DestinationRules::default();
    let home = HomeCountries::parse("US").ok();
    let list = NumbersFile { copy: copy(&organization_id, "2026-11-01"), destinations: &destinations, home };
    let file = "Number;Listed\n+14165550101;2020\n\n\"6465550123\",x\nnone\n+1416\n+14165550101\n";
    let (count, faults) = list.check(file.as_bytes()).expect("it can be read");
    assert_eq!((count, faults.count()), (3, 2));
    assert!(faults.to_string().starts_with("line 5: "), "{faults}");
    assert_eq!(list.store(file.as_bytes(), &memory, |_| {}).await.expect("the store is up"), 3);
    let tables = memory.tables();
    let stored: Vec<_> =
        tables.directory.do_not_call_numbers.iter().map(|it| it.phone_number.as_e164()).collect();
    assert_eq!(stored, ["+14165550101", "+16465550123"]);
    assert_eq!(tables.directory.do_not_call_lists, [list.copy]);
}

#[tokio::test]
async fn a_list_is_stored_in_transactions_and_counts_as_a_whole_at_its_end() {
    let (memory, organization_id) = with_organization();
    let destinations = DestinationRules::default();
    let list =
        NumbersFile { copy: copy(&organization_id, "2026-11-01"), destinations: &destinations, home: None };
    let file: String = (0..BATCH * BATCHES + 1).map(|n| format!("+1416{}\n", 2_200_000 + n)).collect();
    let mut seen = Vec::new();
    let stored = list.store(file.as_bytes(), &memory, |stored| {
        assert_eq!(memory.tables().directory.do_not_call_lists, [], "the copy is stored last");
        seen.push(stored);
    });
    stored.await.expect("the store is up");
    assert_eq!(seen, [BATCH * BATCHES, BATCH * BATCHES + 1]);
}

#[tokio::test]
async fn an_older_copy_and_an_unknown_organization_are_refused_before_a_number_is_stored() {
    let (memory, organization_id) = with_organization();
    memory.import(&[DirectoryRecord::DoNotCallCopy(copy(&organization_id, "2026-11-01"))]);
    let destinations = DestinationRules::default();
    for (organization_id, dated, refusal) in [
        (&organization_id, "2026-10-31", Some("a newer copy of the do-not-call list is stored")),
        (&organization_id, "2026-11-01", None),
        (&fixtures::organization_id(), "2026-11-01", Some("its organization is not known")),
    ] {
        let list =
            NumbersFile { copy: copy(organization_id, dated), destinations: &destinations, home: None };
        let found = list.refusal(Arc::new(memory.clone())).await.expect("the store is up");
        assert_eq!(found.as_deref(), refusal);
    }
}

#[test]
fn the_check_of_what_is_no_list_ends() {
    let (_, organization_id) = with_organization();
    let destinations = DestinationRules::default();
    let list =
        NumbersFile { copy: copy(&organization_id, "2026-11-01"), destinations: &destinations, home: None };
    let file = format!("{}\n", "x".repeat(10_000)).repeat(5_000);
    let (count, faults) = list.check(file.as_bytes()).expect("it can be read");
    assert_eq!((count, faults.count()), (0, MAX_FAULTS));
}
