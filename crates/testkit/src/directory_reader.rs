//! The suite of [`DirectoryReader`](domain::ports::DirectoryReader).

use domain::ports::{DirectoryPage, DirectoryQuery, Total};
use domain::{
    Agent, AgentId, CallerNumber, Carrier, Contact, ContactId, ContactRecord, DirectoryRecord, NumberRecord,
    OrganizationId, PhoneNumber,
};

use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::{Tenant, agent, contact, number, stored_contact, user};
use crate::harness::DirectoryReaderHarness;

suite! {
    $ directory_reader_suite of directory_reader:
    records_are_listed_whole_and_in_order,
    pages_neither_repeat_nor_miss_a_record,
    records_are_counted_up_to_a_limit,
    lists_are_the_tenants_own,
    a_lost_directory_reader_is_unavailable,
}

/// The records of one organization, each kind in the order of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    agents: DirectoryPage<Agent>,
    numbers: DirectoryPage<CallerNumber>,
    contacts: DirectoryPage<Contact>,
}

/// Every record is listed with every field, complete or not, in the order of ids and numbers, and
/// not in that of storing. The numbers of every user of the organization are.
pub async fn records_are_listed_whole_and_in_order(harness: &impl DirectoryReaderHarness) {
    let (tenant, expected) = stored_tenant(harness).await;
    assert_eq!(list(harness, &query(&tenant)).await, expected);
}

/// Each page begins after the last record of the one before. A position that no record has is one
/// too.
pub async fn pages_neither_repeat_nor_miss_a_record(harness: &impl DirectoryReaderHarness) {
    let (tenant, all) = stored_tenant(harness).await;
    let mut page = PageQuery { limit: 2, ..query(&tenant) };
    for at in [0..2, 2..4, 4..4] {
        let listed = list(harness, &page).await;
        let expected = Listed {
            agents: part(&all.agents, at.clone()),
            numbers: part(&all.numbers, at.clone()),
            contacts: part(&all.contacts, at.clone()),
        };
        assert_eq!(listed, expected, "{at:?}");
        if let (Some(agent), Some(number), Some(contact)) =
            (listed.agents.records.last(), listed.numbers.records.last(), listed.contacts.records.last())
        {
            page.after = Some((agent.id.clone(), number.phone_number.clone(), contact.id.clone()));
        }
    }
    let before_all = PageQuery {
        after: Some((
            AgentId::parse("!").expect("a valid id"),
            PhoneNumber::parse("+10000000").expect("a valid number"),
            ContactId::parse("!").expect("a valid id"),
        )),
        ..query(&tenant)
    };
    assert_eq!(list(harness, &before_all).await, all);
}

/// The number of records is exact up to the limit; beyond, it is the limit.
pub async fn records_are_counted_up_to_a_limit(harness: &impl DirectoryReaderHarness) {
    let (tenant, all) = stored_tenant(harness).await;
    for (count_up_to, total) in
        [(5, Total::Exactly(4)), (4, Total::Exactly(4)), (3, Total::MoreThan(3)), (1, Total::MoreThan(1))]
    {
        let mut expected = all.clone();
        (expected.agents.total, expected.numbers.total, expected.contacts.total) = (total, total, total);
        assert_eq!(list(harness, &PageQuery { count_up_to, ..query(&tenant) }).await, expected);
    }
}

/// Another organization's records are neither listed nor counted, from any position.
pub async fn lists_are_the_tenants_own(harness: &impl DirectoryReaderHarness) {
    let (ours, theirs) = (Tenant::new(), Tenant::new());
    harness.store(&[ours.records(), theirs.records()].concat()).await;
    let expected = Listed {
        agents: whole(vec![ours.agent.clone()]),
        numbers: whole(vec![ours.number.number.clone()]),
        contacts: whole(vec![stored_contact(&ours.contact)]),
    };
    assert_eq!(list(harness, &query(&ours)).await, expected);
    let after = (
        theirs.agent.id.clone(),
        theirs.number.number.phone_number.clone(),
        stored_contact(&theirs.contact).id,
    );
    let listed = list(harness, &PageQuery { after: Some(after), ..query(&ours) }).await;
    assert!(listed.agents.records.iter().all(|agent| agent.id == ours.agent.id));
    assert!(listed.numbers.records.iter().all(|it| it.organization_id == ours.organization.id));
    assert!(listed.contacts.records.iter().all(|it| it.organization_id == ours.organization.id));
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting data.
pub async fn a_lost_directory_reader_is_unavailable(harness: &impl DirectoryReaderHarness) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let (reader, query) = (harness.directory_reader(), query(&tenant));
    harness.lose().await;
    let (id, number) = (tenant.agent.id.clone(), tenant.number.number.phone_number.clone());
    let contact = tenant.contact_id();
    let private = [query.organization_id.as_str(), id.as_str(), number.as_e164(), contact.as_str()];
    let agents = query.of(Some(id.clone()));
    unavailable_within(LOST_DATABASE_BOUND, reader.agents(&agents), &private).await;
    let numbers = query.of(Some(number.clone()));
    unavailable_within(LOST_DATABASE_BOUND, reader.numbers(&numbers), &private).await;
    let contacts = query.of(Some(contact.clone()));
    unavailable_within(LOST_DATABASE_BOUND, reader.contacts(&contacts), &private).await;
}

/// The same page of each list.
#[derive(Clone)]
struct PageQuery {
    organization_id: OrganizationId,
    after: Option<(AgentId, PhoneNumber, ContactId)>,
    limit: u32,
    count_up_to: u32,
}

impl PageQuery {
    fn of<K>(&self, after: Option<K>) -> DirectoryQuery<K> {
        DirectoryQuery {
            organization_id: self.organization_id.clone(),
            after,
            limit: self.limit,
            count_up_to: self.count_up_to,
        }
    }
}

fn query(tenant: &Tenant) -> PageQuery {
    PageQuery { organization_id: tenant.organization.id.clone(), after: None, limit: 100, count_up_to: 1000 }
}

async fn list(harness: &impl DirectoryReaderHarness, query: &PageQuery) -> Listed {
    let reader = harness.directory_reader();
    let (agent, number, contact) = match query.after.clone() {
        Some((agent, number, contact)) => (Some(agent), Some(number), Some(contact)),
        None => (None, None, None),
    };
    Listed {
        agents: reader.agents(&query.of(agent)).await.expect("store is up"),
        numbers: reader.numbers(&query.of(number)).await.expect("store is up"),
        contacts: reader.contacts(&query.of(contact)).await.expect("store is up"),
    }
}

/// A tenant that has four records of each kind, and what lists show of it. The records are stored in
/// the opposite order.
async fn stored_tenant(harness: &impl DirectoryReaderHarness) -> (Tenant, Listed) {
    let tenant = Tenant::new();
    let of = &tenant.organization.id;
    let colleague = user(of);
    let mut agents = vec![
        tenant.agent.clone(),
        Agent { voice_enabled: false, ..agent(of) },
        Agent { provider_agent_id: None, ..agent(of) },
        agent(of),
    ];
    let bare = CallerNumber {
        carrier: Carrier::named("twilio"),
        ai_enabled: false,
        on_trunk: false,
        provider_number_id: None,
        ..number(&tenant.user, 0).number
    };
    let mut numbers = vec![
        tenant.number.clone(),
        NumberRecord { number: bare, position: 1 },
        number(&colleague, 3),
        number(&colleague, 2),
    ];
    let mut contacts = [
        tenant.contact.clone(),
        ContactRecord { first_name: None, last_name: None, ..contact(of) },
        ContactRecord { phone_number: None, ..contact(of) },
        contact(of),
    ];
    agents.sort_by(|one, other| one.id.cmp(&other.id));
    numbers.sort_by(|one, other| one.number.phone_number.cmp(&other.number.phone_number));
    contacts.sort_by_key(|contact| stored_contact(contact).id);
    let mut records = tenant.records();
    records.truncate(2);
    records.push(DirectoryRecord::User(colleague));
    records.extend(agents.iter().rev().cloned().map(DirectoryRecord::Agent));
    records.extend(numbers.iter().rev().cloned().map(DirectoryRecord::Number));
    records.extend(contacts.iter().rev().cloned().map(DirectoryRecord::Contact));
    harness.store(&records).await;
    let listed = Listed {
        agents: whole(agents),
        numbers: whole(numbers.into_iter().map(|record| record.number).collect()),
        contacts: whole(contacts.iter().map(stored_contact).collect()),
    };
    (tenant, listed)
}

fn whole<T>(records: Vec<T>) -> DirectoryPage<T> {
    let total = Total::Exactly(u32::try_from(records.len()).expect("few records"));
    DirectoryPage { records, total }
}

fn part<T: Clone>(all: &DirectoryPage<T>, at: std::ops::Range<usize>) -> DirectoryPage<T> {
    DirectoryPage { records: all.records[at].to_vec(), total: all.total }
}
