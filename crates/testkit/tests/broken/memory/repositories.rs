use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallerNumberChoice, CallerNumberQuery, ContactRepo, NumberPool, PortUnavailable, Recipient,
    UserRepo,
};
use domain::{
    Agent, AgentId, CallerNumber, Carrier, Contact, ContactId, NumberRecord, Organization, OrganizationId,
    PhoneNumber, User, UserId,
};

use super::Memory;
use crate::flaw::Flaw;

impl Memory {
    fn is_tenants(&self, stored: &OrganizationId, asked: &OrganizationId) -> bool {
        stored == asked || self.has(Flaw::ForgetsTheTenant)
    }

    fn is_id(&self, stored: &str, asked: &str) -> bool {
        stored == asked || self.has(Flaw::TakesIdsForPatterns) && asked == "%"
    }

    fn contact_with(&self, organization_id: &OrganizationId, number: &PhoneNumber) -> Option<Contact> {
        let mut rows = self.rows();
        let holds = |contact: &&mut Contact| {
            self.is_tenants(&contact.organization_id, organization_id)
                && contact.phone_number.as_ref() == Some(number)
        };
        let found = rows.contacts.iter_mut().find(holds)?;
        if self.has(Flaw::RenamesKnownContacts) {
            found.first_name = None;
        }
        Some(found.clone())
    }

    fn is_own_number(&self, query: &CallerNumberQuery<'_>, number: &PhoneNumber) -> bool {
        self.rows().numbers.iter().map(|record| &record.number).any(|own| {
            let colleagues = !self.has(Flaw::KnowsTheUsersOwnNumbersOnly);
            self.is_tenants(&own.organization_id, query.organization_id)
                && own.phone_number == *number
                && (colleagues || own.user_id == *query.user_id)
        })
    }

    fn recipients_number(&self, query: &CallerNumberQuery<'_>) -> Option<PhoneNumber> {
        match query.recipient {
            Recipient::Number(number) => Some(number.clone()),
            Recipient::Contact(_) if self.has(Flaw::KnowsNoContactsAsRecipients) => None,
            Recipient::Contact(id) => {
                let rows = self.rows();
                let contact = rows.contacts.iter().find(|contact| {
                    contact.id == *id && self.is_tenants(&contact.organization_id, query.organization_id)
                })?;
                contact.phone_number.clone()
            }
        }
    }

    fn serves(&self, number: &CallerNumber) -> bool {
        let carried = number.carrier == Carrier::Sinch || self.has(Flaw::DefaultsToEveryCarrier);
        number.ai_enabled && carried
    }
}

#[async_trait]
impl ContactRepo for Memory {
    async fn find(
        &self,
        organization_id: &OrganizationId,
        id: &ContactId,
    ) -> Result<Option<Contact>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let rows = self.rows();
        let found = rows.contacts.iter().find(|contact| {
            self.is_tenants(&contact.organization_id, organization_id)
                && self.is_id(contact.id.as_str(), id.as_str())
        });
        let mut found = found.cloned();
        if let (Some(contact), true) = (&mut found, self.has(Flaw::DropsTheLastName)) {
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
        let mut found = self.contact_with(organization_id, phone_number);
        if let (Some(contact), true) = (&mut found, self.has(Flaw::DropsTheLastName)) {
            contact.last_name = None;
        }
        if found.is_none() && self.has(Flaw::CreatesWhileItFinds) {
            let new_id = testkit::fixtures::contact_id();
            self.find_or_create(organization_id, phone_number, &new_id).await?;
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
        if let Some(known) = self.contact_with(organization_id, phone_number) {
            return Ok(known);
        }
        if self.has(Flaw::ChecksBeforeItInserts) {
            tokio::task::yield_now().await;
        }
        let id = match self.flaw {
            Some(Flaw::IgnoresTheOfferedId) => testkit::fixtures::contact_id(),
            _ => new_id.clone(),
        };
        let contact = Contact {
            id,
            organization_id: organization_id.clone(),
            first_name: None,
            last_name: None,
            phone_number: Some(phone_number.clone()),
        };
        let mut rows = self.rows();
        let same = |stored: &&Contact| {
            stored.organization_id == contact.organization_id && stored.phone_number == contact.phone_number
        };
        // Between the look and this line another request may have made the contact.
        let made = rows.contacts.iter().find(same).filter(|_| !self.has(Flaw::ChecksBeforeItInserts));
        if let Some(made) = made {
            return Ok(made.clone());
        }
        rows.contacts.push(contact.clone());
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
        self.reach(id.as_str()).await?;
        let rows = self.rows();
        let found = rows.agents.iter().find(|agent| {
            self.is_tenants(&agent.organization_id, organization_id)
                && self.is_id(agent.id.as_str(), id.as_str())
        });
        let mut found = found.cloned();
        if let (Some(agent), true) = (&mut found, self.has(Flaw::TakesEveryAgentForEnabled)) {
            agent.voice_enabled = true;
        }
        Ok(found)
    }

    async fn default_for(&self, organization_id: &OrganizationId) -> Result<Option<Agent>, PortUnavailable> {
        self.reach(organization_id.as_str()).await?;
        let rows = self.rows();
        let speaks = |agent: &&Agent| agent.voice_enabled || self.has(Flaw::DefaultsToMuteAgents);
        let mut agents: Vec<&Agent> = rows
            .agents
            .iter()
            .filter(|agent| self.is_tenants(&agent.organization_id, organization_id))
            .filter(speaks)
            .collect();
        if self.has(Flaw::OrdersAgentsById) {
            agents.sort_by_key(|agent| &agent.id);
        }
        if !self.has(Flaw::IgnoresWhatIsSynced) {
            agents.sort_by_key(|agent| agent.provider_agent_id.is_none());
        }
        Ok(agents.first().copied().cloned())
    }
}

#[async_trait]
impl NumberPool for Memory {
    async fn choose<'a>(&self, query: &CallerNumberQuery<'a>) -> Result<CallerNumberChoice, PortUnavailable> {
        self.reach(query.requested.map_or("nothing", PhoneNumber::as_e164)).await?;
        let recipient = self.recipients_number(query);
        let recipient_is_own_number = recipient.is_some_and(|number| self.is_own_number(query, &number));
        let rows = self.rows();
        let mut numbers: Vec<&NumberRecord> = rows
            .numbers
            .iter()
            .filter(|record| self.is_tenants(&record.number.organization_id, query.organization_id))
            .filter(|record| {
                record.number.user_id == *query.user_id || self.has(Flaw::LendsNumbersToColleagues)
            })
            .collect();
        if !self.has(Flaw::IgnoresThePosition) {
            numbers.sort_by_key(|record| record.position);
        }
        let mut numbers = numbers.into_iter().map(|record| &record.number);
        let chosen = match query.requested {
            Some(requested) => numbers.find(|number| {
                number.phone_number == *requested
                    && (self.serves(number) || !self.has(Flaw::FiltersTheRequestedNumber))
            }),
            None => numbers.find(|number| self.serves(number)),
        };
        let mut caller = chosen.cloned();
        if let (Some(number), true) = (&mut caller, self.has(Flaw::DropsTheProvidersNumber)) {
            number.provider_number_id = None;
        }
        Ok(CallerNumberChoice { caller, recipient_is_own_number })
    }
}

#[async_trait]
impl UserRepo for Memory {
    async fn find(&self, id: &UserId) -> Result<Option<User>, PortUnavailable> {
        self.reach(id.as_str()).await?;
        let rows = self.rows();
        let Some(user) = rows.users.iter().find(|user| self.is_id(user.id.as_str(), id.as_str())) else {
            return Ok(None);
        };
        let organization = rows.organizations.iter().find(|stored| stored.id == user.organization_id);
        let name = match self.flaw {
            Some(Flaw::DropsTheOrganizationsName) => testkit::fixtures::name("-"),
            _ => organization.map_or_else(|| testkit::fixtures::name("-"), |stored| stored.name.clone()),
        };
        let organization = Organization { id: user.organization_id.clone(), name };
        Ok(Some(User { id: user.id.clone(), organization, full_name: user.full_name.clone() }))
    }
}
