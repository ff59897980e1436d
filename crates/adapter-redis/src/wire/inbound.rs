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
mod tests;
