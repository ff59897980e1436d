use domain::ConversationContext;

use super::super::{OutboundWire, parse_context, unreadable_context};
use super::*;

const WHOLE: &str = concat!(
    r#"{"v":2,"direction":"inbound","conversationId":"conv_1","organizationId":"org_1","userId":"user_1","#,
    r#""contactId":"contact_1","providerAgentId":"pa_1","caller":"+14162345678","called":"+14162345679","#,
    r#""startedAtUnixMillis":1764000000123}"#
);

fn parsed(value: &str) -> InboundContext {
    match parse_context(value.as_bytes()) {
        Ok(ConversationContext::Inbound(context)) => context,
        other => panic!("expected an inbound context, not {other:?}"),
    }
}

#[test]
fn a_context_is_read_as_it_was_written() {
    let whole = parsed(WHOLE);
    assert_eq!((whole.caller.as_e164(), whole.called.as_e164()), ("+14162345678", "+14162345679"));
    assert_eq!(inbound(&whole), WHOLE);
    let bare = InboundContext { contact_id: None, provider_agent_id: None, ..whole };
    assert_eq!(parsed(&inbound(&bare)), bare);
    assert_eq!(parsed(&WHOLE.replace("{", r#"{"later":[1],"#)), parsed(WHOLE));
}

#[test]
fn a_context_with_another_direction_cannot_be_read() {
    let other = WHOLE.replace("inbound", "outbound");
    assert_eq!(parse_context(other.as_bytes()), Err(unreadable_context()));
}

/// The first release reads every context as an outbound one.
#[test]
fn the_first_release_cannot_take_it_for_the_context_of_a_placed_call() {
    assert!(serde_json::from_str::<OutboundWire<'_>>(WHOLE).is_err());
}
