use std::borrow::Cow;

use domain::{
    ContactId, ConversationId, InboundContext, OrganizationId, PhoneNumber, ProviderAgentId, Timestamp,
    UserId,
};
use serde::{Deserialize, Serialize};

use super::{Unreadable, optional, required, to_json};

/// Differs from the version of an outbound context: the first release supports only outbound calls
/// and must report that it cannot read this value.
pub(super) const INBOUND_VERSION: u32 = 2;
const INBOUND: &str = "inbound";

pub(crate) fn inbound(context: &InboundContext) -> String {
    to_json(&InboundWire {
        version: INBOUND_VERSION,
        direction: INBOUND.into(),
        conversation_id: context.conversation_id.as_str().into(),
        organization_id: context.organization_id.as_str().into(),
        user_id: context.user_id.as_str().into(),
        contact_id: context.contact_id.as_ref().map(|id| id.as_str().into()),
        provider_agent_id: context.provider_agent_id.as_ref().map(|id| id.as_str().into()),
        caller: context.caller.as_e164().into(),
        called: context.called.as_e164().into(),
        started_at_unix_millis: context.started_at.unix_millis(),
    })
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundWire<'a> {
    #[serde(rename = "v")]
    version: u32,
    direction: Cow<'a, str>,
    conversation_id: Cow<'a, str>,
    organization_id: Cow<'a, str>,
    user_id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_agent_id: Option<Cow<'a, str>>,
    caller: Cow<'a, str>,
    called: Cow<'a, str>,
    started_at_unix_millis: i64,
}

impl TryFrom<InboundWire<'_>> for InboundContext {
    type Error = Unreadable;

    fn try_from(wire: InboundWire<'_>) -> Result<Self, Unreadable> {
        if wire.direction != INBOUND {
            return Err(Unreadable);
        }
        Ok(Self {
            conversation_id: required(&wire.conversation_id, ConversationId::parse)?,
            organization_id: required(&wire.organization_id, OrganizationId::parse)?,
            user_id: required(&wire.user_id, UserId::parse)?,
            contact_id: optional(wire.contact_id, ContactId::parse)?,
            provider_agent_id: optional(wire.provider_agent_id, ProviderAgentId::parse)?,
            caller: required(&wire.caller, PhoneNumber::parse)?,
            called: required(&wire.called, PhoneNumber::parse)?,
            started_at: Timestamp::from_unix_millis(wire.started_at_unix_millis),
        })
    }
}

#[cfg(test)]
mod tests {
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
}
