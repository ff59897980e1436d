//! The suite of [`InboundDirectory`](domain::ports::InboundDirectory).

use domain::ports::{InboundParties, InboundQuery};
use domain::{
    Agent, CallerNumber, Carrier, Contact, ContactRecord, NumberRecord, PhoneNumber, ProviderAgentId,
};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, contact_id, phone_number, provider_agent_id, stored_contact};
use crate::harness::InboundDirectoryHarness;

suite! {
    $ inbound_directory_suite of inbound_directory:
    a_known_caller_is_identified,
    an_unknown_caller_is_left_unknown,
    an_unassigned_number_identifies_no_one,
    the_agent_distinguishes_two_tenants_with_one_number,
    a_named_tenant_is_the_only_one_that_is_called,
    another_tenants_contact_is_no_caller,
    a_lost_inbound_directory_is_unavailable,
}

/// Both parties are found by their numbers, with every field, with a known agent or without; also
/// if the called number places no calls, and if the contact has no name.
pub async fn a_known_caller_is_identified(harness: &impl InboundDirectoryHarness) {
    let ready = Tenant::new();
    let mut bare = Tenant::new();
    bare.number.number = CallerNumber {
        ai_enabled: false,
        on_trunk: false,
        provider_number_id: None,
        carrier: Carrier::named("twilio"),
        ..bare.number.number
    };
    (bare.contact.first_name, bare.contact.last_name) = (None, None);
    for tenant in [ready, bare] {
        harness.store(&tenant.records()).await;
        for agent in [None, tenant.agent.provider_agent_id.clone()] {
            let query = InboundQuery { provider_agent_id: agent, ..query(&tenant) };
            let expected = parties(&tenant, Some(stored_contact(&tenant.contact)));
            assert_eq!(identify(harness, &query).await, Some(expected));
        }
    }
}

/// A caller that the organization does not know has no contact, and none is made.
pub async fn an_unknown_caller_is_left_unknown(harness: &impl InboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let query = InboundQuery { caller: phone_number(), ..query(&tenant) };
    for _ in 0..2 {
        assert_eq!(identify(harness, &query).await, Some(parties(&tenant, None)));
    }
    let new_id = contact_id();
    let found = harness.contacts().find_or_create(&tenant.organization.id, &query.caller, &new_id).await;
    assert_eq!(found.expect("store is up").id, new_id, "a contact was made for the caller");
}

/// A number that no user has identifies no organization, also if the caller is known or the number
/// is a contact's.
pub async fn an_unassigned_number_identifies_no_one(harness: &impl InboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let contacts = tenant.contact.phone_number.clone().expect("the fixture has one");
    for called in [phone_number(), contacts] {
        let query = InboundQuery { called, ..query(&tenant) };
        assert_eq!(identify(harness, &query).await, None);
        let agentless = InboundQuery { provider_agent_id: None, ..query };
        assert_eq!(identify(harness, &agentless).await, None);
    }
}

/// If two organizations have the called number, the one whose agent answers is meant. Without an
/// agent, and with one that neither or both have, none is.
pub async fn the_agent_distinguishes_two_tenants_with_one_number(harness: &impl InboundDirectoryHarness) {
    let (ours, mut theirs, stranger) = (Tenant::new(), Tenant::new(), Tenant::new());
    theirs.number = with_number(&theirs.number, &ours.number.number.phone_number);
    harness.store(&[ours.records(), theirs.records(), stranger.records()].concat()).await;
    let query = query(&ours);
    let asked_with =
        |agent: Option<ProviderAgentId>| InboundQuery { provider_agent_id: agent, ..query.clone() };
    for (tenant, contact) in [(&ours, Some(stored_contact(&ours.contact))), (&theirs, None)] {
        let query = asked_with(tenant.agent.provider_agent_id.clone());
        assert_eq!(identify(harness, &query).await, Some(parties(tenant, contact)));
    }
    let untelling = [None, Some(provider_agent_id()), stranger.agent.provider_agent_id.clone()];
    for agent in untelling {
        assert_eq!(identify(harness, &asked_with(agent)).await, None);
    }
    let provider_agent_id = ours.agent.provider_agent_id.clone();
    let shared = Agent { provider_agent_id: provider_agent_id.clone(), ..theirs.agent.clone() };
    harness.store(&[domain::DirectoryRecord::Agent(shared)]).await;
    assert_eq!(identify(harness, &asked_with(provider_agent_id)).await, None, "both have the agent");
}

/// If the query names an organization, only its own number is called: it is found although another
/// organization has the number and the agent too, and a number that only another one has is not.
pub async fn a_named_tenant_is_the_only_one_that_is_called(harness: &impl InboundDirectoryHarness) {
    let (ours, mut theirs) = (Tenant::new(), Tenant::new());
    theirs.number = with_number(&theirs.number, &ours.number.number.phone_number);
    theirs.agent.provider_agent_id = ours.agent.provider_agent_id.clone();
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    let named = |tenant: &Tenant, query: InboundQuery| InboundQuery {
        organization_id: Some(tenant.organization.id.clone()),
        ..query
    };
    assert_eq!(identify(harness, &query(&ours)).await, None, "both have the number and the agent");
    for (tenant, contact) in [(&ours, Some(stored_contact(&ours.contact))), (&theirs, None)] {
        let query = named(tenant, query(&ours));
        assert_eq!(identify(harness, &query).await, Some(parties(tenant, contact)));
    }
    let stranger = Tenant::new();
    harness.store(&stranger.records()).await;
    assert_eq!(identify(harness, &named(&stranger, query(&ours))).await, None);
    assert_eq!(identify(harness, &named(&ours, query(&stranger))).await, None);
}

/// A caller that only another organization knows is unknown. If both know the caller, each has its
/// own contact.
pub async fn another_tenants_contact_is_no_caller(harness: &impl InboundDirectoryHarness) {
    let (mut ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&[theirs.records(), ours.records()].concat()).await;
    let caller = theirs.contact.phone_number.clone().expect("the fixture has one");
    let query = InboundQuery { caller: caller.clone(), ..query(&ours) };
    assert_eq!(identify(harness, &query).await, Some(parties(&ours, None)));
    ours.contact = ContactRecord { phone_number: Some(caller), ..ours.contact };
    harness.store(&ours.records()).await;
    for tenant in [&ours, &theirs] {
        let query = InboundQuery { caller: query.caller.clone(), ..self::query(tenant) };
        let expected = parties(tenant, Some(stored_contact(&tenant.contact)));
        assert_eq!(identify(harness, &query).await, Some(expected));
    }
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number.
pub async fn a_lost_inbound_directory_is_unavailable(harness: &impl InboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (inbound, query) = (harness.inbound(), query(&tenant));
    harness.lose().await;
    let private = [query.called.as_e164(), query.caller.as_e164(), tenant.organization.name.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, inbound.identify(&query), &private).await;
}

/// The tenant's contact calls the tenant's user, and the tenant's agent answers.
fn query(tenant: &Tenant) -> InboundQuery {
    InboundQuery {
        called: tenant.number.number.phone_number.clone(),
        caller: tenant.contact.phone_number.clone().expect("the fixture has one"),
        provider_agent_id: tenant.agent.provider_agent_id.clone(),
        organization_id: None,
    }
}

fn parties(tenant: &Tenant, contact: Option<Contact>) -> InboundParties {
    InboundParties { organization: tenant.organization.clone(), user_id: tenant.user.id.clone(), contact }
}

fn with_number(record: &NumberRecord, phone_number: &PhoneNumber) -> NumberRecord {
    let number = CallerNumber { phone_number: phone_number.clone(), ..record.number.clone() };
    NumberRecord { number, ..record.clone() }
}

async fn identify(harness: &impl InboundDirectoryHarness, query: &InboundQuery) -> Option<InboundParties> {
    harness.inbound().identify(query).await.expect("store is up")
}
