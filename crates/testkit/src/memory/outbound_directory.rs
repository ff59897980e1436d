use async_trait::async_trait;
use domain::ports::{
    AgentRepo, CallerNumberQuery, ContactRepo, NumberPool, OutboundDirectory, OutboundParties, OutboundQuery,
    PortUnavailable, Recipient, UserRepo,
};
use domain::{CallingFacts, PacingFacts};

use super::Memory;

#[async_trait]
impl OutboundDirectory for Memory {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let found = resolve_with_four_ports((self, self, self, self), query).await?;
        let Some(mut parties) = found else { return Ok(None) };
        let number = match query.recipient {
            Recipient::Number(number) => Some(number.clone()),
            Recipient::Contact(_) => {
                parties.contact.as_ref().and_then(|contact| contact.phone_number.clone())
            }
        };
        let contact_id = parties.contact.as_ref().map(|contact| &contact.id);
        let organization_id = &parties.user.organization.id;
        let tables = self.open()?;
        let pacing = tables.pacing_facts(organization_id, query);
        let facts = tables.calling_facts(organization_id, number.as_ref(), contact_id, query);
        drop(tables);
        parties.calling = facts;
        parties.pacing = pacing;
        Ok(Some(parties))
    }
}

/// What [`OutboundDirectory::resolve`] must return, from the four ports one after the other. What the
/// decision and the pace depend on has its default.
pub async fn resolve_with_four_ports(
    (users, contacts, agents, numbers): (&dyn UserRepo, &dyn ContactRepo, &dyn AgentRepo, &dyn NumberPool),
    query: &OutboundQuery<'_>,
) -> Result<Option<OutboundParties>, PortUnavailable> {
    let Some(user) = users.find(query.user_id).await? else { return Ok(None) };
    let organization_id = &user.organization.id;
    let contact = match query.recipient {
        Recipient::Contact(id) => contacts.find(organization_id, id).await?,
        Recipient::Number(number) => contacts.find_by_number(organization_id, number).await?,
    };
    let agent = match query.agent_id {
        Some(id) => agents.find(organization_id, id).await?,
        None => agents.default_for(organization_id).await?,
    };
    let choice = CallerNumberQuery {
        organization_id,
        user_id: &user.id,
        requested: query.requested_number,
        carriers: query.carriers,
        recipient: query.recipient,
        list_numbers: query.list_numbers,
    };
    let numbers = numbers.choose(&choice).await?;
    let (calling, pacing) = (CallingFacts::default(), PacingFacts::default());
    Ok(Some(OutboundParties { user, contact, agent, numbers, calling, pacing }))
}
