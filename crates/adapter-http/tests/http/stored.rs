//! Calls and events as a store has them.

use std::time::Duration;

use domain::{
    AgentId, Analysis, Booking, CallEvent, CallEventKind, CallId, CallIdentity, CallMetadata, CallProgress,
    CallReason, CallStatus, CarrierCallId, CollectedValue, ContactId, ConversationId, ConversationRecord,
    CriterionResult, DynamicVariables, EndReason, EventId, EventSequence, GoalResult, OrganizationId,
    PersonName, PhoneNumber, PrivateNote, ProviderCause, ProviderCode, Speaker, Timestamp, TranscriptLine,
    UserId, VariableValue,
};
use testkit::fixtures;
use testkit::memory::LedgerCall;

fn identity(call_id: &str) -> CallIdentity {
    CallIdentity {
        call_id: CallId::parse(call_id).expect("a valid id"),
        organization_id: OrganizationId::parse("o1").expect("a valid id"),
        user_id: UserId::parse("u1").expect("a valid id"),
        contact_id: ContactId::parse("c1").expect("a valid id"),
        agent_id: AgentId::parse("a1").expect("a valid id"),
        from: PhoneNumber::parse("+14165550100").expect("a valid number"),
        to: PhoneNumber::parse("+14165550111").expect("a valid number"),
    }
}

/// A call that was booked and not yet dialled.
pub(crate) fn booked(call_id: &str) -> LedgerCall {
    let variables = [
        ("first_name", VariableValue::Text("a very private name".into())),
        ("price", VariableValue::Decimal(41.5)),
        ("is_new", VariableValue::Boolean(true)),
    ];
    let booking = Booking {
        identity: identity(call_id),
        reason: Some(CallReason::parse("a very private reason").expect("valid text")),
        variables: DynamicVariables::stored(variables.map(|(name, value)| (name.to_owned(), value))),
        metadata: Some(metadata()),
        key: fixtures::key(),
        token: fixtures::token(),
        reserve_for: Duration::ZERO,
        take_over: domain::TakeOver::Expired,
        booked_at: Timestamp::from_unix_millis(1_772_442_600_042),
        conditions: domain::BookingConditions::default(),
        keyed: None,
        trace: None,
    };
    let progress = CallProgress { status: Some(CallStatus::Initiated), ..CallProgress::default() };
    LedgerCall {
        booking,
        dial: None,
        progress,
        leased_until: None,
        recording: None,
        removed: Default::default(),
    }
}

/// Metadata that a reader of its numbers would change.
pub(crate) fn metadata() -> CallMetadata {
    CallMetadata::parse(r#"{"private order":1.10}"#).expect("short")
}

pub(crate) fn note(text: &str) -> PrivateNote {
    PrivateNote::parse(text).expect("valid text")
}

/// What the provider reports at the end of a conversation.
pub(crate) fn conversation(status: CallStatus) -> ConversationRecord {
    let turn = |at_secs, speaker, text| TranscriptLine { at_secs, speaker, text: note(text) };
    ConversationRecord {
        duration_secs: Some(146),
        transcript: vec![
            turn(0, Speaker::Agent, "Hello Ada."),
            turn(4, Speaker::Callee, "It is about the \"tumour\"."),
        ],
        started_at: Some(Timestamp::from_unix_millis(1_772_442_600_000)),
        answered_at: Some(Timestamp::from_unix_millis(1_772_442_608_000)),
        end_reason: EndReason::of_status(status),
        cause: ProviderCause::from(ProviderCode::from_untrusted("client_disconnected")),
        summary: Some(note("All went well.")),
        analysis: Analysis {
            goal: Some(GoalResult::Success),
            criteria: vec![CriterionResult {
                id: note("polite"),
                result: GoalResult::Failure,
                rationale: Some(note("She was not.")),
            }],
            collected: vec![
                CollectedValue {
                    id: note("day"),
                    json: Some(note("{\"of\":\"week\",\"n\":[1,2]}")),
                    rationale: None,
                },
                CollectedValue { id: note("pets"), json: None, rationale: None },
            ],
        },
        agent_name: Some(PersonName::parse("Desk").expect("a name")),
        cost_credits: Some(296),
        ..ConversationRecord::new(status)
    }
}

pub(crate) fn completed(call_id: &str) -> LedgerCall {
    let progress = CallProgress {
        status: Some(CallStatus::Completed),
        conversation_id: Some(ConversationId::parse("conv_1").expect("a valid id")),
        carrier_call_id: Some(CarrierCallId::parse("sip_1").expect("a valid id")),
        conversation: Some(conversation(CallStatus::Completed)),
        ..CallProgress::default()
    };
    LedgerCall { progress, ..booked(call_id) }
}

pub(crate) fn sequence(number: i64) -> EventSequence {
    EventSequence::from_number(number).expect("a positive number")
}

/// An event of the call `call-{number}`, published with this sequence number.
pub(crate) fn event(number: i64, kind: CallEventKind, status: CallStatus) -> CallEvent {
    let identity = identity(&format!("call-{number}"));
    CallEvent {
        sequence: sequence(number),
        id: EventId::of(&identity.call_id, kind, status),
        identity,
        kind,
        status,
        end_reason: EndReason::of_status(status).filter(|_| kind == CallEventKind::Ended),
        conversation_id: Some(ConversationId::parse("conv_1").expect("a valid id")),
        metadata: Some(metadata()),
        happened_at: Timestamp::from_unix_millis(1_772_442_755_120),
    }
}

/// The event of the end of the call `call-{number}`.
pub(crate) fn ended(number: i64) -> CallEvent {
    event(number, CallEventKind::Ended, CallStatus::Completed)
}
