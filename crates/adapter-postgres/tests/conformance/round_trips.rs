//! The cost of an operation: the number of its statements, counted on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{
    AgentRepo, AttemptConclusion, CallCount, CallLedger, CallLookup, CallReader, CallUpdater,
    CallerNumberQuery, ContactRepo, DeliveryLease, DeliveryListQuery, DeliveryQueue, EventFeed, EventInbox,
    FeedQuery, HistoryQuery, InboundDirectory, InboundQuery, InboxLease, IncomingEvent, KnownPartiesQuery,
    NumberPool, OutboundDirectory, OutboundQuery, OverdueLease, Recipient, ReplayQuery, Settlement,
    UnfinishedCalls, UserRepo, WebhookEndpoints,
};
use domain::{AudioFormat, Booking, CallUpdate, DeliveryFilter, DialOutcome, EventSequence, HistoryFilter};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;
use crate::proxy::StatementCounter;

/// Counts the statements of one operation.
macro_rules! statements {
    ($proxy:expr, $operation:expr) => {{
        let before = $proxy.statements();
        $operation.await.expect("the server responds");
        $proxy.statements() - before
    }};
}

/// A store that opens no other connection while statements are counted: each new connection is
/// checked with a statement.
async fn store_with_one_connection(harness: &PostgresHarness) -> (StatementCounter, PostgresStore) {
    let (proxy, url) = StatementCounter::before(&harness.database().url()).await;
    let settings = PostgresSettings { max_connections: 1, ..PostgresSettings::new(url) };
    let store = PostgresStore::connect(&settings).await.expect("the server responds");
    assert_eq!(
        proxy.statements(),
        16,
        "the check of the new connection, the ping, and the search for a pooler"
    );
    (proxy, store)
}

#[tokio::test]
async fn every_operation_of_a_call_is_one_statement() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (proxy, store) = store_with_one_connection(&harness).await;
    let (organization_id, user_id) = (&tenant.organization.id, &tenant.user.id);
    let (contact_id, new_number) = (tenant.contact_id(), fixtures::phone_number());
    let known_number = tenant.contact.phone_number.as_ref().expect("the contact has a number");
    let query = CallerNumberQuery {
        organization_id,
        user_id,
        requested: None,
        carriers: fixtures::SERVED_CARRIERS,
        recipient: Recipient::Contact(&contact_id),
        list_numbers: true,
    };
    let booking = tenant.booking(Duration::from_secs(60));
    let duplicate = Booking { key: booking.key.clone(), ..tenant.booking(Duration::from_secs(60)) };
    let placed = DialOutcome::Placed(fixtures::provider_reference());
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &placed,
        status: domain::CallStatus::InProgress,
        hold_for: Duration::from_secs(30),
        settled_at: booking.booked_at,
    };

    assert_eq!(statements!(proxy, UserRepo::find(&store, user_id)), 1, "user");
    assert_eq!(
        statements!(proxy, ContactRepo::find(&store, organization_id, &contact_id)),
        1,
        "contact by id"
    );
    for number in [known_number, &new_number] {
        let found = store.find_by_number(organization_id, number);
        assert_eq!(statements!(proxy, found), 1, "contact by number");
    }
    let new_id = fixtures::contact_id();
    let known = store.find_or_create(organization_id, known_number, &new_id);
    assert_eq!(statements!(proxy, known), 1, "contact by a known number");
    let made = store.find_or_create(organization_id, &new_number, &new_id);
    assert_eq!(statements!(proxy, made), 1, "contact by a new number");
    assert_eq!(statements!(proxy, AgentRepo::find(&store, organization_id, &tenant.agent.id)), 1, "agent");
    assert_eq!(statements!(proxy, store.default_for(organization_id)), 1, "default agent");
    assert_eq!(statements!(proxy, store.choose(&query)), 1, "caller number");
    for (recipient, list_numbers) in
        [(Recipient::Contact(&contact_id), true), (Recipient::Number(known_number), false)]
    {
        let parties = OutboundQuery {
            user_id,
            recipient,
            agent_id: None,
            requested_number: None,
            carriers: fixtures::SERVED_CARRIERS,
            list_numbers,
            subject: None,
            purpose: Some(domain::CallPurpose::Debt),
            now: booking.booked_at,
            count_calls: (!list_numbers).then_some(CallCount { since: booking.booked_at, at_most: 9 }),
        };
        assert_eq!(statements!(proxy, store.resolve(&parties)), 1, "all parties");
    }
    assert_eq!(statements!(proxy, store.book(&booking)), 1, "booking");
    assert_eq!(statements!(proxy, store.book(&duplicate)), 2, "booking of a duplicate");
    assert_eq!(statements!(proxy, store.settle(&settlement)), 1, "settlement");
}

#[tokio::test]
async fn after_the_call_only_a_page_and_a_merge_are_more_than_one_statement() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (proxy, store) = store_with_one_connection(&harness).await;
    let (booking, lease_for) = (tenant.booking(Duration::from_secs(60)), Duration::from_secs(60));
    store.book(&booking).await.expect("the server responds");
    let organization_id = tenant.organization.id.clone();
    let lookup = CallLookup { call_id: Some(booking.identity.call_id.clone()), ..CallLookup::default() };
    let now = booking.booked_at.after(lease_for);
    let lease = OverdueLease {
        now,
        undecided_before: now,
        unended_before: now,
        given_up_before: booking.booked_at,
        limit: 1,
        lease_for,
    };
    let inbox_lease = InboxLease { recent_since: now, limit: 1, lease_for };
    let parties = KnownPartiesQuery {
        provider_agent_id: fixtures::provider_agent_id(),
        numbers: Some([booking.identity.from.clone(), booking.identity.to.clone()]),
        booked_since: now,
    };
    let event = IncomingEvent { key: "a:b", kind: "a", body: b"{}", received_at: now, organization_id: None };
    let query = HistoryQuery {
        organization_id: organization_id.clone(),
        filter: HistoryFilter { limit: 1, ..HistoryFilter::default() },
        count_up_to: 1,
    };
    let update = CallUpdate::unresolved();

    assert_eq!(
        statements!(proxy, CallReader::find(&store, &organization_id, &booking.identity.call_id)),
        1,
        "a call"
    );
    assert_eq!(statements!(proxy, store.history(&query)), 2, "a page and how many there are");
    assert_eq!(statements!(proxy, store.locate(&lookup)), 1, "the call of an event");
    assert_eq!(statements!(proxy, store.known_parties(&parties)), 1, "the origin of an event");
    assert_eq!(statements!(proxy, store.lease_overdue(&lease)), 1, "overdue calls");
    assert_eq!(
        statements!(proxy, store.merge(&booking.identity.call_id, &update)),
        4,
        "begin, read, write, commit"
    );
    assert_eq!(statements!(proxy, store.merge(&booking.identity.call_id, &update)), 3, "nothing to write");
    let recording = fixtures::recording(&booking.identity.call_id, AudioFormat::Mp3);
    let attaching = store.attach_recording(&booking.identity.call_id, &recording);
    assert_eq!(statements!(proxy, attaching), 1, "the key of a recording");
    let parties = InboundQuery {
        called: tenant.number.number.phone_number.clone(),
        caller: fixtures::phone_number(),
        provider_agent_id: None,
        organization_id: None,
    };
    assert_eq!(statements!(proxy, store.identify(&parties)), 1, "the parties of an inbound call");
    assert_eq!(statements!(proxy, store.accept(&event)), 1, "an event");
    assert_eq!(statements!(proxy, EventInbox::lease(&store, &inbox_lease)), 1, "open events");
    assert_eq!(statements!(proxy, store.postpone(event.key, lease_for)), 1, "a postponed event");
    assert_eq!(
        statements!(proxy, EventInbox::close(&store, event.key, None, domain::ports::ClosedBody::Kept)),
        1,
        "a closed event"
    );
}

/// The operations of the background workers cost one statement if there is nothing to do.
#[tokio::test]
async fn publishing_and_delivering_cost_a_transaction_only_if_there_is_something_to_do() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (proxy, store) = store_with_one_connection(&harness).await;
    let organization_id = tenant.organization.id.clone();
    let endpoint = fixtures::webhook_endpoint(&organization_id);
    let (secret, until) = (fixtures::webhook_secret(), fixtures::moment());
    let lease = DeliveryLease {
        limit: 10,
        per_endpoint: 1,
        per_organization: 10,
        running: BTreeMap::new(),
        lease_for: Duration::from_secs(60),
    };
    let query = FeedQuery {
        organization_id: organization_id.clone(),
        after: EventSequence::START,
        limit: 10,
        wait: Duration::ZERO,
    };
    let listed = DeliveryListQuery {
        organization_id: organization_id.clone(),
        filter: DeliveryFilter { endpoint_id: None, state: None, before: None, limit: 10 },
    };

    assert_eq!(statements!(proxy, store.register(&endpoint, 10)), 4, "begin, lock, write, commit");
    assert_eq!(statements!(proxy, WebhookEndpoints::list(&store, &organization_id)), 1, "endpoints");
    let replacing = store.replace_secret(&organization_id, &endpoint.id, &secret, until);
    assert_eq!(statements!(proxy, replacing), 1, "a new secret");
    assert_eq!(statements!(proxy, store.publish(10)), 1, "nothing to publish");
    assert_eq!(statements!(proxy, DeliveryQueue::lease(&store, &lease)), 1, "nothing is due");
    for _ in 0..2 {
        store.book(&tenant.booking(Duration::from_secs(60))).await.expect("the server responds");
    }
    assert_eq!(statements!(proxy, store.publish(10)), 5, "look, begin, lock, write, commit");
    assert_eq!(statements!(proxy, EventFeed::read(&store, &query)), 1, "events");
    assert_eq!(statements!(proxy, store.newest(&organization_id)), 1, "the newest sequence");
    assert_eq!(statements!(proxy, store.skip(1)), 1, "a skip");
    let before = proxy.statements();
    let leased = DeliveryQueue::lease(&store, &lease).await.expect("the server responds");
    assert_eq!(proxy.statements() - before, 5, "look, begin, lock, lease, commit");
    assert_eq!(leased.len(), 1);
    assert_eq!(
        statements!(proxy, DeliveryQueue::lease(&store, &lease)),
        1,
        "the endpoint has its maximum of leases"
    );
    let concluding = store.conclude(&leased[0], AttemptConclusion::Delivered);
    assert_eq!(statements!(proxy, concluding), 1, "a conclusion");
    assert_eq!(statements!(proxy, DeliveryQueue::list(&store, &listed)), 1, "deliveries");
    assert_eq!(statements!(proxy, store.replay(&ReplayQuery::default())), 2, "the endpoint, no deliveries");
    let removing = store.remove(&organization_id, &endpoint.id);
    assert_eq!(statements!(proxy, removing), 2, "the queued deliveries, the endpoint");
}
