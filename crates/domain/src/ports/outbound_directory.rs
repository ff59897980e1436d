use async_trait::async_trait;

use super::{CallerNumberChoice, PortUnavailable, Recipient};
use crate::{
    Agent, AgentId, CallPurpose, CallSubject, CallingFacts, Carrier, Contact, PacingFacts, PhoneNumber,
    Timestamp, User, UserId,
};

/// Finds everything about the parties of a call that the directory has, in one step.
///
/// - MUST return what `UserRepo`, `ContactRepo`, `AgentRepo` and `NumberPool` return one after the
///   other (`the_parties_are_what_the_four_ports_return`).
/// - MUST return `None` only if the user is not stored (`an_unknown_user_has_no_parties`), and leave
///   out what is missing of a stored user's call (`what_is_missing_is_left_out`).
/// - MUST NOT return a contact, an agent or a number of another organization
///   (`another_tenants_parties_are_left_out`).
/// - MUST create no contact for a number that the organization does not have
///   (`resolving_a_number_creates_no_contact`).
/// - MUST return what is stored now, and keep nothing for a later query: the contact and the agent are
///   part of the intent key, and two processes that disagree about them would dial twice
///   (`a_change_is_seen_by_the_next_query`).
/// - MUST return what is stored for the decision on the call: the policy and the contact's place
///   (`the_policy_and_the_place_are_found`); whether the number or the contact is suppressed at the
///   time of the query, by the organization or by a suppression without one
///   (`a_suppression_is_found_by_number_and_by_contact`); each do-not-call list, and whether its newest
///   copy has the number (`do_not_call_lists_are_found_with_their_dates`); the consents of the number
///   and of the contact (`consents_are_found_by_number_and_by_contact`); and the attempts that
///   bookings have counted for the number and the subject (`attempts_are_found_by_number_and_subject`).
/// - MUST return the last conversation, the last decline and the last caller number among the
///   [`LATEST_CALLS`](OutboundQuery::LATEST_CALLS), if the organization stored a policy or the query
///   may need them, and MUST NOT read calls otherwise (`the_latest_calls_are_found_if_they_matter`).
/// - MUST NOT return such a fact of another organization (`another_tenants_facts_are_left_out`).
/// - MUST return the trunks of the carriers, with their limits (`the_trunks_of_the_carriers_are_found`).
/// - MUST count, if asked, the calls that have not ended and were booked since a time, those of the
///   organization and those over each trunk (`calls_that_have_not_ended_are_counted`): a call is over a
///   trunk if its caller number has the carrier and is on the trunk. MUST count no further than asked
///   (`calls_are_counted_up_to_a_number`). MUST NOT count them otherwise.
/// - MUST return `PortUnavailable`, within 5 s and without quoting data, when the store is lost
///   (`a_lost_outbound_directory_is_unavailable`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OutboundDirectory: Send + Sync {
    /// Finds the parties. One round trip: this is on the path to the dial.
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable>;
}

/// What a request says about its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundQuery<'a> {
    /// The user who calls. The organization of this user is the one of the call.
    pub user_id: &'a UserId,
    /// Who will be called.
    pub recipient: Recipient<'a>,
    /// The agent that the client requested. Without one, the default agent is looked for.
    pub agent_id: Option<&'a AgentId>,
    /// The caller number that the client requested.
    pub requested_number: Option<&'a PhoneNumber>,
    /// The carriers whose numbers serve the calls of the voice provider.
    pub carriers: &'a [Carrier],
    /// Whether to list all numbers of the organization.
    pub list_numbers: bool,
    /// What the call is about. Attempts are found for it.
    pub subject: Option<&'a CallSubject>,
    /// What the call is for, if the client says so.
    pub purpose: Option<CallPurpose>,
    /// The time of the decision, by our clock: what has expired by then counts no more.
    pub now: Timestamp,
    /// Which calls that have not ended are counted. `None` counts none.
    pub count_calls: Option<CallCount>,
}

/// Which calls that have not ended are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallCount {
    /// Those that were booked at this time or later.
    pub since: Timestamp,
    /// How many are counted at most: a limit needs no more.
    pub at_most: u32,
}

impl OutboundQuery<'_> {
    /// How many calls of the callee's number are looked at for the last conversation, the last
    /// decline and the last caller number: the newest ones of the organization.
    pub const LATEST_CALLS: u32 = 50;

    /// Whether a rule may ask for the latest calls although the organization stored no policy.
    #[must_use]
    pub fn may_need_latest_calls(&self) -> bool {
        self.purpose.is_some_and(|purpose| purpose != CallPurpose::Informational)
    }
}

/// What the directory has about the parties of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundParties {
    /// The user who calls, with the organization.
    pub user: User,
    /// The contact who will be called, if the organization has it.
    pub contact: Option<Contact>,
    /// The requested agent or the default agent, if the organization has it.
    pub agent: Option<Agent>,
    /// The caller number of the call.
    pub numbers: CallerNumberChoice,
    /// What the decision depends on.
    pub calling: CallingFacts,
    /// What the pace of the call depends on.
    pub pacing: PacingFacts,
}
