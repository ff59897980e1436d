use async_trait::async_trait;
use domain::ports::{Consents, PortUnavailable, Suppressions};
use domain::{
    CalleeFilter, ChangeOfRecord, ConsentId, ConsentRecord, DirectoryRecord, OrganizationId, PhoneNumber,
    RecordNote, Suppression, SuppressionId,
};
use testkit::fixtures;
use testkit::memory::DirectoryTables;

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// What an import did wrong to the records of callees.
    pub(super) fn spoil_imported_records(&self, before: DirectoryTables) {
        let directory = &mut self.memory.tables().directory;
        match self.flaw {
            Flaw::StoresEveryImportedOptOut if directory.suppressions.len() == before.suppressions.len() => {
                let again = directory.suppressions.iter().map(|stored| {
                    let id = fixtures::suppression_id();
                    Suppression { id, ..stored.clone() }
                });
                let again: Vec<_> = again.collect();
                directory.suppressions.extend(again);
            }
            Flaw::UndoesImportedRevocations if directory.consents.len() == before.consents.len() => {
                directory.consents.iter_mut().for_each(|stored| stored.consent.revoked_at = None);
            }
            Flaw::ClearsTheListFirst => {
                let newest = directory.do_not_call_numbers.iter().map(|stored| stored.copy.dated).max();
                let lists = directory.do_not_call_lists.clone();
                directory.do_not_call_numbers.retain(|stored| {
                    lists.iter().all(|copy| !copy.is_of_list(&stored.copy) || Some(copy.dated) == newest)
                        || Some(stored.copy.dated) == newest
                });
            }
            Flaw::KeepsNumbersOfOlderCopies => {
                let lists = directory.do_not_call_lists.clone();
                for stored in &mut directory.do_not_call_numbers {
                    let copy = lists.iter().find(|copy| copy.is_of_list(&stored.copy));
                    stored.copy.dated =
                        copy.map_or(stored.copy.dated, |copy| copy.dated.max(stored.copy.dated));
                }
            }
            _ => {}
        }
    }

    pub(super) fn forget_newer_copies(&self, records: &[DirectoryRecord]) {
        let is_replaced = |stored: &domain::DoNotCallCopy| {
            let is_it = |record: &DirectoryRecord| matches!(record, DirectoryRecord::DoNotCallCopy(copy) if copy.is_of_list(stored));
            records.iter().any(is_it)
        };
        self.memory.tables().directory.do_not_call_lists.retain(|stored| !is_replaced(stored));
    }

    /// Writes the note of a record into its audit.
    fn audit_note(&self, note: Option<&RecordNote>) {
        if let (true, Some(note)) = (self.has(Flaw::AuditsNotes), note)
            && let Some(record) = self.memory.tables().audit_records.last_mut()
        {
            record.detail = Some(note.as_str().into());
        }
    }

    fn audit_again(&self, id: &str) {
        let mut tables = self.memory.tables();
        let audit = &mut tables.audit_records;
        let last = audit.iter().rev().find(|record| record.object_id.as_deref() == Some(id)).cloned();
        audit.extend(last.filter(|_| self.has(Flaw::AuditsEveryAdding)));
    }

    fn owner_of_suppression(&self, id: &SuppressionId) -> Option<Option<OrganizationId>> {
        let tables = self.memory.tables();
        let stored = tables.directory.suppressions.iter().find(|stored| stored.id == *id)?;
        self.has(Flaw::EndsRecordsOfOthers).then(|| stored.organization_id.clone())
    }

    fn owner_of_consent(&self, id: &ConsentId) -> Option<OrganizationId> {
        let tables = self.memory.tables();
        let stored = tables.directory.consents.iter().find(|stored| stored.id == *id)?;
        self.has(Flaw::EndsRecordsOfOthers).then(|| stored.organization_id.clone())
    }
}

#[async_trait]
impl Suppressions for BrokenStore {
    async fn add_suppression(&self, suppression: &Suppression) -> Result<Suppression, PortUnavailable> {
        self.reach(suppression.phone_number.as_ref().map_or("", PhoneNumber::as_e164)).await?;
        let mut suppression = suppression.clone();
        match self.flaw {
            Flaw::DropsTheNote => suppression.reason = None,
            Flaw::AddsTwice => {
                self.memory.tables().directory.suppressions.push(suppression.clone());
                return Ok(suppression);
            }
            Flaw::FoldsRecordsOfNoOne if suppression.phone_number.is_none() => {
                let is_of_no_one = |stored: &&Suppression| stored.phone_number.is_none();
                let stored = self.memory.tables().directory.suppressions.iter().find(is_of_no_one).cloned();
                if let Some(stored) = stored {
                    return Ok(stored);
                }
            }
            Flaw::SuppressesTheNumberAlone => suppression.contact_id = None,
            Flaw::SuppressesForEver => suppression.expires_at = None,
            _ => {}
        }
        let note = suppression.reason.clone();
        let added = self.memory.add_suppression(&suppression).await?;
        self.audit_note(note.as_ref());
        self.audit_again(added.id.as_str());
        Ok(added)
    }

    async fn list_suppressions<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        filter: &CalleeFilter<SuppressionId>,
    ) -> Result<Vec<Suppression>, PortUnavailable> {
        self.reach(filter.phone_number.as_ref().map_or("", PhoneNumber::as_e164)).await?;
        let mut filter = filter.clone();
        match self.flaw {
            Flaw::ListsRecordsOfEveryone => return Ok(self.memory.tables().directory.suppressions.clone()),
            // An endless list of pages would hang the test.
            Flaw::ListsTheFirstPage if filter.before.is_some() => return Ok(Vec::new()),
            Flaw::ListsTheFirstPage => filter.before = None,
            _ => {}
        }
        let mut listed = self.memory.list_suppressions(organization_id, &filter).await?;
        if self.has(Flaw::HidesErasedSuppressions) {
            listed.retain(|stored| !stored.number_is_erased);
        }
        Ok(listed)
    }

    async fn remove_suppression<'a>(
        &self,
        organization_id: Option<&'a OrganizationId>,
        id: &SuppressionId,
        change: &ChangeOfRecord,
    ) -> Result<bool, PortUnavailable> {
        self.reach(id.as_str()).await?;
        match self.owner_of_suppression(id) {
            Some(owner) => self.memory.remove_suppression(owner.as_ref(), id, change).await,
            None => self.memory.remove_suppression(organization_id, id, change).await,
        }
    }
}

#[async_trait]
impl Consents for BrokenStore {
    async fn add_consent(&self, consent: &ConsentRecord) -> Result<ConsentRecord, PortUnavailable> {
        self.reach(consent.phone_number.as_ref().map_or("", PhoneNumber::as_e164)).await?;
        let mut consent = consent.clone();
        match self.flaw {
            Flaw::DropsTheNote => consent.evidence = None,
            Flaw::AddsTwice => {
                self.memory.tables().directory.consents.push(consent.clone());
                return Ok(consent);
            }
            _ => {}
        }
        let added = self.memory.add_consent(&consent).await?;
        self.audit_again(added.id.as_str());
        Ok(added)
    }

    async fn list_consents(
        &self,
        organization_id: &OrganizationId,
        filter: &CalleeFilter<ConsentId>,
    ) -> Result<Vec<ConsentRecord>, PortUnavailable> {
        self.reach(filter.phone_number.as_ref().map_or("", PhoneNumber::as_e164)).await?;
        match self.flaw {
            Flaw::ListsRecordsOfEveryone => Ok(self.memory.tables().directory.consents.clone()),
            Flaw::ListsTheFirstPage if filter.before.is_some() => Ok(Vec::new()),
            _ => self.memory.list_consents(organization_id, filter).await,
        }
    }

    async fn revoke_consent(
        &self,
        organization_id: &OrganizationId,
        id: &ConsentId,
        change: &ChangeOfRecord,
    ) -> Result<Option<ConsentRecord>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        if self.has(Flaw::RevokesAgain) {
            let mut tables = self.memory.tables();
            let consents = &mut tables.directory.consents;
            consents.iter_mut().for_each(|stored| stored.consent.revoked_at = None);
        }
        let owner = self.owner_of_consent(id).unwrap_or_else(|| organization_id.clone());
        let revoked = self.memory.revoke_consent(&owner, id, change).await;
        if self.has(Flaw::ForgetsRevokedConsents) {
            self.memory.tables().directory.consents.retain(|stored| stored.id != *id);
        }
        revoked
    }
}
