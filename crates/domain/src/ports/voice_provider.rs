use std::time::Duration;

use async_trait::async_trait;

use crate::{
    AnswerTime, CallId, CallReason, Carrier, DialOutcome, DynamicVariables, OrganizationId, PersonName,
    PhoneNumber, ProviderAgentId, ProviderNumberId,
};

/// Dials.
///
/// A dial cannot be undone. Its outcome says what is *known*: an adapter starts from
/// [`DialOutcome::Unknown`] and leaves it only for an explicit success or an explicit refusal.
///
/// - MUST send exactly one request for each dial: no retry (`a_dial_is_sent_once`), also not if the
///   provider asks for one (`a_response_is_not_followed_by_another_try`), no redirect followed
///   (`a_redirect_is_not_followed_and_unknown`).
/// - MUST send each dial over a new connection, which ends with it
///   (`a_dial_has_a_connection_of_its_own`).
/// - MUST send the call's id, numbers and variables as given (`a_dial_carries_what_it_was_given`),
///   with an empty `call_reason` if there is no reason (`an_absent_reason_is_sent_empty`), and the
///   client's own variables with their names and types (`a_dial_carries_the_clients_variables`).
/// - MUST return *placed* with the provider's ids (`an_accepted_dial_is_placed_with_its_ids`), also
///   if the provider returned none (`an_accepted_dial_without_ids_is_placed`), and only if it
///   accepted in its own format, with its status of success (`only_an_acceptance_is_placed`).
/// - MUST state at least one carrier whose numbers serve its calls, and always the same ones
///   (`a_provider_states_its_carriers`).
/// - MUST report when it answers (`a_provider_says_when_it_answers`): the maximum duration of a
///   dial and the time for which its result blocks a second call follow from it.
/// - MUST return *not connected* for a callee who is busy (`a_busy_callee_is_not_connected`), does
///   not answer (`a_silent_callee_is_not_connected`) or declines
///   (`a_declining_callee_is_not_connected`), if the provider waits for the callee.
/// - MUST return *not dialled* if no connection was made (`a_refused_connection_is_not_dialled`),
///   which takes at most 3 s to find out (`a_connection_that_is_not_made_is_not_dialled`), or the
///   provider refused in its own error format (`a_refusal_in_the_providers_words_is_not_dialled`),
///   with the time to wait if a refusal with 429 names one (`a_refusal_for_now_says_how_long`).
/// - MUST NOT return *not dialled* for a status alone, or for 408, 409 or 5xx in any format: the
///   provider may have dialled (`only_a_refusal_is_not_dialled`).
/// - MUST return *unknown* for a response that arrives too late
///   (`a_timeout_after_sending_is_an_unknown_outcome`), a connection that breaks after the request
///   (`a_connection_that_breaks_is_an_unknown_outcome`), an error on the provider's side
///   (`a_server_error_is_an_unknown_outcome`), and a response that is not the provider's
///   (`a_foreign_response_is_an_unknown_outcome`), too large or cut off
///   (`an_unreadable_response_is_an_unknown_outcome`).
/// - MUST return within `answer_within`, plus or minus a second (`a_dial_ends_within_its_time`).
/// - MUST NOT show phone number, name, reason or the client's variables in the outcome
///   (`an_outcome_shows_no_personal_data`). Neither outcome nor log has them or the API key, at any
///   level and if the provider quotes them (`an_outcome_and_the_log_show_no_key_and_no_number`).
/// - MUST NOT show the API key or the base URL's secrets in the error with which an adapter refuses
///   its settings (`an_error_at_start_shows_no_key`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait VoiceProvider: Send + Sync {
    /// When the provider answers a dial. The value never changes.
    fn answer_time(&self) -> AnswerTime;

    /// The carriers whose numbers serve the calls of this provider, by their names in the directory.
    /// A number of any other carrier is refused before the dial. The value never changes.
    fn carriers(&self) -> &[Carrier];

    /// Asks the provider to dial, and waits for its answer.
    async fn dial(&self, request: &DialRequest) -> DialOutcome;
}

/// One dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialRequest {
    /// Our id of the call, by which the provider finds it later.
    pub call_id: CallId,
    /// The organization that calls.
    pub organization_id: OrganizationId,
    /// The provider's id of the agent.
    pub provider_agent_id: ProviderAgentId,
    /// The provider's id of the caller number.
    pub provider_number_id: ProviderNumberId,
    /// The number to dial.
    pub to: PhoneNumber,
    /// The callee's name, for the agent to say, if it is known.
    pub callee_name: Option<PersonName>,
    /// The name of the calling organization.
    pub organization_name: PersonName,
    /// Why the callee is called.
    pub reason: Option<CallReason>,
    /// The client's own variables of the agent's prompt.
    pub variables: DynamicVariables,
    /// How long the phone may ring. If the provider has no such setting, its carrier decides.
    pub ringing_timeout: Duration,
    /// How long to wait for the provider's answer. Longer than `ringing_timeout` if the provider
    /// answers after ringing.
    pub answer_within: Duration,
}
