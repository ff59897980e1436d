use std::time::Duration;

use async_trait::async_trait;

use crate::{
    AnswerTime, CallId, CallReason, DialOutcome, PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId,
};

/// Whoever dials.
///
/// The dial is the one step that cannot be taken back. Its outcome says what is *known*: an adapter starts from
/// [`DialOutcome::Unknown`] and leaves it for an explicit success or an explicit refusal alone.
///
/// - MUST send exactly one request for each dial, whatever comes of it: no retry (`a_dial_is_sent_once`), no redirect
///   followed (`a_redirect_is_not_followed_and_unknown`).
/// - MUST send the call's id, numbers and variables as given (`a_dial_carries_what_it_was_given`), `call_reason` being empty
///   where there is none (`an_absent_reason_is_sent_empty`).
/// - MUST answer *placed* with the provider's ids (`an_accepted_dial_is_placed_with_its_ids`), also where the provider gives
///   none (`an_accepted_dial_without_ids_is_placed`).
/// - MUST say when it answers as it does (`a_provider_says_when_it_answers`): how long a dial may take, and for how long its
///   result keeps the callee's phone from a second call, follow from it.
/// - MUST answer *not connected* for a callee who is busy (`a_busy_callee_is_not_connected`), does not answer
///   (`a_silent_callee_is_not_connected`) or declines (`a_declining_callee_is_not_connected`), where its provider waits for
///   the callee.
/// - MUST answer *not dialled* where no connection was made (`a_refused_connection_is_not_dialled`) or the provider refused in
///   its own error format (`a_refusal_in_the_providers_words_is_not_dialled`).
/// - MUST answer *unknown* for an answer that does not come in time (`a_timeout_after_sending_is_an_unknown_outcome`), a
///   connection that breaks after the request (`a_connection_that_breaks_is_an_unknown_outcome`), an error on the provider's
///   side (`a_server_error_is_an_unknown_outcome`) and an answer that is not the provider's
///   (`a_foreign_response_is_an_unknown_outcome`), too large or cut (`an_unreadable_response_is_an_unknown_outcome`).
/// - MUST return within `answer_within`, give or take a second (`a_dial_ends_within_its_time`).
/// - MUST NOT show phone number, name or reason in what it answers (`an_outcome_shows_no_personal_data`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait VoiceProvider: Send + Sync {
    /// When the provider answers a dial. Always the same.
    fn answer_time(&self) -> AnswerTime;

    /// Asks the provider to dial, and waits until it says how that went.
    async fn dial(&self, request: &DialRequest) -> DialOutcome;
}

/// One dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialRequest {
    /// Our id of the call, by which the provider can be asked for it later.
    pub call_id: CallId,
    /// The agent at the provider.
    pub provider_agent_id: ProviderAgentId,
    /// The caller number at the provider.
    pub provider_number_id: ProviderNumberId,
    /// The number to dial.
    pub to: PhoneNumber,
    /// The callee's name for the agent to say, where it is known.
    pub callee_name: Option<PersonName>,
    /// The calling organization's name.
    pub organization_name: PersonName,
    /// Why the callee is called.
    pub reason: Option<CallReason>,
    /// How long the phone may ring. A provider that cannot be told rings as long as its carrier does.
    pub ringing_timeout: Duration,
    /// How long to wait for the provider's answer: longer than the phone may ring, where it comes after that.
    pub answer_within: Duration,
}
