use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{CallerNumber, Contact, OrganizationId, PhoneNumber};

use super::Memory;
use crate::flaw::Flaw;

impl Memory {
    /// The organization's number that is called, if it can be told whose it is.
    fn called(&self, query: &InboundQuery) -> Option<CallerNumber> {
        let rows = self.rows();
        let is_called = |number: &&CallerNumber| {
            number.phone_number == query.called
                && (number.ai_enabled || !self.has(Flaw::KnowsNumbersThatServeAlone))
        };
        let numbers = rows.numbers.iter().map(|record| &record.number);
        let mut called: Vec<&CallerNumber> = numbers.clone().filter(is_called).collect();
        if called.is_empty() && self.has(Flaw::GuessesByTheCaller) {
            let known = rows.contacts.iter().find(|one| one.phone_number.as_ref() == Some(&query.caller))?;
            called.extend(numbers.filter(|number| number.organization_id == known.organization_id));
        }
        if called.len() > 1 && !self.has(Flaw::TakesTheFirstOfTwoTenants) {
            let agent = query.provider_agent_id.as_ref()?;
            called.retain(|number| {
                let of_tenant = |id: &OrganizationId| *id == number.organization_id;
                let mut agents = rows.agents.iter().filter(|agent| of_tenant(&agent.organization_id));
                agents.any(|one| one.provider_agent_id.as_ref() == Some(agent))
            });
        }
        let takes_either =
            self.has(Flaw::TakesTheFirstOfTwoTenants) || self.has(Flaw::TakesTheFirstWithTheAgent);
        (called.len() == 1 || takes_either).then(|| called.first().copied().cloned())?
    }

    fn caller(&self, organization_id: &OrganizationId, number: &PhoneNumber) -> Option<Contact> {
        let mut rows = self.rows();
        let is_caller = |contact: &&Contact| {
            contact.phone_number.as_ref() == Some(number)
                && self.is_of(&contact.organization_id, organization_id)
        };
        let found = rows.contacts.iter().find(is_caller).cloned();
        if found.is_none() && self.has(Flaw::MakesContactsOfCallers) {
            rows.contacts.push(Contact {
                id: testkit::fixtures::contact_id(),
                organization_id: organization_id.clone(),
                first_name: None,
                last_name: None,
                phone_number: Some(number.clone()),
            });
            return None;
        }
        found
    }
}

#[async_trait]
impl InboundDirectory for Memory {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        self.reach(query.caller.as_e164()).await?;
        let Some(called) = self.called(query) else { return Ok(None) };
        let contact = self.caller(&called.organization_id, &query.caller);
        let rows = self.rows();
        let organization = rows.organizations.iter().find(|one| one.id == called.organization_id);
        let Some(mut organization) = organization.cloned() else { return Ok(None) };
        if self.has(Flaw::DropsTheOrganizationsName) {
            organization.name = testkit::fixtures::name("-");
        }
        Ok(Some(InboundParties { organization, user_id: called.user_id, contact }))
    }
}
