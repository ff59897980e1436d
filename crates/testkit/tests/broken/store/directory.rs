use async_trait::async_trait;
use domain::ports::{
    Directory, DirectoryImport, PortUnavailable, RecordRefusal, StoredIdentity, UpsertError,
};
use domain::{ContactId, ContactIdentity, DirectoryRecord};
use testkit::fixtures::stored_contact;
use testkit::memory::DirectoryTables;

use super::BrokenStore;
use crate::flaw::Flaw;

struct Import {
    store: BrokenStore,
    import: Box<dyn DirectoryImport>,
}

#[async_trait]
impl Directory for BrokenStore {
    async fn begin(&self) -> Result<Box<dyn DirectoryImport>, PortUnavailable> {
        Ok(Box::new(Import { store: self.clone(), import: self.memory.begin().await? }))
    }

    async fn find_named(&self, records: &[DirectoryRecord]) -> Result<Vec<StoredIdentity>, PortUnavailable> {
        let mut found = self.memory.find_named(records).await?;
        if self.has(Flaw::FindsNamedContactsOnlyById) {
            let is_named = |id: &ContactId| {
                let id = ContactIdentity::Known(id.clone());
                records.iter().any(
                    |record| matches!(record, DirectoryRecord::Contact(contact) if contact.identity == id),
                )
            };
            found.retain(|stored| !matches!(stored, StoredIdentity::Contact { id, .. } if !is_named(id)));
        }
        Ok(found)
    }
}

#[async_trait]
impl DirectoryImport for Import {
    async fn upsert(&mut self, records: &[DirectoryRecord]) -> Result<(), UpsertError> {
        if self.store.has(Flaw::StoresOlderCopies) {
            self.store.forget_newer_copies(records);
            self.import = self.store.memory.begin().await?;
        }
        match (self.store.flaw, self.import.upsert(records).await) {
            (Flaw::MiscountsRefusals, Err(UpsertError::Refused { refusal, .. })) => {
                return Err(UpsertError::Refused { index: 0, refusal });
            }
            (
                Flaw::MovesRecordsBetweenTenants,
                Err(UpsertError::Refused { refusal: RecordRefusal::OtherTenant, .. }),
            ) => {
                records.iter().for_each(|record| remove(&mut self.store.memory.tables().directory, record));
                self.import = self.store.memory.begin().await?;
                self.import.upsert(records).await?;
            }
            (_, upserted) => upserted?,
        }
        match self.store.flaw {
            Flaw::WritesBeforeTheCommit => self.store.memory.import(records),
            Flaw::MakesAContactForEveryRecord => {
                let by_number = records.iter().filter_map(|record| match record {
                    DirectoryRecord::Contact(contact) => Some(contact),
                    _ => None,
                });
                let by_number = by_number
                    .filter(|contact| matches!(contact.identity, ContactIdentity::ByPhoneNumber { .. }));
                self.store.memory.tables().directory.contacts.extend(by_number.map(stored_contact));
            }
            _ => {}
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), PortUnavailable> {
        let before = self.store.memory.tables().directory.clone();
        let policies = self.store.memory.tables().policies.clone();
        self.import.commit().await?;
        if self.store.has(Flaw::AuditsEveryImportOfAPolicy) {
            let mut tables = self.store.memory.tables();
            let is_unchanged = !policies.is_empty() && tables.policies == policies;
            let again = tables.audit_records.last().filter(|_| is_unchanged).cloned();
            tables.audit_records.extend(again);
        }
        if self.store.has(Flaw::LeavesThePlaceOfContacts) {
            self.store.memory.tables().directory.places = before.places;
        } else if self.store.has(Flaw::KeepsTheFirstRecord) {
            let directory = &mut self.store.memory.tables().directory;
            restore(&mut directory.organizations, before.organizations);
            restore(&mut directory.users, before.users);
            restore(&mut directory.agents, before.agents);
            restore(&mut directory.numbers, before.numbers);
            restore(&mut directory.contacts, before.contacts);
        } else {
            self.store.spoil_imported_records(before);
        }
        Ok(())
    }
}

/// Undoes what an import did to records that were stored before it. New records are behind those.
fn restore<T>(table: &mut Vec<T>, before: Vec<T>) {
    table.splice(..before.len(), before);
}

fn remove(directory: &mut DirectoryTables, record: &DirectoryRecord) {
    match record {
        DirectoryRecord::User(user) => directory.users.retain(|stored| stored.id != user.id),
        DirectoryRecord::Agent(agent) => directory.agents.retain(|stored| stored.id != agent.id),
        DirectoryRecord::Contact(contact) => {
            let id = stored_contact(contact).id;
            directory.contacts.retain(|stored| stored.id != id);
        }
        DirectoryRecord::Organization(_)
        | DirectoryRecord::Number(_)
        | DirectoryRecord::CallingPolicy(_)
        | DirectoryRecord::Suppression(_)
        | DirectoryRecord::Consent(_)
        | DirectoryRecord::DoNotCallNumber(_)
        | DirectoryRecord::DoNotCallCopy(_) => {}
    }
}

impl BrokenStore {
    /// Removes the agents among these records, so that they are stored as new ones.
    pub(super) fn forget_changed_agents(&self, records: &[DirectoryRecord]) {
        if self.has(Flaw::OrdersAgentsByTheirLastChange) {
            for record in records.iter().filter(|record| matches!(record, DirectoryRecord::Agent(_))) {
                remove(&mut self.memory.tables().directory, record);
            }
        }
    }
}
