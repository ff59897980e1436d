//! Reads the requested number, and looks the parties up: in one statement, unless the organization reads
//! numbers without `+` in another way than the operator.

use super::command::RequestedCallee;
use super::{PlaceCallCommand, PlaceCallError};
use crate::ports::{
    CallCount, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable, Recipient,
};
use crate::{
    AllowedCountries, Carrier, DestinationRefusal, DestinationRules, PhoneNumber, Reading, Timestamp,
};

/// Who will be called, with the number of the request as the rules read it.
pub(super) enum Callee {
    Contact(Option<Reading>),
    Number(Reading),
}

/// What the look-up needs.
pub(super) struct LookUp<'a> {
    pub(super) directory: &'a dyn OutboundDirectory,
    pub(super) destinations: &'a DestinationRules,
    pub(super) carriers: &'a [Carrier],
    pub(super) now: Timestamp,
    pub(super) count_calls: Option<CallCount>,
}

impl LookUp<'_> {
    /// Reads the requested number, and looks the parties up.
    ///
    /// The operator's default country is known before the look-up, that of the organization's policy
    /// after it. A number without `+` is then read again. If it is another number, the parties are
    /// looked up a second time: one more statement, on this path only.
    pub(super) async fn run(
        &self,
        command: &PlaceCallCommand,
    ) -> Result<(Callee, OutboundParties), PlaceCallError> {
        let callee = read(self.destinations, &command.callee);
        let written = command.callee.written().filter(|written| !written.has_plus());
        let asked_for = match (&command.callee, &callee, written) {
            (RequestedCallee::Contact(..), Err(refusal), None) => return Err((*refusal).into()),
            (RequestedCallee::Contact(id, _), _, _) => Recipient::Contact(id),
            (RequestedCallee::Number(_), Ok(Callee::Number(reading)), _) => {
                Recipient::Number(reading.destination.number())
            }
            (RequestedCallee::Number(_), refused, written) => {
                let refusal = refused.as_ref().err().copied();
                let refusal = refusal.unwrap_or(DestinationRefusal::NoRange);
                let digits = written.map(|written| written.digits().trim_start_matches('0'));
                // Only the policy is needed. The contact is looked up once the number is known.
                let stand_in = digits.and_then(|digits| PhoneNumber::parse(digits).ok());
                return self.look_up_at_home(command, &stand_in.ok_or(refusal)?, refusal).await;
            }
        };
        let parties = self.ask_directory(command, asked_for).await?;
        let home = parties.as_ref().and_then(|parties| self.rules_at_home(parties));
        let Some(rules) = home.filter(|_| written.is_some()) else {
            return Ok((callee?, parties.ok_or(PlaceCallError::UserNotFound)?));
        };
        let callee = read(&rules, &command.callee)?;
        let parties = match (&callee, asked_for) {
            (Callee::Number(reading), Recipient::Number(number))
                if reading.destination.number() != number =>
            {
                self.ask_directory(command, Recipient::Number(reading.destination.number())).await?
            }
            _ => parties,
        };
        Ok((callee, parties.ok_or(PlaceCallError::UserNotFound)?))
    }

    /// The same for a number that the operator's default country does not explain: it may be one of
    /// the policy's.
    async fn look_up_at_home(
        &self,
        command: &PlaceCallCommand,
        stand_in: &PhoneNumber,
        refusal: DestinationRefusal,
    ) -> Result<(Callee, OutboundParties), PlaceCallError> {
        let parties = self.ask_directory(command, Recipient::Number(stand_in)).await?;
        let rules = parties.as_ref().and_then(|parties| self.rules_at_home(parties)).ok_or(refusal)?;
        let callee = read(&rules, &command.callee)?;
        let Callee::Number(reading) = &callee else { return Err(refusal.into()) };
        let parties = self.ask_directory(command, Recipient::Number(reading.destination.number())).await?;
        Ok((callee, parties.ok_or(PlaceCallError::UserNotFound)?))
    }

    async fn ask_directory(
        &self,
        command: &PlaceCallCommand,
        recipient: Recipient<'_>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let query = OutboundQuery {
            user_id: &command.user_id,
            recipient,
            agent_id: command.agent_id.as_ref(),
            requested_number: command.from_number.as_ref(),
            carriers: self.carriers,
            list_numbers: self.destinations.allowed == AllowedCountries::OwnNumbers,
            subject: command.subject.as_ref(),
            purpose: command.purpose,
            now: self.now,
            count_calls: self.count_calls,
        };
        self.directory.resolve(&query).await
    }

    /// The operator's rules with the default country of the policy, if it has another one.
    fn rules_at_home(&self, parties: &OutboundParties) -> Option<DestinationRules> {
        let home = parties.calling.policy.as_ref()?.policy.default_country;
        let is_other = home.is_some() && home != self.destinations.default_country;
        is_other.then(|| DestinationRules { default_country: home, ..self.destinations.clone() })
    }
}

fn read(rules: &DestinationRules, callee: &RequestedCallee) -> Result<Callee, DestinationRefusal> {
    Ok(match callee {
        RequestedCallee::Contact(_, written) => {
            Callee::Contact(written.as_ref().map(|written| rules.read(written)).transpose()?)
        }
        RequestedCallee::Number(written) => Callee::Number(rules.read(written)?),
    })
}
