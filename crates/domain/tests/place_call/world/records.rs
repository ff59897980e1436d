//! The records of a world in which a call can be placed.

use domain::ports::{CallerNumberChoice, PortUnavailable};
use domain::{
    Agent, AgentId, CallId, CallReference, CallerNumber, CarrierCallId, Contact, ContactId, ConversationId,
    OrganizationId, PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId, ProviderReference, UserId,
};
use testkit::fixtures::SERVED_CARRIERS;

pub(crate) fn unavailable() -> PortUnavailable {
    PortUnavailable::new("store", "unavailable")
}

pub(crate) fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a valid number")
}

pub(crate) fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a name")
}

pub(crate) fn organization_id() -> OrganizationId {
    OrganizationId::parse("org-1").expect("an id")
}

pub(crate) fn provider_reference() -> ProviderReference {
    ProviderReference {
        conversation_id: Some(ConversationId::parse("conv_1").expect("an id")),
        carrier_call_id: Some(CarrierCallId::parse("otb_1").expect("an id")),
    }
}

pub(crate) fn call_id() -> CallId {
    CallId::mint(1, [1; 8])
}

/// The reference of this request's call, as the client gets it.
pub(crate) fn reference() -> CallReference {
    CallReference::new(call_id(), provider_reference())
}

/// A call of an earlier request.
pub(crate) fn earlier() -> CallReference {
    CallReference::new(CallId::mint(0, [9; 8]), ProviderReference::default())
}

pub(crate) fn caller_number() -> CallerNumber {
    CallerNumber {
        organization_id: organization_id(),
        user_id: UserId::parse("user-1").expect("an id"),
        phone_number: number("+14165550100"),
        carrier: SERVED_CARRIERS[0].clone(),
        ai_enabled: true,
        on_trunk: true,
        provider_number_id: Some(ProviderNumberId::parse("phnum_1").expect("an id")),
    }
}

/// What the store returns about numbers: this one for the call, and that the organization has the
/// usual one.
pub(crate) fn choice(caller: Option<CallerNumber>) -> CallerNumberChoice {
    CallerNumberChoice {
        caller,
        others: Vec::new(),
        recipient_is_own_number: false,
        organization_numbers: vec![caller_number().phone_number],
    }
}

pub(crate) fn agent() -> Agent {
    Agent {
        id: AgentId::parse("agent-1").expect("an id"),
        organization_id: organization_id(),
        name: name("Nora"),
        voice_enabled: true,
        provider_agent_id: Some(ProviderAgentId::parse("agent_1").expect("an id")),
    }
}

pub(crate) fn contact() -> Contact {
    Contact {
        id: ContactId::parse("contact-1").expect("an id"),
        organization_id: organization_id(),
        first_name: Some(name("Ada")),
        last_name: Some(name("Lovelace")),
        phone_number: Some(number("+14165550110")),
    }
}

pub(crate) fn number_without_contact() -> PhoneNumber {
    number("+14165550111")
}

/// The contact that the store creates for a new number. The id is not the offered one, as if a
/// concurrent request had created it.
pub(crate) fn new_contact() -> Contact {
    Contact {
        id: ContactId::parse("contact-new").expect("an id"),
        organization_id: organization_id(),
        first_name: None,
        last_name: None,
        phone_number: Some(number_without_contact()),
    }
}
