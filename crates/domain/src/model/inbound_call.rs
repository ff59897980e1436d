use crate::{ConversationId, PersonName, PhoneNumber, ProviderAgentId};

/// An inbound call, as the provider describes it before its agent answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundCall {
    /// The provider's conversation, where it is already known.
    pub conversation_id: Option<ConversationId>,
    /// The caller's number. `None` where the caller withholds it or it is not a phone number.
    pub caller: Option<PhoneNumber>,
    /// The number that the caller dialled.
    pub called: Option<PhoneNumber>,
    /// The agent at the provider that answers.
    pub provider_agent_id: Option<ProviderAgentId>,
}

/// What the agent learns about the caller of an inbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personalization {
    /// The caller's name, where the contact has one.
    pub caller_name: Option<PersonName>,
    /// The caller's number.
    pub caller_number: PhoneNumber,
    /// The name of the organization that the caller dialled.
    pub organization_name: PersonName,
}
