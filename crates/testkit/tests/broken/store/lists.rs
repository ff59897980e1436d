use async_trait::async_trait;
use domain::ports::{DirectoryPage, DirectoryQuery, DirectoryReader, PortUnavailable, Total};
use domain::{Agent, AgentId, CallerNumber, Contact, ContactId, OrganizationId, PhoneNumber};
use testkit::memory::{DirectoryTables, Memory};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl DirectoryReader for BrokenStore {
    async fn agents(&self, query: &DirectoryQuery<AgentId>) -> Result<DirectoryPage<Agent>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let mut page = self.listed(&query.organization_id).agents(&self.asked(query)).await?;
        self.spoil(&mut page, query, |agent| &agent.id, |tables| tables.agents.clone());
        Ok(page)
    }

    async fn numbers(
        &self,
        query: &DirectoryQuery<PhoneNumber>,
    ) -> Result<DirectoryPage<CallerNumber>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let mut page = self.listed(&query.organization_id).numbers(&self.asked(query)).await?;
        if self.has(Flaw::DropsTheProvidersNumber) {
            page.records.iter_mut().for_each(|number| number.provider_number_id = None);
        }
        let stored =
            |tables: &DirectoryTables| tables.numbers.iter().map(|record| record.number.clone()).collect();
        self.spoil(&mut page, query, |number| &number.phone_number, stored);
        Ok(page)
    }

    async fn contacts(
        &self,
        query: &DirectoryQuery<ContactId>,
    ) -> Result<DirectoryPage<Contact>, PortUnavailable> {
        self.reach(query.organization_id.as_str()).await?;
        let mut page = self.listed(&query.organization_id).contacts(&self.asked(query)).await?;
        if self.has(Flaw::DropsTheLastName) {
            page.records.iter_mut().for_each(|contact| contact.last_name = None);
        }
        self.spoil(&mut page, query, |contact| &contact.id, |tables| tables.contacts.clone());
        Ok(page)
    }
}

impl BrokenStore {
    /// The store in which everything is this organization's, if the flaw is to forget whose it is.
    fn listed(&self, organization_id: &OrganizationId) -> Memory {
        if !self.has(Flaw::ForgetsTheTenant) {
            return self.memory.clone();
        }
        self.copy_with(|tables| {
            let directory = &mut tables.directory;
            let records = &mut directory.numbers;
            directory.agents.iter_mut().for_each(|it| it.organization_id = organization_id.clone());
            records.iter_mut().for_each(|it| it.number.organization_id = organization_id.clone());
            directory.contacts.iter_mut().for_each(|it| it.organization_id = organization_id.clone());
        })
    }

    fn asked<K: Clone>(&self, query: &DirectoryQuery<K>) -> DirectoryQuery<K> {
        let count_up_to = if self.has(Flaw::CountsEverything) { u32::MAX } else { query.count_up_to };
        DirectoryQuery { count_up_to, ..query.clone() }
    }

    fn spoil<T: Clone, K: PartialEq>(
        &self,
        page: &mut DirectoryPage<T>,
        query: &DirectoryQuery<K>,
        key: impl Fn(&T) -> &K,
        stored: impl Fn(&DirectoryTables) -> Vec<T>,
    ) {
        let stored = || stored(&self.memory.tables().directory);
        match self.flaw {
            Flaw::ListsInTheOrderOfStoring => {
                let place = |record: &T| stored().iter().position(|it| key(it) == key(record));
                page.records.sort_by_key(place);
            }
            Flaw::ListsFromTheCursorOn => {
                let last = stored().into_iter().find(|it| Some(key(it)) == query.after.as_ref());
                page.records.splice(0..0, last);
                page.records.truncate(query.limit as usize);
            }
            Flaw::CountsThePageAlone => {
                page.total = Total::Exactly(u32::try_from(page.records.len()).expect("few records"));
            }
            _ => {}
        }
    }
}
