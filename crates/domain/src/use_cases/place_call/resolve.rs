use std::time::Duration;

use futures_util::join;

use super::answer::replay;
use super::decide::{Decided, Question, decide};
use super::look_up::{Callee, LookUp};
use super::{Acquired, PlaceCall, PlaceCallCommand, PlaceCallError, PlacedCall};
use crate::ports::{CallerNumberChoice, FoundBy, HoldResult, OutboundParties, PortUnavailable};
use crate::{
    Agent, AgentReason, CallPurpose, CallerNumber, CallingFacts, CallingPolicy, Carrier, Contact, Decision,
    Destination, ForbiddenRange, IntentKey, KeyedRequest, OrganizationId, Pace, PacingFacts, ProviderAgentId,
    ProviderNumberId, Reading, RefusalCode, Share, Timestamp, UnmetCondition, User,
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
    pub(super) case: Case,
    pub(super) decided: Decided,
    /// The paces at which the call may start.
    pub(super) paces: Vec<Pace>,
    /// The idempotency key of the request.
    pub(super) keyed: Option<KeyedRequest>,
    /// The organization's permit for this call.
    _share: Option<Share<OrganizationId>>,
}

/// The parties of a call on which is not decided yet.
pub(super) struct Found {
    pub(super) user: User,
    /// `None` for a number that has no contact yet.
    pub(super) contact: Option<Contact>,
    pub(super) destination: Destination,
    pub(super) agent: Agent,
    pub(super) provider_agent_id: ProviderAgentId,
    pub(super) case: Case,
}

/// What the decision rests on.
pub(super) struct Case {
    pub(super) facts: CallingFacts,
    pub(super) purpose: CallPurpose,
    /// The numbers that the call may come from, in their order, with their ids at the provider.
    pub(super) callers: Vec<CallerNumber>,
    pub(super) caller_ids: Vec<ProviderNumberId>,
    pub(super) pacing: PacingFacts,
    is_requested: bool,
    decided_at: Timestamp,
}

impl Parties {
    /// What the request wants, whatever its idempotency key.
    pub(super) fn intent(&self) -> IntentKey {
        IntentKey::new(&self.user.id, &self.contact.id, &self.agent.id, self.destination.number())
    }
}

impl PlaceCall {
    /// Checks the requested number; then finds all parties, and decides whether the call may be made.
    /// Creates the contact of a new number last, so that a refused request leaves none.
    ///
    /// A request of a known user whose idempotency key has a call is answered by that call, whatever the
    /// directory and the rules say by now, and also if its number is not read as one any more. The key is
    /// looked up beside the parties: it costs no round trip of its own.
    pub(super) async fn resolve(
        &self,
        command: &PlaceCallCommand,
    ) -> Result<Acquired<Parties>, PlaceCallError> {
        let keyed = command.keyed();
        let by_key = self.find_by_key(&command.user_id, keyed.as_ref());
        let (callee, parties) = match join!(self.look_up(command), by_key) {
            (looked_up, Ok(Some(answer))) if !matches!(looked_up, Err(PlaceCallError::UserNotFound)) => {
                if !matches!(answer, Err(PlaceCallError::KeyReused)) {
                    self.saw_duplicate(FoundBy::Key);
                }
                return Ok(Acquired::Duplicate(answer));
            }
            (looked_up, by_key) => {
                let looked_up = looked_up?;
                by_key?;
                looked_up
            }
        };
        let organization_id = parties.user.organization.id.clone();
        let found = self.find(command, callee, parties, |user| self.share_of(user));
        let (found, share) = found.inspect_err(|error| self.count(&organization_id, error))?;
        let mut decided = self.decide(&found, command);
        if !decided.decision.is_allowed() {
            // The call that holds the intent may itself be why: it is an attempt, or a conversation. Its
            // duplicate must not be sent again when the rules allow the next call.
            if let Some(answer) = self.answer_of_holder(&found, keyed.as_ref()).await? {
                self.saw_duplicate(FoundBy::Lock);
                return Ok(Acquired::Duplicate(answer));
            }
            let refused = PlaceCallError::Refused(Box::new(decided.decision));
            self.count(&organization_id, &refused);
            return Err(refused);
        }
        if let Some(limit) = self.pacing.reached(&found.case.pacing, &found.case.callers[decided.caller]) {
            // The call that holds the intent may itself be one of those that have not ended.
            if let Some(answer) = self.answer_of_holder(&found, keyed.as_ref()).await? {
                self.saw_duplicate(FoundBy::Lock);
                return Ok(Acquired::Duplicate(answer));
            }
            return Err(PlaceCallError::too_many_calls(limit));
        }
        self.check_account(&organization_id).await?;
        let Found { user, contact, destination, agent, provider_agent_id, mut case } = found;
        let contact = match contact {
            Some(contact) => contact,
            None => self.create_contact(&user, &destination).await?,
        };
        decided.decision.contact_id = Some(contact.id.clone());
        let caller = case.callers.swap_remove(decided.caller);
        let provider_number_id = case.caller_ids.swap_remove(decided.caller);
        let paces = self.pacing.paces(&case.pacing, &caller, &provider_number_id);
        Ok(Acquired::Ours(Parties {
            user,
            contact,
            destination,
            agent,
            provider_agent_id,
            caller,
            provider_number_id,
            case,
            decided,
            paces,
            keyed,
            _share: share,
        }))
    }

    /// Reads the requested number, and looks the parties up.
    pub(super) async fn look_up(
        &self,
        command: &PlaceCallCommand,
    ) -> Result<(Callee, OutboundParties), PlaceCallError> {
        let now = self.ports.clock.now();
        let look_up = LookUp {
            directory: &*self.ports.directory,
            destinations: &self.destinations,
            carriers: self.ports.provider.carriers(),
            now,
            count_calls: self.pacing.count_calls(now),
        };
        look_up.run(command).await
    }

    /// Chooses the parties among what was looked up. `permit` is asked as soon as the user is known.
    pub(super) fn find<T>(
        &self,
        command: &PlaceCallCommand,
        callee: Callee,
        parties: OutboundParties,
        permit: impl FnOnce(&User) -> Result<T, PlaceCallError>,
    ) -> Result<(Found, T), PlaceCallError> {
        let OutboundParties { user, contact, agent, mut numbers, calling: facts, pacing } = parties;
        let permit = permit(&user)?;
        let (contact, reading) = self.destination(contact, callee)?;
        let destination = reading.destination.clone();
        refuse_own_number(&numbers, &destination)?;
        let (agent, provider_agent_id) = speaker(agent, command)?;
        let organization_numbers = std::mem::take(&mut numbers.organization_numbers);
        let (callers, caller_ids) = shown_numbers(numbers, command, self.ports.provider.carriers())?;
        self.destinations.check(&reading, &organization_numbers)?;
        let case = Case {
            purpose: command.purpose.unwrap_or(self.policy_of(&facts).0.default_purpose),
            facts,
            callers,
            caller_ids,
            pacing,
            is_requested: command.from_number.is_some(),
            decided_at: self.ports.clock.now(),
        };
        Ok((Found { user, contact, destination, agent, provider_agent_id, case }, permit))
    }

    /// Whether the call may be made now.
    pub(super) fn decide(&self, found: &Found, command: &PlaceCallCommand) -> Decided {
        let mut decided = decide(&*self.ports.rules, &self.question(&found.case, &found.destination));
        let why = if command.agent_id.is_some() { AgentReason::Requested } else { AgentReason::Default };
        decided.decision.agent = Some((found.agent.id.clone(), why));
        decided.decision.contact_id = found.contact.as_ref().map(|contact| contact.id.clone());
        decided
    }

    /// The answer of the call that holds the intent, if there is one.
    async fn answer_of_holder(
        &self,
        found: &Found,
        keyed: Option<&KeyedRequest>,
    ) -> Result<Option<Result<PlacedCall, PlaceCallError>>, PlaceCallError> {
        let Some(contact) = &found.contact else { return Ok(None) };
        let number = found.destination.number();
        let intent = IntentKey::new(&found.user.id, &contact.id, &found.agent.id, number);
        Ok(match self.holder(&intent).await? {
            HoldResult::InFlight { remaining } | HoldResult::Undecided { remaining } => {
                Some(Err(self.reserved(remaining)))
            }
            HoldResult::Settled(call) => Some(self.bind(&found.user.id, keyed, &intent, replay(call)).await),
            HoldResult::Granted
            | HoldResult::GrantedAfter { .. }
            | HoldResult::TooFast { .. }
            | HoldResult::Refused(_)
            | HoldResult::Uncounted(_)
            | HoldResult::KeyTaken => None,
        })
    }

    /// The error of a call that the lock or the booking refused.
    pub(super) fn refused(&self, parties: &Parties, code: RefusalCode) -> PlaceCallError {
        let question = self.question(&parties.case, &parties.destination);
        let decision: Decision = parties.decided.refused_by(code, &*self.ports.rules, &question);
        let refused = PlaceCallError::Refused(Box::new(decision));
        self.count(&parties.user.organization.id, &refused);
        refused
    }

    /// Counts a refusal, once for each of its codes.
    fn count(&self, organization_id: &OrganizationId, error: &PlaceCallError) {
        let mut codes: Vec<RefusalCode> = match error {
            PlaceCallError::Refused(decision) => {
                decision.refusals.iter().map(|refusal| refusal.code).collect()
            }
            PlaceCallError::InvalidPhoneNumber(_) | PlaceCallError::AmbiguousPhoneNumber(_) => {
                vec![RefusalCode::InvalidPhoneNumber]
            }
            PlaceCallError::DestinationNotAllowed(_) => vec![RefusalCode::DestinationNotAllowed],
            PlaceCallError::CountryNotAllowed(_) => vec![RefusalCode::CountryNotAllowed],
            _ => return,
        };
        codes.dedup();
        if let Some(log) = &self.refusals {
            codes.iter().for_each(|code| log.note(organization_id, *code));
        }
        if let Some(watch) = &self.watch {
            watch.refused(&codes);
        }
    }

    /// The organization's policy and its revision: the stored one, or that of organizations without one.
    pub(super) fn policy_of<'a>(&'a self, facts: &'a CallingFacts) -> (&'a CallingPolicy, u64) {
        facts.policy.as_ref().map_or((&self.default_policy, 0), |stored| (&stored.policy, stored.revision))
    }

    fn question<'a>(&'a self, case: &'a Case, destination: &'a Destination) -> Question<'a> {
        let (policy, revision) = self.policy_of(&case.facts);
        let may_wait = self.pacing.may_delay(&case.pacing, &case.callers);
        Question {
            facts: &case.facts,
            policy,
            revision,
            purpose: case.purpose,
            destination,
            callers: &case.callers,
            is_requested: case.is_requested,
            now: case.decided_at,
            waits_for: if may_wait { self.policy.longest_wait() } else { Duration::ZERO },
            rings_for: self.policy.ringing_timeout(),
        }
    }

    /// The organization's permit for one more call.
    fn share_of(&self, user: &User) -> Result<Option<Share<OrganizationId>>, PlaceCallError> {
        let Some(shares) = &self.shares else { return Ok(None) };
        shares.take(&user.organization.id).map(Some).ok_or(PlaceCallError::TooManyInFlight)
    }

    /// The contact, or `None` for a number that has none yet; and the number to dial.
    fn destination(
        &self,
        contact: Option<Contact>,
        callee: Callee,
    ) -> Result<(Option<Contact>, Reading), PlaceCallError> {
        let given = match callee {
            Callee::Number(reading) => return Ok((contact, reading)),
            Callee::Contact(given) => given,
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
    let mut shown = numbers.caller.iter().chain(&numbers.others).map(|caller| &caller.phone_number);
    if numbers.recipient_is_own_number || shown.any(|number| number == destination.number()) {
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

/// The numbers that the call may come from, with their ids at the provider. The first one decides
/// whether there is any: another strategy than the first number changes no error.
fn shown_numbers(
    numbers: CallerNumberChoice,
    command: &PlaceCallCommand,
    carriers: &[Carrier],
) -> Result<(Vec<CallerNumber>, Vec<ProviderNumberId>), PlaceCallError> {
    let unavailable = |unfit| match command.from_number {
        Some(_) => PlaceCallError::FromNumberNotAvailable(unfit),
        None => PlaceCallError::NoAiEnabledNumber(unfit),
    };
    let caller = numbers.caller.ok_or_else(|| unavailable(None))?;
    match caller.for_ai_call(carriers) {
        Ok(provider_number_id) => {
            let fit = |other: CallerNumber| {
                let id = other.for_ai_call(carriers).ok()?;
                Some((other, id))
            };
            let others = numbers.others.into_iter().filter_map(fit);
            Ok(std::iter::once((caller, provider_number_id)).chain(others).unzip())
        }
        Err(unfit) => Err(match unfit.unmet {
            UnmetCondition::EnabledForAiCalls | UnmetCondition::CarrierServed(_) => unavailable(Some(unfit)),
            UnmetCondition::OnTrunk | UnmetCondition::KnownToProvider => {
                PlaceCallError::NumberNotOnTrunk(unfit)
            }
        }),
    }
}
