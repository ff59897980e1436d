use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallerNumberChoice, CallerNumberQuery, ContactRepo, NumberPool, PortUnavailable, Recipient,
    UserRepo,
};
use domain::{
    Agent, AgentId, CallerNumber, Contact, ContactId, Organization, OrganizationId, PhoneNumber, User, UserId,
};
use testkit::fixtures::{self, SERVED_CARRIERS};

use super::BrokenStore;
use crate::flaw::Flaw;

impl BrokenStore {
    fn contact(&self, is_it: impl Fn(&Contact) -> bool) -> Option<Contact> {
        self.memory.tables().directory.contacts.iter().find(|contact| is_it(contact)).cloned()
    }

    fn agents_of(&self, organization_id: &OrganizationId) -> Vec<Agent> {
        let mut agents = self.memory.tables().directory.agents.clone();
        agents.retain(|agent| agent.organization_id == *organization_id);
        agents
    }

    fn numbers(&self) -> Vec<CallerNumber> {
        let tables = self.memory.tables();
        tables.directory.numbers.iter().map(|record| record.number.clone()).collect()
    }
}

#[async_trait]
impl ContactRepo for BrokenStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let mut found = match self.flaw {
            Flaw::ForgetsTheTenant => self.contact(|contact| contact.id == *id),
            Flaw::TakesIdsForPatterns if id.as_str() == "%" => {
                self.contact(|contact| contact.organization_id == *organization_id)
            }
            _ => ContactRepo::find(&self.memory, organization_id, id).await?,
        };
        if let (Some(contact), Flaw::DropsTheLastName) = (&mut found, self.flaw) {
            contact.last_name = None;
        }
        Ok(found)
    }

    async fn find_by_number(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.reach(phone_number.as_e164()).await?;
        let mut found = match self.flaw {
            Flaw::ForgetsTheTenant => {
                self.contact(|contact| contact.phone_number.as_ref() == Some(phone_number))
            }
            _ => self.memory.find_by_number(organization_id, phone_number).await?,
        };
        match (self.flaw, &mut found) {
            (Flaw::DropsTheLastName, Some(contact)) => contact.last_name = None,
            (Flaw::CreatesWhileItFinds, None) => {
                let new_id = fixtures::contact_id();
                self.memory.find_or_create(organization_id, phone_number, &new_id).await?;
            }
            _ => {}
        }
        Ok(found)
    }

    async fn find_or_create(
        &self,
        organization_id: &OrganizationId,
        phone_number: &PhoneNumber,
        new_id: &ContactId,
    ) -> Result<Contact, PortUnavailable> {
        self.reach(phone_number.as_e164()).await?;
        let has_number = |contact: &Contact| contact.phone_number.as_ref() == Some(phone_number);
        let is_known = |contact: &Contact| contact.organization_id == *organization_id && has_number(contact);
        let mut new_id = new_id.clone();
        match self.flaw {
            Flaw::ForgetsTheTenant => {
                if let Some(contact) = self.contact(has_number) {
                    return Ok(contact);
                }
            }
            Flaw::RenamesKnownContacts => {
                let mut tables = self.memory.tables();
                let contact = tables.directory.contacts.iter_mut().find(|contact| is_known(contact));
                contact.into_iter().for_each(|contact| contact.first_name = None);
            }
            Flaw::IgnoresTheOfferedId => new_id = fixtures::contact_id(),
            Flaw::ChecksBeforeItInserts if self.contact(is_known).is_none() => {
                tokio::task::yield_now().await;
                // Another request may have inserted the contact meanwhile: hide that one.
                let alone = self.copy_with(|tables| tables.directory.contacts.clear());
                let contact = alone.find_or_create(organization_id, phone_number, &new_id).await?;
                self.memory.tables().directory.contacts.push(contact.clone());
                return Ok(contact);
            }
            _ => {}
        }
        self.memory.find_or_create(organization_id, phone_number, &new_id).await
    }
}

#[async_trait]
impl AgentRepo for BrokenStore {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &AgentId,
    ) -> Result<Option<Agent>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let mut found = match self.flaw {
            Flaw::ForgetsTheTenant => {
                let tables = self.memory.tables();
                tables.directory.agents.iter().find(|agent| agent.id == *id).cloned()
            }
            Flaw::TakesIdsForPatterns if id.as_str() == "%" => self.agents_of(organization_id).pop(),
            _ => AgentRepo::find(&self.memory, organization_id, id).await?,
        };
        if let (Some(agent), Flaw::TakesEveryAgentForEnabled) = (&mut found, self.flaw) {
            agent.voice_enabled = true;
        }
        Ok(found)
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let agents = self.agents_of(organization_id).into_iter();
        let mut enabled = agents.clone().filter(|agent| agent.voice_enabled);
        Ok(match self.flaw {
            Flaw::OrdersAgentsById => {
                enabled.min_by_key(|agent| (agent.provider_agent_id.is_none(), agent.id.clone()))
            }
            Flaw::IgnoresTheSync => enabled.next(),
            Flaw::DefaultsToMuteAgents => agents.min_by_key(|agent| agent.provider_agent_id.is_none()),
            _ => self.memory.default_for(organization_id).await?,
        })
    }
}

#[async_trait]
impl NumberPool for BrokenStore {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        self.reach(query.requested.map_or("nothing", PhoneNumber::as_e164)).await?;
        let mut choice = self.memory.choose(query).await?;
        let is_users = |number: &CallerNumber| number.user_id == *query.user_id;
        let is_organizations = |number: &CallerNumber| number.organization_id == *query.organization_id;
        let is_requested =
            |number: &CallerNumber| query.requested.is_none_or(|requested| *requested == number.phone_number);
        let mut numbers = self.numbers().into_iter();
        match self.flaw {
            Flaw::DropsTheProvidersNumber => {
                choice.caller.iter_mut().for_each(|caller| caller.provider_number_id = None);
            }
            Flaw::IgnoresThePosition if query.requested.is_none() => {
                let serves =
                    |number: &CallerNumber| number.ai_enabled && query.carriers.contains(&number.carrier);
                choice.caller = numbers.find(|number| is_users(number) && serves(number));
            }
            Flaw::DefaultsToEveryCarrier if query.requested.is_none() => {
                let mut records = self.memory.tables().directory.numbers.clone();
                records.sort_by_key(|record| record.position);
                let mut numbers = records.into_iter().map(|record| record.number);
                choice.caller = numbers.find(|number| is_users(number) && number.ai_enabled);
            }
            Flaw::DefaultsToOneCarrier => {
                let query = CallerNumberQuery { carriers: &SERVED_CARRIERS[..1], ..*query };
                choice.caller = self.memory.choose(&query).await?.caller;
            }
            Flaw::HidesNumbersThatDoNotServe if query.requested.is_none() => {
                let serves =
                    |number: &CallerNumber| number.ai_enabled && query.carriers.contains(&number.carrier);
                choice.caller = choice.caller.filter(serves);
            }
            Flaw::ForgetsTheOtherNumbers => choice.others.clear(),
            Flaw::OffersOthersBesideARequestedNumber => {
                let query = CallerNumberQuery { requested: None, ..*query };
                choice.others = self.memory.choose(&query).await?.others;
            }
            Flaw::FiltersTheRequestedNumber => {
                choice.caller = choice.caller.filter(|number| number.ai_enabled);
            }
            Flaw::LendsNumbersToColleagues => {
                let lent = numbers.find(|number| is_organizations(number) && is_requested(number));
                choice.caller = choice.caller.or(lent);
            }
            Flaw::ForgetsTheTenant => {
                let recipient = match query.recipient {
                    Recipient::Number(number) => Some(number.clone()),
                    Recipient::Contact(id) => {
                        self.contact(|contact| contact.id == *id).and_then(|contact| contact.phone_number)
                    }
                };
                choice.recipient_is_own_number =
                    numbers.clone().any(|number| Some(&number.phone_number) == recipient.as_ref());
                if query.list_numbers {
                    choice.organization_numbers = numbers.clone().map(|number| number.phone_number).collect();
                }
                let found = numbers.find(|number| is_users(number) && is_requested(number));
                choice.caller = choice.caller.or(found);
            }
            Flaw::ListsTheUsersNumbersAlone if query.list_numbers => {
                choice.organization_numbers = numbers.filter(is_users).map(|own| own.phone_number).collect();
            }
            Flaw::AlwaysListsNumbers => {
                choice.organization_numbers =
                    numbers.filter(is_organizations).map(|own| own.phone_number).collect();
            }
            Flaw::KnowsOnlyTheUsersOwnNumbers => {
                choice.recipient_is_own_number &= numbers.any(|number| {
                    is_users(&number)
                        && matches!(query.recipient, Recipient::Number(to) if *to == number.phone_number)
                });
            }
            Flaw::IgnoresTheRecipientsContact => {
                choice.recipient_is_own_number &= matches!(query.recipient, Recipient::Number(_));
            }
            _ => {}
        }
        Ok(choice)
    }
}

#[async_trait]
impl UserRepo for BrokenStore {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let first = self.memory.tables().directory.users.first().map(|user| user.id.clone());
        let found = match (self.flaw, first) {
            (Flaw::TakesIdsForPatterns, Some(first)) if id.as_str() == "%" => {
                UserRepo::find(&self.memory, &first).await?
            }
            _ => UserRepo::find(&self.memory, id).await?,
        };
        Ok(found.map(|user| User {
            organization: self.named(user.organization),
            access_role: user.access_role.filter(|_| !self.has(Flaw::DropsTheRole)),
            ..user
        }))
    }
}

impl BrokenStore {
    /// The organization, with or without its name.
    pub(super) fn named(&self, organization: Organization) -> Organization {
        match self.flaw {
            Flaw::DropsTheOrganizationsName => Organization { name: fixtures::name("-"), ..organization },
            _ => organization,
        }
    }
}
