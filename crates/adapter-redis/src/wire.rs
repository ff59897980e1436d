//! The format of the values in Redis. It is private to this crate and versioned, because an old and
//! a new release read each other's values during an upgrade.
//!
//! A new optional field keeps the version. A change that an older reader would misread needs a new
//! version; the older reader then reports that it cannot read the value.

mod inbound;

use std::borrow::Cow;

use domain::{
    AgentId, CallContext, CallId, CallIdentity, CallReason, CallReference, CarrierCallId, ContactId,
    ConversationContext, ConversationId, InboundContext, NotConnectedReason, OrganizationId, OwnerToken,
    PhoneNumber, ProviderAgentId, SettledCall, Timestamp, UserId, ports::PortUnavailable,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use self::inbound::inbound;
use self::inbound::{INBOUND_VERSION, InboundWire};
use crate::failure::because;

const VERSION: u32 = 1;
const PENDING: &str = "pending:";
const SETTLED: &str = "settled:";
const PLACED: &str = "placed";
const NOT_CONNECTED: &str = "not-connected";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LockValue<'a> {
    /// In flight; has the owner's token.
    Pending(&'a str),
    Settled(SettledCall),
}

impl<'a> LockValue<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, PortUnavailable> {
        let value = str::from_utf8(value).map_err(|_| unreadable_lock())?;
        if let Some(pending) = value.strip_prefix(PENDING) {
            // What follows the token is for the script that releases the lock.
            let token = pending.split_once(':').map_or(pending, |(token, _)| token);
            return is_token(token).then_some(Self::Pending(token)).ok_or_else(unreadable_lock);
        }
        let (token, json) =
            value.strip_prefix(SETTLED).and_then(|rest| rest.split_once(':')).ok_or_else(unreadable_lock)?;
        if !is_token(token) {
            return Err(unreadable_lock());
        }
        let wire: SettledWire<'_> = serde_json::from_str(json).map_err(|_| unreadable_lock())?;
        SettledCall::try_from(wire).map(Self::Settled).map_err(|Unreadable| unreadable_lock())
    }
}

/// The value of a lock that is in flight, or its beginning: a script that counts the request appends where.
pub(crate) fn pending(token: &OwnerToken) -> String {
    format!("{PENDING}{}", token.as_str())
}

/// The beginning of every value that this owner settles. All tokens have the same length and the
/// prefix ends with the separator, so no other owner's value begins with it.
pub(crate) fn settled_prefix(token: &OwnerToken) -> String {
    format!("{SETTLED}{}:", token.as_str())
}

pub(crate) fn settled(token: &OwnerToken, call: &SettledCall) -> String {
    let (outcome, reference, reason) = match call {
        SettledCall::Placed(reference) => (PLACED, reference, None),
        SettledCall::NotConnected { reference, reason } => (NOT_CONNECTED, reference, Some(reason.as_str())),
    };
    let wire = SettledWire {
        version: VERSION,
        outcome: outcome.into(),
        call_id: reference.call_id.as_str().into(),
        conversation_id: reference.conversation_id.as_ref().map(|id| id.as_str().into()),
        carrier_call_id: reference.carrier_call_id.as_ref().map(|id| id.as_str().into()),
        reason: reason.map(Cow::from),
    };
    format!("{}{}", settled_prefix(token), to_json(&wire))
}

pub(crate) fn outbound(context: &CallContext) -> String {
    let identity = &context.identity;
    to_json(&OutboundWire {
        version: VERSION,
        conversation_id: context.conversation_id.as_str().into(),
        call_id: identity.call_id.as_str().into(),
        organization_id: identity.organization_id.as_str().into(),
        user_id: identity.user_id.as_str().into(),
        contact_id: identity.contact_id.as_str().into(),
        agent_id: identity.agent_id.as_str().into(),
        provider_agent_id: context.provider_agent_id.as_str().into(),
        from: identity.from.as_e164().into(),
        to: identity.to.as_e164().into(),
        reason: context.reason.as_ref().map(|reason| reason.as_str().into()),
        carrier_call_id: context.carrier_call_id.as_ref().map(|id| id.as_str().into()),
        started_at_unix_millis: context.started_at.unix_millis(),
    })
}

/// Parses a stored context. Its version selects the direction.
pub(crate) fn parse_context(value: &[u8]) -> Result<ConversationContext, PortUnavailable> {
    let context = match read::<VersionWire>(value)?.version {
        VERSION => CallContext::try_from(read::<OutboundWire<'_>>(value)?).map(ConversationContext::Outbound),
        INBOUND_VERSION => {
            InboundContext::try_from(read::<InboundWire<'_>>(value)?).map(ConversationContext::Inbound)
        }
        _ => Err(Unreadable),
    };
    context.map_err(|Unreadable| unreadable_context())
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Result<T, PortUnavailable> {
    serde_json::from_slice(value).map_err(|_| unreadable_context())
}

pub(crate) fn unreadable_context() -> PortUnavailable {
    because("this release cannot read a stored context")
}

fn unreadable_lock() -> PortUnavailable {
    because("this release cannot read the value of a lock")
}

fn to_json(wire: &impl Serialize) -> String {
    serde_json::to_string(wire).expect("a struct of text and numbers is JSON")
}

fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A value that the domain does not accept.
struct Unreadable;

#[derive(Deserialize)]
struct VersionWire {
    #[serde(rename = "v")]
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SettledWire<'a> {
    #[serde(rename = "v")]
    version: u32,
    outcome: Cow<'a, str>,
    call_id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conversation_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier_call_id: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

impl TryFrom<SettledWire<'_>> for SettledCall {
    type Error = Unreadable;

    fn try_from(wire: SettledWire<'_>) -> Result<Self, Unreadable> {
        if wire.version != VERSION {
            return Err(Unreadable);
        }
        let reference = CallReference {
            call_id: required(&wire.call_id, CallId::parse)?,
            conversation_id: optional(wire.conversation_id, ConversationId::parse)?,
            carrier_call_id: optional(wire.carrier_call_id, CarrierCallId::parse)?,
        };
        match (&*wire.outcome, wire.reason) {
            (PLACED, _) => Ok(Self::Placed(reference)),
            (NOT_CONNECTED, Some(reason)) => {
                let reason = NotConnectedReason::from_name(&reason).ok_or(Unreadable)?;
                Ok(Self::NotConnected { reference, reason })
            }
            _ => Err(Unreadable),
        }
    }
}

/// The fields have the order that the first release writes: `providerAgentId` comes between the
/// fields of the call's identity, so the identity cannot be one flattened struct.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutboundWire<'a> {
    #[serde(rename = "v")]
    version: u32,
    conversation_id: Cow<'a, str>,
    call_id: Cow<'a, str>,
    organization_id: Cow<'a, str>,
    user_id: Cow<'a, str>,
    contact_id: Cow<'a, str>,
    agent_id: Cow<'a, str>,
    provider_agent_id: Cow<'a, str>,
    from: Cow<'a, str>,
    to: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carrier_call_id: Option<Cow<'a, str>>,
    started_at_unix_millis: i64,
}

impl TryFrom<OutboundWire<'_>> for CallContext {
    type Error = Unreadable;

    fn try_from(wire: OutboundWire<'_>) -> Result<Self, Unreadable> {
        Ok(Self {
            identity: CallIdentity {
                call_id: required(&wire.call_id, CallId::parse)?,
                organization_id: required(&wire.organization_id, OrganizationId::parse)?,
                user_id: required(&wire.user_id, UserId::parse)?,
                contact_id: required(&wire.contact_id, ContactId::parse)?,
                agent_id: required(&wire.agent_id, AgentId::parse)?,
                from: required(&wire.from, PhoneNumber::parse)?,
                to: required(&wire.to, PhoneNumber::parse)?,
            },
            conversation_id: required(&wire.conversation_id, ConversationId::parse)?,
            provider_agent_id: required(&wire.provider_agent_id, ProviderAgentId::parse)?,
            reason: optional(wire.reason, CallReason::parse)?,
            carrier_call_id: optional(wire.carrier_call_id, CarrierCallId::parse)?,
            started_at: Timestamp::from_unix_millis(wire.started_at_unix_millis),
        })
    }
}

fn required<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, Unreadable> {
    parse(text).map_err(|_| Unreadable)
}

fn optional<T, E>(
    text: Option<Cow<'_, str>>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Unreadable> {
    text.map(|text| required(&text, parse)).transpose()
}

#[cfg(test)]
mod tests;
