use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallerNumberChoice, CallerNumberQuery, ContactRepo, NumberPool, PortUnavailable, Recipient,
    UserRepo,
};
use domain::{
    Agent, AgentId, Contact, ContactId, NumberRecord, OrganizationId, PhoneNumber, User, UserId, UserRecord,
};

use super::{Memory, Tables};

#[async_trait]
impl ContactRepo for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        let tables = self.open()?;
        let is_it = |contact: &&Contact| contact.organization_id == *organization_id && contact.id == *id;
        Ok(tables.directory.contacts.iter().find(is_it).cloned())
    }

    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        let tables = self.open()?;
        let is_it = |contact: &&Contact| {
            contact.organization_id == *organization_id && contact.phone_number.as_ref() == Some(phone_number)
        };
        Ok(tables.directory.contacts.iter().find(is_it).cloned())
    }

    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        let mut tables = self.open()?;
        let contacts = &mut tables.directory.contacts;
        let is_it = |contact: &&Contact| {
            contact.organization_id == *organization_id && contact.phone_number.as_ref() == Some(phone_number)
        };
        if let Some(known) = contacts.iter().find(is_it) {
            return Ok(known.clone());
        }
        let contact = Contact {
            id: new_id.clone(),
            organization_id: organization_id.clone(),
            first_name: None,
            last_name: None,
            phone_number: Some(phone_number.clone()),
        };
        contacts.push(contact.clone());
        Ok(contact)
    }
}

#[async_trait]
impl AgentRepo for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        let tables = self.open()?;
        let is_it = |agent: &&Agent| agent.organization_id == *organization_id && agent.id == *id;
        Ok(tables.directory.agents.iter().find(is_it).cloned())
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        let tables = self.open()?;
        let agents = tables.directory.agents.iter();
        let eligible =
            agents.filter(|agent| agent.organization_id == *organization_id && agent.voice_enabled);
        // The first of equal keys: the tables are in the order of insertion.
        Ok(eligible.min_by_key(|agent| agent.provider_agent_id.is_none()).cloned())
    }
}

#[async_trait]
impl NumberPool for Memory {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        let tables = self.open()?;
        let recipient = match query.recipient {
            Recipient::Number(number) => Some(number),
            Recipient::Contact(id) => {
                let is_it = |contact: &&Contact| {
                    contact.organization_id == *query.organization_id && contact.id == *id
                };
                let contact = tables.directory.contacts.iter().find(is_it);
                contact.and_then(|contact| contact.phone_number.as_ref())
            }
        };
        let of_organization =
            |record: &&NumberRecord| record.number.organization_id == *query.organization_id;
        let own_numbers = tables.directory.numbers.iter().filter(of_organization);
        let recipient_is_own_number =
            own_numbers.clone().any(|record| Some(&record.number.phone_number) == recipient);
        let of_user = own_numbers.filter(|record| record.number.user_id == *query.user_id);
        let mut chosen: Vec<_> = of_user
            .filter(|record| query.requested.is_none_or(|number| record.number.phone_number == *number))
            .collect();
        chosen.sort_by_key(|NumberRecord { number, position }| {
            let is_served = query.carriers.contains(&number.carrier);
            (!number.ai_enabled, !is_served, *position, number.phone_number.clone())
        });
        let mut chosen = chosen.into_iter().map(|record| record.number.clone());
        let caller = chosen.next();
        let others = chosen.take(CallerNumberChoice::MAX_OTHERS as usize).collect();
        let organization_numbers = if query.list_numbers {
            let numbers = tables.directory.numbers.iter().filter(of_organization);
            numbers.map(|record| record.number.phone_number.clone()).collect()
        } else {
            Vec::new()
        };
        Ok(CallerNumberChoice { caller, others, recipient_is_own_number, organization_numbers })
    }
}

#[async_trait]
impl UserRepo for Memory {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        let tables = self.open()?;
        Ok(tables.directory.users.iter().find(|user| user.id == *id).map(|user| tables.user(user)))
    }
}

impl Tables {
    /// The user of a record, with the organization.
    pub(super) fn user(&self, record: &UserRecord) -> User {
        let mut organizations = self.directory.organizations.iter();
        let organization = organizations.find(|stored| stored.id == record.organization_id);
        User {
            id: record.id.clone(),
            organization: organization.expect("a user is stored after its organization").clone(),
            full_name: record.full_name.clone(),
            access_role: record.access_role.clone(),
        }
    }
}
