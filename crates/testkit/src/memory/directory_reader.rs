use async_trait::async_trait;
use domain::ports::{DirectoryPage, DirectoryQuery, DirectoryReader, PortUnavailable, Total};
use domain::{Agent, AgentId, CallerNumber, Contact, ContactId, PhoneNumber};

use super::Memory;

#[async_trait]
impl DirectoryReader for Memory {
    async fn agents(&self, query: &DirectoryQuery<AgentId>) -> Result<DirectoryPage<Agent>, PortUnavailable> {
        let mut agents = self.open()?.directory.agents.clone();
        agents.retain(|agent| agent.organization_id == query.organization_id);
        Ok(page(agents, query, |agent| &agent.id))
    }

    async fn numbers(
        &self,
        query: &DirectoryQuery<PhoneNumber>,
    ) -> Result<DirectoryPage<CallerNumber>, PortUnavailable> {
        let tables = self.open()?;
        let numbers = tables.directory.numbers.iter().map(|record| &record.number);
        let own = numbers.filter(|number| number.organization_id == query.organization_id);
        Ok(page(own.cloned().collect(), query, |number| &number.phone_number))
    }

    async fn contacts(
        &self,
        query: &DirectoryQuery<ContactId>,
    ) -> Result<DirectoryPage<Contact>, PortUnavailable> {
        let mut contacts = self.open()?.directory.contacts.clone();
        contacts.retain(|contact| contact.organization_id == query.organization_id);
        Ok(page(contacts, query, |contact| &contact.id))
    }
}

/// A page of these records of the organization.
fn page<T, K: Ord>(
    mut records: Vec<T>,
    query: &DirectoryQuery<K>,
    key: impl Fn(&T) -> &K,
) -> DirectoryPage<T> {
    let count = u32::try_from(records.len()).expect("few records");
    let count_limit = query.count_up_to.saturating_add(1);
    records.retain(|record| query.after.as_ref().is_none_or(|after| key(record) > after));
    records.sort_by(|one, other| key(one).cmp(key(other)));
    records.truncate(query.limit as usize);
    DirectoryPage { records, total: Total::counted(count.min(count_limit), query.count_up_to) }
}
