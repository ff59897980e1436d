//! The suite of [`VoiceProvider`](domain::ports::VoiceProvider).

mod connections;
mod responder;
mod responses;
mod secrecy;

use std::time::Duration;

use domain::ports::DialRequest;
use domain::{
    AnswerTime, DialOutcome, DynamicVariables, NotConnectedReason, NotDialledReason, PersonName,
    UnknownCause, VariableValue,
};
use serde_json::Value;

use crate::expect::shows_none_of;
use crate::fixtures::{
    call_id, name, organization, phone_number, provider_agent_id, provider_number_id, reason, variables,
};
use crate::harness::{SentDial, Upstream, VoiceProviderHarness};

pub use connections::{
    a_connection_that_is_not_made_is_not_dialled, a_dial_has_a_connection_of_its_own,
    a_response_is_not_followed_by_another_try,
};
pub use responses::{only_a_refusal_is_not_dialled, only_an_acceptance_is_placed};
pub use secrecy::{an_error_at_start_shows_no_key, an_outcome_and_the_log_show_no_key_and_no_number};

suite! {
    $ voice_provider_suite of voice_provider:
    a_dial_is_sent_once,
    a_response_is_not_followed_by_another_try,
    a_dial_has_a_connection_of_its_own,
    a_redirect_is_not_followed_and_unknown,
    a_dial_carries_what_it_was_given,
    an_absent_reason_is_sent_empty,
    a_dial_carries_the_clients_variables,
    an_accepted_dial_is_placed_with_its_ids,
    an_accepted_dial_without_ids_is_placed,
    only_an_acceptance_is_placed,
    a_provider_states_its_carriers,
    a_provider_says_when_it_answers,
    a_busy_callee_is_not_connected,
    a_silent_callee_is_not_connected,
    a_declining_callee_is_not_connected,
    a_refused_connection_is_not_dialled,
    a_connection_that_is_not_made_is_not_dialled,
    a_refusal_in_the_providers_words_is_not_dialled,
    a_refusal_for_now_says_how_long,
    only_a_refusal_is_not_dialled,
    a_timeout_after_sending_is_an_unknown_outcome,
    a_connection_that_breaks_is_an_unknown_outcome,
    a_server_error_is_an_unknown_outcome,
    a_foreign_response_is_an_unknown_outcome,
    an_unreadable_response_is_an_unknown_outcome,
    a_dial_ends_within_its_time,
    an_outcome_shows_no_personal_data,
    an_outcome_and_the_log_show_no_key_and_no_number,
    an_error_at_start_shows_no_key,
}

const RINGING: Duration = Duration::from_secs(1);
/// The time limit of a dial if the provider responds.
const PATIENT: Duration = Duration::from_secs(10);
/// The time limit of a dial if the provider never responds.
const BRIEF: Duration = Duration::from_secs(2);
/// By how much a dial may exceed its time limit.
const GRACE: Duration = Duration::from_secs(1);

/// The provider gets one request for each dial, whatever it does with it.
pub async fn a_dial_is_sent_once(harness: &impl VoiceProviderHarness) {
    for upstream in Upstream::ALL {
        let request = request(BRIEF);
        dial(harness, upstream, &request).await;
        let sent = harness.requests().await.iter().filter(|sent| is_of(sent, &request)).count();
        let expected = usize::from(upstream != Upstream::RefusesConnection);
        assert_eq!(sent, expected, "requests for one dial to a provider with {upstream:?}");
    }
}

/// A redirect is not followed: its target may dial. Whether the redirecting server has dialled is
/// unknown.
pub async fn a_redirect_is_not_followed_and_unknown(harness: &impl VoiceProviderHarness) {
    let request = request(PATIENT);
    let outcome = dial(harness, Upstream::Redirects, &request).await;
    assert_eq!(outcome, DialOutcome::Unknown(UnknownCause::UnclearAnswer));
    assert_eq!(harness.requests().await.len(), 1, "the redirect was followed");
}

/// The provider gets the call's id, agent, numbers and variables unchanged, in any script.
pub async fn a_dial_carries_what_it_was_given(harness: &impl VoiceProviderHarness) {
    let request = request(PATIENT);
    dial(harness, Upstream::AcceptsWithIds, &request).await;
    let sent = only_request(harness).await;
    assert_eq!(sent.call_id, request.call_id.as_str());
    assert_eq!(sent.provider_agent_id, request.provider_agent_id.as_str());
    assert_eq!(sent.provider_number_id, request.provider_number_id.as_str());
    assert_eq!(sent.to, request.to.as_e164());
    let given = request.reason.as_ref().map(|reason| reason.as_str());
    assert!(
        sent.variables.get("call_reason").and_then(Value::as_str) == given,
        "the reason was changed or dropped"
    );
    let organization = sent.variables.get("org_name").and_then(Value::as_str);
    assert_eq!(organization, Some(request.organization_name.as_str()));
    let callee = request.callee_name.as_ref().map(PersonName::as_str);
    assert!(sent.variables.values().any(|value| value.as_str() == callee), "the callee's name is missing");
}

/// A dial without a reason sends an empty one: a missing variable makes an agent end the call.
pub async fn an_absent_reason_is_sent_empty(harness: &impl VoiceProviderHarness) {
    let request = DialRequest { reason: None, callee_name: None, ..request(PATIENT) };
    dial(harness, Upstream::AcceptsWithIds, &request).await;
    let sent = only_request(harness).await;
    assert_eq!(sent.variables.get("call_reason").and_then(Value::as_str), Some(""));
}

/// The provider gets each of the client's variables with its name and type, besides the gateway's own.
/// A dial without any sends the gateway's own only.
pub async fn a_dial_carries_the_clients_variables(harness: &impl VoiceProviderHarness) {
    let request = request(PATIENT);
    dial(harness, Upstream::AcceptsWithIds, &request).await;
    let bare = DialRequest { variables: DynamicVariables::default(), call_id: call_id(), ..request.clone() };
    dial(harness, Upstream::AcceptsWithIds, &bare).await;
    let sent = harness.requests().await;
    let of = |request: &DialRequest| {
        let sent = sent.iter().find(|sent| is_of(sent, request)).expect("the dial was sent");
        sent.variables.clone()
    };
    let (mut expected, sent) = (of(&bare), of(&request));
    for (name, value) in request.variables.iter() {
        let other = expected.insert(name.to_owned(), json(value));
        assert!(other.is_none(), "a dial has a variable that it was not given");
    }
    assert!(sent == expected, "variables were changed, added or dropped");
}

fn json(value: &VariableValue) -> Value {
    match value {
        VariableValue::Text(text) => Value::from(&**text),
        VariableValue::Integer(number) => Value::from(*number),
        VariableValue::Decimal(number) => Value::from(*number),
        VariableValue::Boolean(value) => Value::from(*value),
    }
}

/// An accepted dial is placed, with exactly the provider's ids.
pub async fn an_accepted_dial_is_placed_with_its_ids(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::AcceptsWithIds, &request(PATIENT)).await;
    let answered = only_request(harness).await.answered;
    assert!(answered.conversation_id.is_some(), "the harness's provider gave no id of the conversation");
    assert_eq!(outcome, DialOutcome::Placed(answered));
}

/// An accepted dial is placed, also if the provider returns no id: the call is real.
pub async fn an_accepted_dial_without_ids_is_placed(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::AcceptsWithoutIds, &request(PATIENT)).await;
    assert_eq!(outcome, DialOutcome::Placed(domain::ProviderReference::default()));
}

/// The provider serves at least one carrier, and the same ones each time. Without a carrier no
/// number can place a call.
pub async fn a_provider_states_its_carriers(harness: &impl VoiceProviderHarness) {
    harness.upstream(Upstream::AcceptsWithIds).await;
    let provider = harness.provider();
    assert!(!provider.carriers().is_empty(), "no number can place calls");
    assert_eq!(provider.carriers(), harness.provider().carriers());
}

/// `answer_time` is true of the provider. Otherwise the result of a dial could be held too briefly,
/// while the phone still rings.
pub async fn a_provider_says_when_it_answers(harness: &impl VoiceProviderHarness) {
    harness.upstream(Upstream::AcceptsWithIds).await;
    let answers = harness.provider().answer_time();
    assert_eq!(answers == AnswerTime::AfterRinging, harness.waits_for_the_callee(), "it returns {answers:?}");
}

/// A busy line is *not connected: busy*, or *placed* if the provider does not wait for the callee.
pub async fn a_busy_callee_is_not_connected(harness: &impl VoiceProviderHarness) {
    not_connected(harness, Upstream::Busy, NotConnectedReason::Busy).await;
}

/// A phone that no one answers is *not connected: no answer*, or *placed* if the provider does not
/// wait for the callee.
pub async fn a_silent_callee_is_not_connected(harness: &impl VoiceProviderHarness) {
    not_connected(harness, Upstream::Silent, NotConnectedReason::NoAnswer).await;
}

/// A callee who declines is *not connected: declined*, or *placed* if the provider does not wait
/// for the callee.
pub async fn a_declining_callee_is_not_connected(harness: &impl VoiceProviderHarness) {
    not_connected(harness, Upstream::Declines, NotConnectedReason::Declined).await;
}

/// Without a connection the provider cannot have dialled.
pub async fn a_refused_connection_is_not_dialled(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::RefusesConnection, &request(PATIENT)).await;
    assert_eq!(outcome, DialOutcome::NotDialled(NotDialledReason::Unavailable));
}

/// A refusal in the provider's own error format means that it has not dialled. Its code is
/// returned.
pub async fn a_refusal_in_the_providers_words_is_not_dialled(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::Refuses, &request(PATIENT)).await;
    let rejected = matches!(outcome, DialOutcome::NotDialled(NotDialledReason::Rejected(_)));
    assert!(rejected, "the provider refused, and the outcome is {outcome:?}");
}

/// A refusal with 429 keeps the time that the provider asks to wait.
pub async fn a_refusal_for_now_says_how_long(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::RefusesForNow, &request(PATIENT)).await;
    let DialOutcome::NotDialled(NotDialledReason::RejectedForNow { retry_after, .. }) = outcome else {
        panic!("the provider refused for now, and the outcome is {outcome:?}")
    };
    assert_eq!(retry_after, Duration::from_secs(7));
}

/// A provider that does not respond in time may have dialled.
pub async fn a_timeout_after_sending_is_an_unknown_outcome(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::NeverResponds, &request(BRIEF)).await;
    assert_eq!(outcome, DialOutcome::Unknown(UnknownCause::TimedOut));
}

/// A provider that closes the connection after the request may have dialled.
pub async fn a_connection_that_breaks_is_an_unknown_outcome(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::BreaksConnection, &request(PATIENT)).await;
    assert_eq!(outcome, DialOutcome::Unknown(UnknownCause::ConnectionLost));
}

/// An error on the provider's side may have occurred before or after the dial, whatever its format.
pub async fn a_server_error_is_an_unknown_outcome(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::ServerError, &request(PATIENT)).await;
    assert_eq!(outcome, DialOutcome::Unknown(UnknownCause::UnclearAnswer));
}

/// A response that is not the provider's shows nothing, even with a status of success.
pub async fn a_foreign_response_is_an_unknown_outcome(harness: &impl VoiceProviderHarness) {
    let outcome = dial(harness, Upstream::ForeignResponse, &request(PATIENT)).await;
    assert_eq!(outcome, DialOutcome::Unknown(UnknownCause::UnclearAnswer));
}

/// A response that is too large or cut shows nothing, even if it begins like a success.
pub async fn an_unreadable_response_is_an_unknown_outcome(harness: &impl VoiceProviderHarness) {
    for upstream in [Upstream::OversizeResponse, Upstream::CutResponse] {
        let outcome = dial(harness, upstream, &request(PATIENT)).await;
        assert!(matches!(outcome, DialOutcome::Unknown(_)), "{upstream:?} gives {outcome:?}");
    }
}

/// A dial ends within its time limit and one second, whatever the provider does.
pub async fn a_dial_ends_within_its_time(harness: &impl VoiceProviderHarness) {
    for upstream in [Upstream::NeverResponds, Upstream::OversizeResponse, Upstream::CutResponse] {
        let request = request(BRIEF);
        harness.upstream(upstream).await;
        let provider = harness.provider();
        let in_time = tokio::time::timeout(BRIEF + GRACE, provider.dial(&request)).await;
        assert!(
            in_time.is_ok(),
            "a dial of {BRIEF:?} exceeds its time by more than a second, with {upstream:?}"
        );
    }
}

/// No outcome shows the number, the name or the reason, also if the provider's response quotes
/// them.
pub async fn an_outcome_shows_no_personal_data(harness: &impl VoiceProviderHarness) {
    for upstream in Upstream::ALL {
        let request = request(BRIEF);
        let outcome = dial(harness, upstream, &request).await;
        let callee = request.callee_name.as_ref().map_or("", |name| name.as_str());
        let reason = request.reason.as_ref().map_or("", |reason| reason.as_str());
        shows_none_of(&format!("{outcome:?}"), &[request.to.as_e164(), callee, reason]);
    }
}

async fn not_connected(
    harness: &impl VoiceProviderHarness,
    upstream: Upstream,
    expected: NotConnectedReason,
) {
    let outcome = dial(harness, upstream, &request(PATIENT)).await;
    match outcome {
        DialOutcome::NotConnected { reason, .. } if harness.waits_for_the_callee() => {
            assert_eq!(reason, expected);
        }
        // A provider that responds before the callee has placed the call, and knows no more.
        DialOutcome::Placed(_) if !harness.waits_for_the_callee() => {}
        other => panic!("{upstream:?} gives {other:?}"),
    }
}

async fn dial(harness: &impl VoiceProviderHarness, upstream: Upstream, request: &DialRequest) -> DialOutcome {
    harness.upstream(upstream).await;
    harness.provider().dial(request).await
}

async fn only_request(harness: &impl VoiceProviderHarness) -> SentDial {
    let mut requests = harness.requests().await;
    assert_eq!(requests.len(), 1, "requests to the provider");
    requests.remove(0)
}

fn is_of(sent: &SentDial, request: &DialRequest) -> bool {
    sent.call_id == request.call_id.as_str()
}

fn request(answer_within: Duration) -> DialRequest {
    DialRequest {
        call_id: call_id(),
        organization_id: organization().id,
        provider_agent_id: provider_agent_id(),
        provider_number_id: provider_number_id(),
        to: phone_number(),
        callee_name: Some(name("Zoë \"Z\" O'Brien-Łukasz 李")),
        organization_name: name("Société d’Été № 7"),
        reason: Some(reason()),
        variables: variables(),
        ringing_timeout: RINGING,
        answer_within,
    }
}
