//! The suite of [`OutboundDirectory`](domain::ports::OutboundDirectory).

pub(crate) mod facts;
mod latest_calls;
mod pacing;
mod random_directory;

use domain::ports::{CallerNumberChoice, OutboundParties, OutboundQuery, Recipient};
use domain::{
    Agent, CallerNumber, CallingFacts, ContactRecord, DirectoryRecord, NumberRecord, PacingFacts, UserId,
};

pub use self::facts::{
    a_suppression_is_found_by_number_and_by_contact, another_tenants_facts_are_left_out,
    attempts_are_found_by_number_and_subject, consents_are_found_by_number_and_by_contact,
    do_not_call_lists_are_found_with_their_dates, the_policy_and_the_place_are_found,
};
pub use self::latest_calls::the_latest_calls_are_found_if_they_matter;
pub use self::pacing::{
    calls_are_counted_up_to_a_number, calls_that_have_not_ended_are_counted,
    the_trunks_of_the_carriers_are_found,
};
use self::random_directory::RandomDirectory;
use crate::expect::{LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{
    SERVED_CARRIERS, Tenant, agent, agent_id, contact_id, moment, phone_number, stored_contact, user_id,
};
use crate::harness::OutboundDirectoryHarness;
use crate::memory;

suite! {
    $ outbound_directory_suite of outbound_directory:
    the_parties_are_what_the_four_ports_return,
    an_unknown_user_has_no_parties,
    what_is_missing_is_left_out,
    another_tenants_parties_are_left_out,
    resolving_a_number_creates_no_contact,
    a_change_is_seen_by_the_next_query,
    the_policy_and_the_place_are_found,
    a_suppression_is_found_by_number_and_by_contact,
    do_not_call_lists_are_found_with_their_dates,
    consents_are_found_by_number_and_by_contact,
    attempts_are_found_by_number_and_subject,
    the_latest_calls_are_found_if_they_matter,
    another_tenants_facts_are_left_out,
    the_trunks_of_the_carriers_are_found,
    calls_that_have_not_ended_are_counted,
    calls_are_counted_up_to_a_number,
    a_lost_outbound_directory_is_unavailable,
}

/// In random directories of two organizations, random queries return what the four ports return, one
/// after the other and at the same time.
pub async fn the_parties_are_what_the_four_ports_return(harness: &impl OutboundDirectoryHarness) {
    for seed in 1..=4 {
        let mut directory = RandomDirectory::new(seed);
        harness.store(&directory.records()).await;
        let mut choices = Vec::new();
        for step in 0..60 {
            let choice = directory.query();
            let query = choice.query();
            let expected = resolve_with_four_ports(harness, &query).await;
            assert_eq!(resolve(harness, &query).await, expected, "seed {seed}, query {step}: {query:?}");
            choices.push((choice, expected));
        }
        let crowd = choices.into_iter().map(|(choice, expected)| {
            let outbound = harness.outbound();
            async move { (outbound.resolve(&choice.query()).await, expected) }
        });
        for (found, expected) in all_at_once(crowd).await {
            assert_eq!(found.map(|found| found.map(sorted)), Ok(expected), "seed {seed}, at the same time");
        }
    }
}

/// A user who is not stored has no parties, also if everything else of the query is stored.
pub async fn an_unknown_user_has_no_parties(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let contact_id = tenant.contact_id();
    let odd = ["0", "%", "' OR '1'='1", "ÿ"].map(|text| UserId::parse(text).expect("an id may be any text"));
    for id in odd.into_iter().chain([user_id()]) {
        let query = OutboundQuery {
            user_id: &id,
            agent_id: Some(&tenant.agent.id),
            requested_number: Some(&tenant.number.number.phone_number),
            ..query(&tenant, Recipient::Contact(&contact_id))
        };
        assert_eq!(resolve(harness, &query).await, None, "{id}");
    }
}

/// A contact, an agent or a caller number that the organization or the user does not have is left
/// out, and everything else is returned. A requested agent or number is not replaced by the default.
pub async fn what_is_missing_is_left_out(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (known, unknown) = (tenant.contact_id(), contact_id());
    let whole = resolve(harness, &query(&tenant, Recipient::Contact(&known))).await.expect("a known user");
    assert_eq!(whole, parties(&tenant));
    let (agent_id, stranger) = (agent_id(), phone_number());
    let without = |query| async move { resolve(harness, &query).await.expect("a known user") };
    for recipient in [Recipient::Contact(&unknown), Recipient::Number(&stranger)] {
        let found = without(query(&tenant, recipient)).await;
        assert_eq!(found, OutboundParties { contact: None, ..whole.clone() });
    }
    let query = query(&tenant, Recipient::Contact(&known));
    let found = without(OutboundQuery { agent_id: Some(&agent_id), ..query }).await;
    assert_eq!(found, OutboundParties { agent: None, ..whole.clone() });
    let found = without(OutboundQuery { requested_number: Some(&stranger), ..query }).await;
    assert_eq!(found.numbers.caller, None);
    assert_eq!((found.contact, found.agent), (whole.contact, whole.agent));

    // An organization that has only a user.
    let bare = Tenant::new();
    harness.store(&bare.records()[..2]).await;
    let found = without(self::query(&bare, Recipient::Contact(&known))).await;
    assert_eq!(found.user, bare.stored_user());
    assert_eq!((found.contact, found.agent, found.numbers.caller), (None, None, None));
}

/// Nothing of another organization is returned, by its id, by its number or as a default, and its
/// number is not the organization's own.
pub async fn another_tenants_parties_are_left_out(harness: &impl OutboundDirectoryHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&theirs.records()).await;
    harness.store(&ours.records()[..2]).await;
    let (contact_id, their_number) = (theirs.contact_id(), &theirs.number.number.phone_number);
    let contacts_number = theirs.contact.phone_number.as_ref().expect("the fixture has a number");
    let recipients = [
        Recipient::Contact(&contact_id),
        Recipient::Number(contacts_number),
        Recipient::Number(their_number),
    ];
    for recipient in recipients {
        for (agent_id, requested_number) in
            [(None, None), (Some(&theirs.agent.id), Some(their_number)), (None, Some(their_number))]
        {
            let query =
                OutboundQuery { agent_id, requested_number, list_numbers: true, ..query(&ours, recipient) };
            let found = resolve(harness, &query).await.expect("a known user");
            assert_eq!(found.user, ours.stored_user());
            assert_eq!((found.contact, found.agent), (None, None), "{recipient:?}");
            assert_eq!(found.numbers.caller, None, "{recipient:?}");
            assert!(!found.numbers.recipient_is_own_number, "{recipient:?}");
            assert_eq!(found.numbers.organization_numbers, [], "{recipient:?}");
        }
    }
}

/// A number without a contact has none afterwards, however often it is resolved.
pub async fn resolving_a_number_creates_no_contact(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (number, offered) = (phone_number(), contact_id());
    for _ in 0..2 {
        let found = resolve(harness, &query(&tenant, Recipient::Number(&number))).await;
        assert_eq!(found.expect("a known user").contact, None);
    }
    let created = harness.contacts().find_or_create(&tenant.organization.id, &number, &offered).await;
    assert_eq!(created.expect("store is up").id, offered, "resolving created a contact");
}

/// A contact, a default agent and a caller number that are changed are seen by the next query, also
/// by one that was made before.
pub async fn a_change_is_seen_by_the_next_query(harness: &impl OutboundDirectoryHarness) {
    let mut tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (outbound, contact_id, user_id) = (harness.outbound(), tenant.contact_id(), tenant.user.id.clone());
    let query = OutboundQuery {
        user_id: &user_id,
        recipient: Recipient::Contact(&contact_id),
        agent_id: None,
        requested_number: None,
        carriers: SERVED_CARRIERS,
        list_numbers: false,
        subject: None,
        purpose: None,
        now: moment(),
        count_calls: None,
    };
    let found = outbound.resolve(&query).await.expect("store is up");
    assert_eq!(found, Some(parties(&tenant)));
    let muted = Agent { voice_enabled: false, ..tenant.agent.clone() };
    tenant.agent = agent(&tenant.organization.id);
    tenant.contact = ContactRecord { phone_number: Some(phone_number()), ..tenant.contact };
    let number = CallerNumber { on_trunk: false, ..tenant.number.number.clone() };
    tenant.number = NumberRecord { number, ..tenant.number };
    harness.store(&[DirectoryRecord::Agent(muted)]).await;
    harness.store(&tenant.records()).await;
    let found = outbound.resolve(&query).await.expect("store is up");
    assert_eq!(found, Some(parties(&tenant)));
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a number or
/// an id.
pub async fn a_lost_outbound_directory_is_unavailable(harness: &impl OutboundDirectoryHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (outbound, number) = (harness.outbound(), phone_number());
    harness.lose().await;
    let query = query(&tenant, Recipient::Number(&number));
    let private = [number.as_e164(), tenant.user.id.as_str(), tenant.organization.name.as_str()];
    unavailable_within(LOST_DATABASE_BOUND, outbound.resolve(&query), &private).await;
}

/// The tenant's user calls someone with the default agent and number.
pub(crate) const fn query<'a>(tenant: &'a Tenant, recipient: Recipient<'a>) -> OutboundQuery<'a> {
    OutboundQuery {
        user_id: &tenant.user.id,
        recipient,
        agent_id: None,
        requested_number: None,
        carriers: SERVED_CARRIERS,
        list_numbers: false,
        subject: None,
        purpose: None,
        now: moment(),
        count_calls: None,
    }
}

/// The parties of a call to the tenant's contact.
fn parties(tenant: &Tenant) -> OutboundParties {
    OutboundParties {
        user: tenant.stored_user(),
        contact: Some(stored_contact(&tenant.contact)),
        agent: Some(tenant.agent.clone()),
        numbers: CallerNumberChoice {
            caller: Some(tenant.number.number.clone()),
            others: Vec::new(),
            recipient_is_own_number: false,
            organization_numbers: Vec::new(),
        },
        calling: CallingFacts::default(),
        pacing: PacingFacts::default(),
    }
}

async fn resolve(
    harness: &impl OutboundDirectoryHarness,
    query: &OutboundQuery<'_>,
) -> Option<OutboundParties> {
    harness.outbound().resolve(query).await.expect("store is up").map(sorted)
}

async fn resolve_with_four_ports(
    harness: &impl OutboundDirectoryHarness,
    query: &OutboundQuery<'_>,
) -> Option<OutboundParties> {
    let (users, contacts, agents, numbers) =
        (harness.users(), harness.contacts(), harness.agents(), harness.numbers());
    let parties = memory::resolve_with_four_ports((&*users, &*contacts, &*agents, &*numbers), query).await;
    parties.expect("store is up").map(sorted)
}

/// The numbers of an organization come in any order.
fn sorted(mut parties: OutboundParties) -> OutboundParties {
    parties.numbers.organization_numbers.sort();
    parties
}
