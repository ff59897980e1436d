//! The check of an import finds the records that the import would refuse, and no other.

use std::sync::Arc;

use domain::ports::RecordRefusal;
use domain::{
    Agent, AgentId, CheckImport, ContactId, ContactIdentity, ContactRecord, DirectoryRecord, Organization,
    OrganizationId, PhoneNumber, UserId, UserRecord,
};
use proptest::collection::vec;
use proptest::prelude::*;
use testkit::clock::ManualClock;
use testkit::fixtures::{self, Tenant};
use testkit::memory::Memory;
use tokio::runtime::Builder;

/// Any record, with one of few ids and numbers, so that many records are about the same.
fn any_record() -> impl Strategy<Value = DirectoryRecord> {
    let numbers = (0..5u8, 0..3u8, 0..3u8, 0..4u8, any::<bool>());
    numbers.prop_map(|(kind, tenant, id, number, by_number)| {
        let organization_id = OrganizationId::parse(&format!("o{tenant}")).expect("an id");
        let user_id = UserId::parse(&format!("u{id}")).expect("an id");
        let user = UserRecord { id: user_id, ..fixtures::user(&organization_id) };
        let agent_id = AgentId::parse(&format!("a{id}")).expect("an id");
        let phone_number = format!("+1416555010{number}");
        let phone_number =
            (number > 0).then(|| PhoneNumber::parse(&phone_number).expect("a number in Toronto"));
        let identity = match phone_number {
            Some(_) if by_number => ContactIdentity::ByPhoneNumber { new_id: fixtures::contact_id() },
            _ => ContactIdentity::Known(ContactId::parse(&format!("c{id}")).expect("an id")),
        };
        match kind {
            0 => DirectoryRecord::Organization(Organization {
                id: organization_id,
                ..fixtures::organization()
            }),
            1 => DirectoryRecord::User(user),
            2 => DirectoryRecord::Agent(Agent { id: agent_id, ..fixtures::agent(&organization_id) }),
            3 => DirectoryRecord::Number(fixtures::number(&user, 0)),
            _ => DirectoryRecord::Contact(ContactRecord {
                identity,
                phone_number,
                ..fixtures::contact(&organization_id)
            }),
        }
    })
}

/// Checks these records in batches.
async fn check(memory: &Memory, batches: &[Vec<DirectoryRecord>]) -> Vec<Vec<(usize, RecordRefusal)>> {
    let mut check = CheckImport::new(Arc::new(memory.clone()));
    let mut found = Vec::new();
    for batch in batches {
        found.push(check.check(batch).await.expect("the store is available"));
    }
    found
}

proptest! {
    /// Records are stored one after the other, and a refused one is left out.
    #[test]
    fn the_check_of_an_import_finds_what_the_import_refuses(
        stored in vec(any_record(), 0..20),
        batches in vec(vec(any_record(), 0..8), 0..5),
    ) {
        let memory = Memory::new(Arc::new(ManualClock::new()));
        let mut after = {
            let mut tables = memory.tables();
            for record in &stored {
                // A refused record is not stored.
                let _refusal = tables.directory.upsert(record);
            }
            tables.directory.clone()
        };
        let mut refused = Vec::new();
        for batch in &batches {
            let refusals = batch.iter().enumerate().filter_map(|(index, record)| {
                after.upsert(record).err().map(|refusal| (index, refusal))
            });
            refused.push(refusals.collect::<Vec<_>>());
        }
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        prop_assert_eq!(runtime.block_on(check(&memory, &batches)), refused);
    }
}

#[tokio::test]
async fn a_check_writes_nothing() {
    let (memory, tenant) = (Memory::new(Arc::new(ManualClock::new())), Tenant::new());
    let found = check(&memory, &[tenant.records()]).await;
    assert_eq!(found, [vec![]], "the records agree with each other");
    assert_eq!(memory.tables().directory.organizations, []);
}
