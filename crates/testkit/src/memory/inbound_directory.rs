use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, PortUnavailable};
use domain::{Agent, CallerNumber};

use super::{DirectoryTables, Memory};

#[async_trait]
impl InboundDirectory for Memory {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        let tables = self.open()?;
        let directory = &tables.directory;
        let Some(called) = called_number(directory, query) else { return Ok(None) };
        let organization = directory.organizations.iter().find(|stored| stored.id == called.organization_id);
        let contact = directory.contacts.iter().find(|contact| {
            contact.organization_id == called.organization_id
                && contact.phone_number.as_ref() == Some(&query.caller)
        });
        Ok(organization.map(|organization| InboundParties {
            organization: organization.clone(),
            user_id: called.user_id.clone(),
            contact: contact.cloned(),
        }))
    }
}

/// The called number. If several organizations have it, the one whose agent takes the call.
fn called_number<'a>(directory: &'a DirectoryTables, query: &InboundQuery) -> Option<&'a CallerNumber> {
    let numbers = directory.numbers.iter().map(|record| &record.number);
    let mut called: Vec<_> = numbers
        .filter(|number| {
            number.phone_number == query.called
                && query.organization_id.as_ref().is_none_or(|it| number.organization_id == *it)
        })
        .collect();
    if called.len() > 1 {
        let has_agent = |number: &CallerNumber, agent: &Agent| {
            agent.organization_id == number.organization_id
                && agent.provider_agent_id.is_some()
                && agent.provider_agent_id == query.provider_agent_id
        };
        called.retain(|number| directory.agents.iter().any(|agent| has_agent(number, agent)));
    }
    if called.len() == 1 { called.pop() } else { None }
}
