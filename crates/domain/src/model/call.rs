//! One call: what is booked before the dial, and what is kept after it.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    AgentId, CallId, CallMetadata, CallPurpose, CallReason, CallSubject, CallingPolicy, Cap, CarrierCallId,
    ContactId, ConversationId, Decision, DynamicVariables, IntentKey, KeyedRequest, NotConnectedReason,
    OrganizationId, OwnerToken, PhoneNumber, ProviderAgentId, ProviderReference, Timestamp, TraceParent,
    UserId,
};

/// Which call this is, who asked for it, and who talks to whom: the facts that never change and
/// that every record of the call repeats.
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

/// A call that is about to be dialled, and the reservation that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// The call.
    pub identity: CallIdentity,
    /// Why the contact is called.
    pub reason: Option<CallReason>,
    /// The client's own variables of the agent's prompt.
    pub variables: DynamicVariables,
    /// The client's own data about the call.
    pub metadata: Option<CallMetadata>,
    /// The intent key that the reservation blocks.
    pub key: IntentKey,
    /// Proves who may settle the reservation.
    pub token: OwnerToken,
    /// How long the reservation blocks the key, measured by the store's own clock: the longest
    /// ring, and the TTL of the lock after it.
    pub reserve_for: Duration,
    /// Which reservations of earlier calls of this key it replaces.
    pub take_over: TakeOver,
    /// When the call was booked, by our clock. For the ledger, not for the reservation.
    pub booked_at: Timestamp,
    /// What the decision allowed, and what the booking checks once more.
    pub conditions: BookingConditions,
    /// The client's key, which is written with the call. A booking whose key has a call is refused.
    pub keyed: Option<KeyedRequest>,
    /// The place of the booking in a trace, to which later work on the call is linked. A decorator of
    /// the ledger sets it, if calls are traced.
    pub trace: Option<TraceParent>,
}

/// What a booking records of the decision, checks once more, and counts. The default checks and
/// counts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BookingConditions {
    /// What the call is for.
    pub purpose: CallPurpose,
    /// What the call is about.
    pub subject: Option<CallSubject>,
    /// The decision, which is stored with the call.
    pub decision: Option<Arc<Decision>>,
    /// Whether a callee who is suppressed by now is refused with
    /// [`RefusalCode::CalleeOptedOut`](crate::RefusalCode::CalleeOptedOut).
    pub refuse_suppressed: bool,
    /// How the attempt is counted, for the callee's number and the subject. `None` if no cap applies.
    pub attempt: Option<AttemptCount>,
}

/// How an attempt is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptCount {
    /// A booking that would exceed one of these is refused with
    /// [`RefusalCode::AttemptCap`](crate::RefusalCode::AttemptCap). An attempt counts for a cap while
    /// it is younger than the cap's time, by the times of the bookings.
    pub caps: Vec<Cap>,
    /// How long attempts are remembered: the longest time of a cap that is enforced or warned about.
    pub remember_for: Duration,
}

impl AttemptCount {
    /// How many attempts of one number and subject are kept: the newest ones. A cap that only warns does
    /// not bound their number. No cap is for more.
    pub const KEPT: u32 = CallingPolicy::MAX_ATTEMPTS;
}

/// Which reservations a booking may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOver {
    /// Every expired one.
    Expired,
    /// An expired one, unless its call is undecided: it is *dialling* or its outcome is unknown, and
    /// no report says that the callee was not connected, and it was not given up. The provider may
    /// have got its dial late.
    Decided,
}

/// The ids by which a client knows a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallReference {
    /// Our id.
    pub call_id: CallId,
    /// The provider's id of the conversation, if it is known.
    pub conversation_id: Option<ConversationId>,
    /// The carrier's id of the call, if it is known.
    pub carrier_call_id: Option<CarrierCallId>,
}

impl CallReference {
    /// Joins our id and the provider's ids.
    #[must_use]
    pub fn new(call_id: CallId, provider: ProviderReference) -> Self {
        let ProviderReference { conversation_id, carrier_call_id } = provider;
        Self { call_id, conversation_id, carrier_call_id }
    }
}

/// A call whose dial has a result that answers duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettledCall {
    /// The call was placed.
    Placed(CallReference),
    /// The phone may have rung; the callee was not connected.
    NotConnected {
        /// The call.
        reference: CallReference,
        /// Why.
        reason: NotConnectedReason,
    },
}

/// What is known of a conversation before its first provider event arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversationContext {
    /// We placed the call.
    Outbound(CallContext),
    /// A person called the organization.
    Inbound(InboundContext),
}

impl ConversationContext {
    /// The provider's id of the conversation, which is the key.
    #[must_use]
    pub const fn conversation_id(&self) -> &ConversationId {
        match self {
            Self::Outbound(context) => &context.conversation_id,
            Self::Inbound(context) => &context.conversation_id,
        }
    }
}

/// What is known of an inbound call, stored under the provider's conversation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundContext {
    /// The provider's id of the conversation: the key.
    pub conversation_id: ConversationId,
    /// The organization that is called.
    pub organization_id: OrganizationId,
    /// The user whose number is called.
    pub user_id: UserId,
    /// The contact who calls, if known.
    pub contact_id: Option<ContactId>,
    /// The provider's id of the agent, if known.
    pub provider_agent_id: Option<ProviderAgentId>,
    /// The number that calls.
    pub caller: PhoneNumber,
    /// The number that is called.
    pub called: PhoneNumber,
    /// When the provider asked who calls.
    pub started_at: Timestamp,
}

/// What a provider event needs to know about a call that we placed, stored under the provider's
/// conversation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// The provider's id of the conversation: the key.
    pub conversation_id: ConversationId,
    /// The call.
    pub identity: CallIdentity,
    /// The provider's id of the agent.
    pub provider_agent_id: ProviderAgentId,
    /// Why the contact is called.
    pub reason: Option<CallReason>,
    /// The carrier's id of the call, if it is known.
    pub carrier_call_id: Option<CarrierCallId>,
    /// When the call was booked.
    pub started_at: Timestamp,
}
