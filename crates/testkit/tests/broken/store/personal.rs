use async_trait::async_trait;
use domain::ports::{
    Erasure, ErasureResult, Person, PersonKey, PersonalData, PersonalRecords, PortUnavailable,
};
use domain::{AuditAction, CallIdentity, CallStatus, OrganizationId, PhoneNumber, RecordingKey, Timestamp};
use testkit::memory::Tables;

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    /// Whether a person was erased.
    pub(super) fn has_erased(&self) -> bool {
        let is_erasure = |action: &str| action == AuditAction::PersonErased.as_str();
        self.memory.tables().audit_records.iter().any(|record| is_erasure(&record.action))
    }

    /// Makes the contact of a call one that can be called.
    pub(super) fn give_number_to(&self, call: &CallIdentity) {
        let mut tables = self.memory.tables();
        let contact = tables.directory.contacts.iter_mut().find(|contact| contact.id == call.contact_id);
        if let Some(contact) = contact {
            contact.phone_number.get_or_insert_with(|| call.to.clone());
        }
    }

    /// What the flaw does not see before an erasure.
    fn overlook(&self) {
        let mut tables = self.memory.tables();
        match self.flaw {
            Flaw::ErasesRunningCalls => {
                for call in &mut tables.calls {
                    call.progress.status = Some(CallStatus::Completed);
                }
            }
            Flaw::ErasesReservedCalls => {
                let past = Timestamp::from_unix_millis(0);
                tables.reservations.values_mut().for_each(|reservation| reservation.until = past);
            }
            Flaw::ErasesUnreadEvents => {
                for event in &mut tables.inbox {
                    event.closed.get_or_insert(None);
                }
            }
            _ => {}
        }
    }

    /// What the flaw does after an erasure.
    fn spoil_erasure(&self, before: &Tables, erasure: &Erasure) {
        let mut tables = self.memory.tables();
        match self.flaw {
            Flaw::KeepsTranscripts => {
                for (call, old) in tables.calls.iter_mut().zip(&before.calls) {
                    call.progress.conversation = old.progress.conversation.clone();
                }
            }
            Flaw::DeletesErasedCalls => tables.calls.retain(|call| !call.is_erased()),
            Flaw::ForgetsSuppressions => tables.directory.suppressions.retain(|it| !it.number_is_erased),
            Flaw::FreesErasedKeys => tables.keys.clear(),
            Flaw::KeepsErasedDigests => tables.keys = before.keys.clone(),
            Flaw::ErasesWithoutAudit => tables.audit_records = before.audit_records.clone(),
            Flaw::AuditsTheNumber => {
                let number = erasure.person.key.number().map_or("", PhoneNumber::as_e164).into();
                if let Some(record) = tables.audit_records.last_mut() {
                    record.detail = Some(number);
                }
            }
            Flaw::AuditsEveryErasure if tables.audit_records.len() == before.audit_records.len() => {
                let is_erasure = |action: &str| action == AuditAction::PersonErased.as_str();
                let again = before.audit_records.iter().find(|record| is_erasure(&record.action)).cloned();
                tables.audit_records.extend(again);
            }
            _ => {}
        }
    }

    fn organizations(&self) -> Vec<OrganizationId> {
        self.memory.tables().directory.organizations.iter().map(|it| it.id.clone()).collect()
    }
}

fn private(person: &Person) -> String {
    match &person.key {
        PersonKey::Number(number) => number.as_e164().to_owned(),
        PersonKey::Contact(id) => id.to_string(),
    }
}

#[async_trait]
impl PersonalData for BrokenStore {
    async fn export(&self, person: &Person) -> Result<PersonalRecords, PortUnavailable> {
        self.reach(&private(person)).await?;
        let mut records = self.memory.export(person).await?;
        match self.flaw {
            Flaw::ExportsTheContactAlone => records.tables.truncate(1),
            Flaw::ExportsEveryone => {
                for organization_id in self.organizations() {
                    let person = Person { organization_id: Some(organization_id), key: person.key.clone() };
                    records.tables.extend(self.memory.export(&person).await?.tables);
                }
            }
            _ => {}
        }
        Ok(records)
    }

    async fn erase(&self, erasure: &Erasure) -> Result<ErasureResult, PortUnavailable> {
        self.reach(&private(&erasure.person)).await?;
        self.overlook();
        let before = self.memory.tables().clone();
        let mut erasure = erasure.clone();
        if self.has(Flaw::ErasesInRehearsals) {
            erasure.rehearse = false;
        }
        let result = self.memory.erase(&erasure).await?;
        if self.has(Flaw::ErasesForEveryone) {
            for organization_id in self.organizations() {
                let person = Person { organization_id: Some(organization_id), ..erasure.person.clone() };
                self.memory.erase(&Erasure { person, ..erasure.clone() }).await?;
            }
        }
        if !matches!(result, ErasureResult::Blocked(_)) && !erasure.rehearse {
            self.spoil_erasure(&before, &erasure);
        }
        Ok(result)
    }

    async fn recordings_to_remove(&self, limit: u32) -> Result<Vec<RecordingKey>, PortUnavailable> {
        self.reach("").await?;
        let left = self.memory.recordings_to_remove(limit).await?;
        Ok(if self.has(Flaw::ForgetsErasedRecordings) { Vec::new() } else { left })
    }

    async fn note_removed_recording(&self, key: &RecordingKey) -> Result<(), PortUnavailable> {
        self.reach(key.as_str()).await?;
        if self.has(Flaw::NamesRemovedRecordings) {
            return Ok(());
        }
        self.memory.note_removed_recording(key).await
    }
}
