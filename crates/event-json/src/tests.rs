use domain::{
    AgentId, CallEventKind, CallId, CallIdentity, CallMetadata, CallStatus, ContactId, ConversationId,
    EventId, EventSequence, OrganizationId, PhoneNumber, Timestamp, UserId,
};

use super::*;

fn event() -> CallEvent {
    let call_id = CallId::parse("call-1").expect("an id");
    let (kind, status) = (CallEventKind::Ended, CallStatus::NoAnswer);
    CallEvent {
        id: EventId::of(&call_id, kind, status),
        identity: CallIdentity {
            call_id,
            organization_id: OrganizationId::parse("o\"1").expect("an id"),
            user_id: UserId::parse("u1").expect("an id"),
            contact_id: ContactId::parse("c1").expect("an id"),
            agent_id: AgentId::parse("a1").expect("an id"),
            from: PhoneNumber::parse("+14165550100").expect("a number"),
            to: PhoneNumber::parse("+14165550111").expect("a number"),
        },
        sequence: EventSequence::from_number(1).expect("a sequence number"),
        kind,
        status,
        end_reason: Some(EndReason::NoAnswer),
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        metadata: CallMetadata::parse("{\"z\": [1.10, 1],\n\"a\": \"\\n\"}").ok(),
        happened_at: Timestamp::from_unix_millis(1_772_442_755_120),
    }
}

#[test]
fn the_document_has_every_field_in_the_order_of_the_contract() {
    let expected = concat!(
        r#"{"type":"call_ended","timestamp":"2026-03-02T09:12:35.120Z","data":{"#,
        r#""eventId":"evt_call-1_call_ended_no-answer","callId":"call-1","status":"no-answer","#,
        r#""endReason":"no-answer","direction":"outbound","conversationId":"conv_1","metadata":{"z":[1.10,1],"a":"\n"},"organizationId":"o\"1","userId":"u1","#,
        r#""contactId":"c1","agentId":"a1","from":"+14165550100","to":"+14165550111"}}"#
    );
    assert_eq!(to_json(&event()), expected);
}

#[test]
fn an_unknown_conversation_and_reason_are_left_out() {
    let json = to_json(&CallEvent { conversation_id: None, metadata: None, end_reason: None, ..event() });
    assert!(json.contains(r#""status":"no-answer","direction":"outbound","organizationId""#), "{json}");
}
