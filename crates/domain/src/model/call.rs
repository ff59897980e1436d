//! One call: what is booked before the dial, what is kept after it.

use std::time::Duration;

use crate::{
    AgentId, CallId, CallReason, CarrierCallId, ContactId, ConversationId, IntentKey, NotConnectedReason,
    OrganizationId, OwnerToken, PhoneNumber, ProviderAgentId, ProviderReference, Timestamp, UserId,
};

/// Which call this is, who asked for it, and who talks to whom: the facts that never change and that
/// every record of the call repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallIdentity {
    /// Our id of the call.
    pub call_id: CallId,
    /// The organization that the call belongs to.
    pub organization_id: OrganizationId,
    /// The user who asked for the call.
    pub user_id: UserId,
    /// The contact who is called.
    pub contact_id: ContactId,
    /// The agent that speaks, by our id.
    pub agent_id: AgentId,
    /// The caller number.
    pub from: PhoneNumber,
    /// The number that is dialled.
    pub to: PhoneNumber,
}

/// The ledger's entry for a call that is about to be dialled, and the guard that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The call.
    pub identity: CallIdentity,
    /// Why.
    pub reason: Option<CallReason>,
    /// The intent that the guard blocks.
    pub key: IntentKey,
    /// Who may settle the guard.
    pub token: OwnerToken,
    /// How long the guard blocks, from now by the store's own clock: the longest ring, and the lock's time after it.
    pub reserve_for: Duration,
    /// When the call was booked, by our clock; for the books, not for the guard.
    pub booked_at: Timestamp,
}

/// What names a call to whoever asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReference {
    /// The ledger's id.
    pub call_id: CallId,
    /// The provider's conversation, where it is known.
    pub conversation_id: Option<ConversationId>,
    /// The call on the telephone network, where it is known.
    pub carrier_call_id: Option<CarrierCallId>,
}

impl CallReference {
    /// A call by our id and what the provider calls it.
    #[must_use]
    pub fn new(call_id: CallId, provider: ProviderReference) -> Self {
        let ProviderReference { conversation_id, carrier_call_id } = provider;
        Self { call_id, conversation_id, carrier_call_id }
    }
}

/// A call whose end of dialling is known: what a duplicate is answered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettledCall {
    /// It was placed.
    Placed(CallReference),
    /// It was dialled and nobody was connected.
    NotConnected {
        /// The call.
        reference: CallReference,
        /// Why.
        reason: NotConnectedReason,
    },
}

/// What is known of a conversation when its first event comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationContext {
    /// It is one of ours: we placed the call.
    Outbound(CallContext),
    /// Somebody called.
    Inbound(InboundContext),
}

impl ConversationContext {
    /// The provider's conversation: the key.
    #[must_use]
    pub const fn conversation_id(&self) -> &ConversationId {
        match self {
            Self::Outbound(context) => &context.conversation_id,
            Self::Inbound(context) => &context.conversation_id,
        }
    }
}

/// What is known of a call that came in, kept under the provider's conversation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundContext {
    /// The provider's conversation: the key.
    pub conversation_id: ConversationId,
    /// The tenant that is called.
    pub organization_id: OrganizationId,
    /// The user whose number is called.
    pub user_id: UserId,
    /// The contact who calls, where it is known.
    pub contact_id: Option<ContactId>,
    /// The agent at the provider, where it is known.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// The number that calls.
    pub caller: PhoneNumber,
    /// The number that is called.
    pub called: PhoneNumber,
    /// When the provider asked who calls.
    pub started_at: Timestamp,
}

/// What the post-call webhook wants to know of a call, kept under the provider's conversation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The provider's conversation: the key.
    pub conversation_id: ConversationId,
    /// The call.
    pub identity: CallIdentity,
    /// The provider's id of the agent.
    pub provider_agent_id: ProviderAgentId,
    /// Why the contact is called.
    pub reason: Option<CallReason>,
    /// The call on the telephone network, where it is known.
    pub carrier_call_id: Option<CarrierCallId>,
    /// When it was booked.
    pub started_at: Timestamp,
}
