use futures_util::join;

use super::command::RequestedCallee;
use super::{Acquired, PlaceCall, PlaceCallCommand, PlaceCallError};
use crate::ports::{CallerNumberChoice, OutboundParties, OutboundQuery, PortUnavailable, Recipient};
use crate::{
    Agent, AllowedCountries, CallerNumber, CallingFacts, Carrier, Contact, ContactId, Destination,
    DestinationRefusal, ForbiddenRange, IntentKey, KeyedRequest, OrganizationId, PhoneNumber,
    ProviderAgentId, ProviderNumberId, Reading, Share, UnmetCondition, User,
};

/// Who calls whom, from which number, with which agent: everything that a dial needs.
pub(super) struct Parties {
    pub(super) user: User,
    pub(super) contact: Contact,
    pub(super) destination: Destination,
    pub(super) agent: Agent,
    pub(super) provider_agent_id: ProviderAgentId,
    pub(super) caller: CallerNumber,
    pub(super) provider_number_id: ProviderNumberId,
    pub(super) calling: CallingFacts,
    /// The idempotency key of the request.
    pub(super) keyed: Option<KeyedRequest>,
    /// The organization's permit for this call.
    _share: Option<Share<OrganizationId>>,
}

/// Who will be called, with the number of the request as the rules read it.
enum Callee<'a> {
    Contact(&'a ContactId, Option<Reading>),
    Number(Reading),
}

impl Parties {
    /// What the request wants, whatever its idempotency key.
    pub(super) fn intent(&self) -> IntentKey {
        IntentKey::new(&self.user.id, &self.contact.id, &self.agent.id, self.destination.number())
    }
}

impl Callee<'_> {
    /// The number of the request.
    fn number(&self) -> Option<&PhoneNumber> {
        let reading = match self {
            Self::Contact(_, reading) => reading.as_ref(),
            Self::Number(reading) => Some(reading),
        };
        reading.map(|reading| reading.destination.number())
    }
}

impl PlaceCall {
    /// Checks the requested number; then finds all parties. Creates the contact of a new number last,
    /// so that a refused request leaves none.
    ///
    /// A request whose idempotency key has a call is answered by that call, whatever the directory
    /// says by now. The key is looked up beside the parties: it costs no round trip of its own.
    pub(super) async fn resolve(
        &self,
        command: &PlaceCallCommand,
    ) -> Result<Acquired<Parties>, PlaceCallError> {
        let callee = self.read(&command.callee)?;
        let carriers = self.ports.provider.carriers();
        let query = OutboundQuery {
            user_id: &command.user_id,
            recipient: match &callee {
                Callee::Contact(contact_id, _) => Recipient::Contact(contact_id),
                Callee::Number(reading) => Recipient::Number(reading.destination.number()),
            },
            agent_id: command.agent_id.as_ref(),
            requested_number: command.from_number.as_ref(),
            carriers,
            list_numbers: self.destinations.allowed == AllowedCountries::OwnNumbers,
            subject: None,
            purpose: None,
            now: self.ports.clock.now(),
        };
        let keyed = command.keyed(callee.number());
        let (found, by_key) =
            join!(self.ports.directory.resolve(&query), self.find_by_key(&command.user_id, keyed.as_ref()));
        let found = found?.ok_or(PlaceCallError::UserNotFound)?;
        if let Some(answer) = by_key? {
            return Ok(Acquired::Duplicate(answer));
        }
        let OutboundParties { user, contact, agent, mut numbers, calling } = found;
        let share = self.share_of(&user)?;
        let (contact, reading) = self.destination(contact, callee)?;
        let destination = reading.destination.clone();
        refuse_own_number(&numbers, &destination)?;
        let (agent, provider_agent_id) = speaker(agent, command)?;
        let organization_numbers = std::mem::take(&mut numbers.organization_numbers);
        let (caller, provider_number_id) = shown_number(numbers, command, carriers)?;
        self.destinations.check(&reading, &organization_numbers)?;
        let contact = match contact {
            Some(contact) => contact,
            None => self.create_contact(&user, &destination).await?,
        };
        Ok(Acquired::Ours(Parties {
            user,
            contact,
            destination,
            agent,
            provider_agent_id,
            caller,
            provider_number_id,
            calling,
            keyed,
            _share: share,
        }))
    }

    /// The organization's permit for one more call.
    fn share_of(&self, user: &User) -> Result<Option<Share<OrganizationId>>, PlaceCallError> {
        let Some(shares) = &self.shares else { return Ok(None) };
        shares.take(&user.organization.id).map(Some).ok_or(PlaceCallError::TooManyInFlight)
    }

    fn read<'a>(&self, callee: &'a RequestedCallee) -> Result<Callee<'a>, DestinationRefusal> {
        Ok(match callee {
            RequestedCallee::Contact(id, written) => Callee::Contact(
                id,
                written.as_ref().map(|written| self.destinations.read(written)).transpose()?,
            ),
            RequestedCallee::Number(written) => Callee::Number(self.destinations.read(written)?),
        })
    }

    /// The contact, or `None` for a number that has none yet; and the number to dial.
    fn destination(
        &self,
        contact: Option<Contact>,
        callee: Callee<'_>,
    ) -> Result<(Option<Contact>, Reading), PlaceCallError> {
        let given = match callee {
            Callee::Number(reading) => return Ok((contact, reading)),
            Callee::Contact(_, given) => given,
        };
        let contact = contact.ok_or(PlaceCallError::ContactNotFound)?;
        let is_given = |number| given.as_ref().is_none_or(|given| given.may_be(number));
        if !contact.phone_number.as_ref().map_or(given.is_none(), is_given) {
            return Err(PlaceCallError::ContactPhoneMismatch);
        }
        let number = contact.phone_number.clone().ok_or(PlaceCallError::ContactHasNoPhone)?;
        let destination = Destination::new(number, &self.destinations.plan)?;
        Ok((Some(contact), Reading::stored(destination)))
    }

    /// Creates the contact of a number that had none. The intent key contains its id, so this must
    /// come before the lock. Concurrent requests for one number get the same contact, and so the
    /// same intent key.
    async fn create_contact(
        &self,
        user: &User,
        destination: &Destination,
    ) -> Result<Contact, PortUnavailable> {
        let new_id = self.ports.identifiers.contact_id();
        self.ports.contacts.find_or_create(&user.organization.id, destination.number(), &new_id).await
    }
}

/// An organization that calls its own number would connect two of its agents.
fn refuse_own_number(numbers: &CallerNumberChoice, destination: &Destination) -> Result<(), PlaceCallError> {
    let shown = numbers.caller.as_ref().map(|caller| &caller.phone_number);
    if numbers.recipient_is_own_number || shown == Some(destination.number()) {
        return Err(PlaceCallError::DestinationNotAllowed(ForbiddenRange::OwnNumber));
    }
    Ok(())
}

fn speaker(
    agent: Option<Agent>,
    command: &PlaceCallCommand,
) -> Result<(Agent, ProviderAgentId), PlaceCallError> {
    let absent =
        if command.agent_id.is_some() { PlaceCallError::AgentNotFound } else { PlaceCallError::NoVoiceAgent };
    let agent = agent.ok_or(absent)?;
    if !agent.voice_enabled {
        return Err(PlaceCallError::NoVoiceAgent);
    }
    let provider_agent_id = agent.provider_agent_id.clone().ok_or(PlaceCallError::AgentNotSynced)?;
    Ok((agent, provider_agent_id))
}

fn shown_number(
    numbers: CallerNumberChoice,
    command: &PlaceCallCommand,
    carriers: &[Carrier],
) -> Result<(CallerNumber, ProviderNumberId), PlaceCallError> {
    let unavailable = |unfit| match command.from_number {
        Some(_) => PlaceCallError::FromNumberNotAvailable(unfit),
        None => PlaceCallError::NoAiEnabledNumber(unfit),
    };
    let caller = numbers.caller.ok_or_else(|| unavailable(None))?;
    match caller.for_ai_call(carriers) {
        Ok(provider_number_id) => Ok((caller, provider_number_id)),
        Err(unfit) => Err(match unfit.unmet {
            UnmetCondition::EnabledForAiCalls | UnmetCondition::CarrierServed(_) => unavailable(Some(unfit)),
            UnmetCondition::OnTrunk | UnmetCondition::KnownToProvider => {
                PlaceCallError::NumberNotOnTrunk(unfit)
            }
        }),
    }
}
