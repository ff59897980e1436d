//! Erasing what is stored of a person: in the database, the context cache and the recording store.

use std::sync::Arc;

use crate::ports::{
    Clock, ContextCache, ErasedCounts, Erasure, ErasureBlock, ErasureResult, Person, PersonKey, PersonalData,
    PortUnavailable, Provisioning, RecordingStore,
};
use crate::{OrganizationId, PhoneNumber};

/// Erases persons. It may be interrupted at any step and repeated: a repetition does what is left.
pub struct ErasePerson {
    ports: ErasePersonPorts,
}

/// The ports that this needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct ErasePersonPorts {
    pub personal_data: Arc<dyn PersonalData>,
    pub contexts: Arc<dyn ContextCache>,
    pub provisioning: Arc<dyn Provisioning>,
    /// Without it, recordings of erased calls stay where they are, and are reported.
    pub recordings: Option<Arc<dyn RecordingStore>>,
    pub clock: Arc<dyn Clock>,
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErasureReport {
    /// The records of all organizations together.
    pub counts: ErasedCounts,
    /// Where nothing was erased, and why. Without an organization: what belongs to none.
    pub blocked: Vec<(Option<OrganizationId>, ErasureBlock)>,
    /// Whether recordings of erased calls are left, because no recording store is configured.
    pub recordings_left: bool,
}

impl ErasureReport {
    /// Whether nothing is left to do.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.blocked.is_empty() && !self.recordings_left
    }
}

/// How many organizations, or recordings, are read with one statement.
const PAGE: u32 = 500;

impl ErasePerson {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: ErasePersonPorts) -> Self {
        Self { ports }
    }

    /// A number in every organization, and in what belongs to none.
    pub async fn everywhere(&self, number: &PhoneNumber) -> Result<Vec<Person>, PortUnavailable> {
        let of = |organization_id| Person { organization_id, key: PersonKey::Number(number.clone()) };
        let mut persons = Vec::new();
        let mut after = None;
        loop {
            let page = self.ports.provisioning.organizations(after, PAGE).await?;
            persons.extend(page.iter().map(|it| of(Some(it.organization_id.clone()))));
            match page.into_iter().next_back() {
                Some(last) => after = Some(last.organization_id),
                None => break,
            }
        }
        persons.push(of(None));
        Ok(persons)
    }

    /// Erases these persons, or counts what would be erased.
    pub async fn execute(
        &self,
        persons: Vec<Person>,
        rehearse: bool,
    ) -> Result<ErasureReport, PortUnavailable> {
        let mut report = ErasureReport::default();
        for person in persons {
            if !rehearse {
                self.forget_contexts(&person).await?;
            }
            let organization_id = person.organization_id.clone();
            let erasure = Erasure { person, at: self.ports.clock.now(), rehearse };
            match self.ports.personal_data.erase(&erasure).await? {
                ErasureResult::Erased(counts) => report.counts = report.counts.with(counts),
                ErasureResult::Blocked(block) => report.blocked.push((organization_id, block)),
            }
        }
        if !rehearse {
            report.recordings_left = self.remove_recordings().await?;
        }
        Ok(report)
    }

    /// Before the ledger: afterwards it does not name the conversations of the person any more. What is
    /// removed here for a person who is then not erased is only a cache.
    async fn forget_contexts(&self, person: &Person) -> Result<(), PortUnavailable> {
        for conversation_id in &self.ports.personal_data.export(person).await?.conversations {
            self.ports.contexts.remove(conversation_id).await?;
        }
        Ok(())
    }

    /// Removes the recordings of erased calls, also those of an earlier erasure that was interrupted.
    /// Returns whether any are left.
    async fn remove_recordings(&self) -> Result<bool, PortUnavailable> {
        let data = &self.ports.personal_data;
        loop {
            let left = data.recordings_to_remove(PAGE).await?;
            if left.is_empty() {
                return Ok(false);
            }
            let Some(store) = &self.ports.recordings else { return Ok(true) };
            for key in &left {
                store.remove(key).await?;
                data.note_removed_recording(key).await?;
            }
        }
    }
}
