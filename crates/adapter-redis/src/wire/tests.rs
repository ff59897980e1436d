use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn parsed(value: &str) -> Result<LockValue<'_>, PortUnavailable> {
    LockValue::parse(value.as_bytes())
}

fn placed(call_id: &str) -> LockValue<'static> {
    let call_id = CallId::parse(call_id).expect("an id");
    let reference = CallReference { call_id, conversation_id: None, carrier_call_id: None };
    LockValue::Settled(SettledCall::Placed(reference))
}

#[test]
fn a_value_that_another_release_wrote_is_read() {
    let bare = format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"placed","callId":"c1"}}"#);
    assert_eq!(parsed(&bare), Ok(placed("c1")));
    let more =
        format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"placed","callId":"c\u0031","later":{{"x":[1]}}}}"#);
    assert_eq!(parsed(&more), Ok(placed("c1")));
    for pending in [format!("pending:{TOKEN}"), format!("pending:{TOKEN}:run7:user-calls,later")] {
        assert_eq!(parsed(&pending), Ok(LockValue::Pending(TOKEN)));
    }
}

#[test]
fn a_lock_that_cannot_be_read_is_unavailable_and_neither_free_nor_quoted() {
    for value in [
        "".to_owned(),
        "1".to_owned(),
        "pending:".to_owned(),
        format!("pending:{TOKEN}0"),
        format!("pending::{TOKEN}"),
        format!("pending:{}", TOKEN.to_uppercase()),
        format!("settled:{TOKEN}"),
        format!("settled:{TOKEN}:"),
        format!("settled:{TOKEN}:null"),
        format!("settled:zz:{}", r#"{"v":1,"outcome":"placed","callId":"c1"}"#),
        format!(r#"settled:{TOKEN}:{{"v":2,"outcome":"placed","callId":"c1"}}"#),
        format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"ringing","callId":"c1"}}"#),
        format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"not-connected","callId":"c1"}}"#),
        format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"not-connected","callId":"c1","reason":"asleep"}}"#),
        format!(r#"settled:{TOKEN}:{{"v":1,"outcome":"placed","callId":""}}"#),
    ] {
        assert_eq!(parsed(&value), Err(unreadable_lock()), "{value:?}");
    }
    assert_eq!(LockValue::parse(b"pending:\xff"), Err(unreadable_lock()));
}

#[test]
fn a_context_that_cannot_be_read_is_unavailable() {
    for value in ["", "{}", r#"{"v":1}"#, r#"{"v":2}"#, "\u{0}", "[]"] {
        assert_eq!(parse_context(value.as_bytes()), Err(unreadable_context()), "{value:?}");
    }
    let later = OUTBOUND.replace(r#""v":1"#, r#""v":3"#);
    assert_eq!(parse_context(later.as_bytes()), Err(unreadable_context()));
}

/// Byte for byte what the first release writes: during an upgrade, replicas of both releases
/// read each other's values.
const OUTBOUND: &str = concat!(
    r#"{"v":1,"conversationId":"conv_1","callId":"call_1","organizationId":"org_1","userId":"user_1","#,
    r#""contactId":"contact_1","agentId":"agent_1","providerAgentId":"pa_1","from":"+14162345678","#,
    r#""to":"+14162345679","reason":"why","carrierCallId":"carrier_1","startedAtUnixMillis":1764000000123}"#
);

#[test]
fn the_context_of_a_placed_call_is_written_and_read_as_ever() {
    let Ok(ConversationContext::Outbound(read)) = parse_context(OUTBOUND.as_bytes()) else {
        panic!("expected an outbound context");
    };
    assert_eq!(read.identity.contact_id.as_str(), "contact_1");
    assert_eq!(outbound(&read), OUTBOUND);
}
