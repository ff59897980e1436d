use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{CallerNumber, Contact};
use testkit::fixtures;
use testkit::memory::Tables;

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl InboundDirectory for BrokenStore {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        self.reach(query.caller.as_e164()).await?;
        let is_callers = |contact: &&Contact| contact.phone_number.as_ref() == Some(&query.caller);
        let mut identified = match self.flaw {
            Flaw::KnowsOnlyNumbersThatServe => {
                let serving = self.copy_with(|tables| {
                    tables.directory.numbers.retain(|record| record.number.ai_enabled);
                });
                serving.identify(query).await?
            }
            Flaw::TakesTheFirstOfTwoTenants => {
                self.with_first_number(query, |_, _| true).identify(query).await?
            }
            Flaw::TakesTheFirstWithTheAgent => {
                let first = self.with_first_number(query, |tables, number| {
                    tables.directory.agents.iter().any(|agent| {
                        agent.organization_id == number.organization_id
                            && agent.provider_agent_id == query.provider_agent_id
                    })
                });
                first.identify(query).await?
            }
            Flaw::IgnoresTheNamedTenant => {
                self.memory.identify(&InboundQuery { organization_id: None, ..query.clone() }).await?
            }
            _ => self.memory.identify(query).await?,
        };
        if identified.is_none() && self.has(Flaw::GuessesByTheCaller) {
            let called = {
                let directory = &self.memory.tables().directory;
                let contact = directory.contacts.iter().find(is_callers);
                let number = directory.numbers.iter().find(|record| {
                    contact.is_some_and(|contact| contact.organization_id == record.number.organization_id)
                });
                number.map_or_else(|| query.called.clone(), |record| record.number.phone_number.clone())
            };
            identified = self.memory.identify(&InboundQuery { called, ..query.clone() }).await?;
        }
        let Some(mut parties) = identified else { return Ok(None) };
        match self.flaw {
            Flaw::MakesContactsOfCallers if parties.contact.is_none() => {
                let contact = Contact {
                    id: fixtures::contact_id(),
                    organization_id: parties.organization.id.clone(),
                    first_name: None,
                    last_name: None,
                    phone_number: Some(query.caller.clone()),
                };
                self.memory.tables().directory.contacts.push(contact);
            }
            Flaw::ForgetsTheTenant => {
                parties.contact = self.memory.tables().directory.contacts.iter().find(is_callers).cloned();
            }
            _ => {}
        }
        Ok(Some(InboundParties { organization: self.named(parties.organization), ..parties }))
    }
}

impl BrokenStore {
    /// The store with no other matching number than the first of those that are called and fit.
    fn with_first_number(
        &self,
        query: &InboundQuery,
        fits: impl Fn(&Tables, &CallerNumber) -> bool,
    ) -> testkit::memory::Memory {
        self.copy_with(|tables| {
            let mut numbers = tables.directory.numbers.clone();
            numbers
                .retain(|record| record.number.phone_number == query.called && fits(tables, &record.number));
            numbers.truncate(1);
            tables.directory.numbers = numbers;
        })
    }
}
