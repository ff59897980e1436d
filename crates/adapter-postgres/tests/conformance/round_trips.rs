//! What an operation costs: the statements that the server is asked to run, counted on the wire.

use std::time::Duration;

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::ports::{
    AgentRepo, CallLedger, CallerNumberQuery, ContactRepo, NumberPool, Recipient, Settlement, UserRepo,
};
use domain::{Booking, DialOutcome};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;
use crate::proxy::Proxy;

/// Counts the statements of one operation.
macro_rules! statements {
    ($proxy:expr, $operation:expr) => {{
        let before = $proxy.statements();
        $operation.await.expect("the server answers");
        $proxy.statements() - before
    }};
}

#[tokio::test]
async fn every_operation_is_one_statement() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let (proxy, url) = Proxy::before(&harness.database().url()).await;
    let store = PostgresStore::connect(&PostgresSettings::new(url)).await.expect("the server answers");
    let (organization_id, user_id) = (&tenant.organization.id, &tenant.user.id);
    let (contact_id, new_number) = (tenant.contact_id(), fixtures::phone_number());
    let known_number = tenant.contact.phone_number.as_ref().expect("the contact has a number");
    let query = CallerNumberQuery {
        organization_id,
        user_id,
        requested: None,
        recipient: Recipient::Contact(&contact_id),
    };
    let booking = tenant.booking(Duration::from_secs(60));
    let duplicate = Booking { key: booking.key.clone(), ..tenant.booking(Duration::from_secs(60)) };
    let placed = DialOutcome::Placed(fixtures::provider_reference());
    let settlement = Settlement {
        call_id: &booking.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &placed,
        hold_for: Duration::from_secs(30),
        settled_at: booking.booked_at,
    };

    assert_eq!(statements!(proxy, UserRepo::find(&store, user_id)), 1, "user");
    assert_eq!(
        statements!(proxy, ContactRepo::find(&store, organization_id, &contact_id)),
        1,
        "contact by id"
    );
    let new_id = fixtures::contact_id();
    let known = store.find_or_create(organization_id, known_number, &new_id);
    assert_eq!(statements!(proxy, known), 1, "contact by a known number");
    let made = store.find_or_create(organization_id, &new_number, &new_id);
    assert_eq!(statements!(proxy, made), 1, "contact by a new number");
    assert_eq!(statements!(proxy, AgentRepo::find(&store, organization_id, &tenant.agent.id)), 1, "agent");
    assert_eq!(statements!(proxy, store.default_for(organization_id)), 1, "default agent");
    assert_eq!(statements!(proxy, store.choose(&query)), 1, "caller number");
    assert_eq!(statements!(proxy, store.book(&booking)), 1, "booking");
    assert_eq!(statements!(proxy, store.book(&duplicate)), 1, "booking of a duplicate");
    assert_eq!(statements!(proxy, store.settle(&settlement)), 1, "settlement");
}
