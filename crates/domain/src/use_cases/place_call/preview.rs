use super::dial::DialParties;
use super::resolve::Found;
use super::{PlaceCall, PlaceCallCommand, PlaceCallError};
use crate::ports::{DialRequest, HoldResult, PortUnavailable};
use crate::{AgentId, Decision, IntentKey, PhoneNumber};

/// What a request for a call would do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Whether the call may be made.
    pub decision: Decision,
    /// The agent that would speak.
    pub agent_id: AgentId,
    /// The number that the call would come from.
    pub from: PhoneNumber,
    /// What the provider would get. Its call id is none of a call.
    pub dial: DialRequest,
    /// What holds the intent now: `Granted` if no other call does.
    pub duplicate: HoldResult,
}

impl PlaceCall {
    /// Decides on a call and returns what placing it would do. Creates no contact, takes no lock,
    /// books nothing, and asks no provider.
    pub async fn preview(&self, command: &PlaceCallCommand) -> Result<Preview, PlaceCallError> {
        let (callee, parties) = self.look_up(command).await?;
        let (found, ()) = self.find(command, callee, parties, |_| Ok(()))?;
        let decided = self.decide(&found, command);
        let duplicate = match &found.contact {
            Some(contact) => {
                let number = found.destination.number();
                self.holder(&IntentKey::new(&found.user.id, &contact.id, &found.agent.id, number)).await?
            }
            // A number without a contact has no intent yet.
            None => HoldResult::Granted,
        };
        let Found { user, contact, destination, agent, provider_agent_id, mut case } = found;
        let caller = case.callers.swap_remove(decided.caller);
        let parties = DialParties {
            provider_agent_id: &provider_agent_id,
            provider_number_id: &case.caller_ids.swap_remove(decided.caller),
            callee_name: contact.as_ref().and_then(crate::Contact::spoken_name),
            organization: &user.organization,
        };
        let dial =
            self.dial_request(&parties, self.ports.identifiers.call_id(), destination.number(), command);
        Ok(Preview {
            decision: decided.decision,
            agent_id: agent.id,
            from: caller.phone_number,
            dial,
            duplicate,
        })
    }

    /// What holds the intent.
    pub(super) async fn holder(&self, intent: &IntentKey) -> Result<HoldResult, PortUnavailable> {
        for holds in &self.holds {
            match holds.look_at(intent).await? {
                HoldResult::Granted => {}
                held => return Ok(held),
            }
        }
        Ok(HoldResult::Granted)
    }
}
