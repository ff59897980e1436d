//! Rows that this release cannot read, as a later one may write them: they fail their own request, and no
//! other one that is served by the same statement.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::{
    CallLedger, DeliveryLease, DeliveryQueue, EventFeed, OutboundDirectory, OutboundParties, OutboundQuery,
    OverdueLease, PortUnavailable, Recipient, RegistrationResult, UnfinishedCalls, UnrecordedLease,
    WebhookEndpoints,
};
use testkit::fixtures::{self, Tenant, moment};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);

async fn parties_of(
    harness: &PostgresHarness,
    tenant: &Tenant,
) -> Result<Option<OutboundParties>, PortUnavailable> {
    let contact_id = tenant.contact_id();
    let query = OutboundQuery {
        user_id: &tenant.user.id,
        recipient: Recipient::Contact(&contact_id),
        agent_id: None,
        requested_number: None,
        carriers: fixtures::SERVED_CARRIERS,
        list_numbers: false,
        subject: None,
        purpose: None,
        now: fixtures::moment(),
        count_calls: None,
    };
    harness.adapter().resolve(&query).await
}

/// The queries arrive together, so that one statement answers them.
#[tokio::test]
async fn parties_that_cannot_be_read_fail_their_own_query_alone() {
    let (harness, tenants) = (PostgresHarness::new().await, [Tenant::new(), Tenant::new(), Tenant::new()]);
    for tenant in &tenants {
        harness.store(&tenant.records()).await;
    }
    let [first, spoilt, last] = &tenants;
    let consent = format!(
        "insert into consents (id, organization_id, contact_id, kind, given_at, created_at)
         select 'c1', organization_id, id, 'of-a-later-release', now(), now() from contacts where id = '{}'",
        spoilt.contact_id().as_str().replace('\'', "''")
    );
    harness.database().execute(&consent).await;
    let (before, failed, after) =
        tokio::join!(parties_of(&harness, first), parties_of(&harness, spoilt), parties_of(&harness, last));
    assert!(failed.is_err(), "{failed:?}");
    for (found, tenant) in [(before, first), (after, last)] {
        assert_eq!(found.map(|found| found.map(|found| found.user.id)), Ok(Some(tenant.user.id.clone())));
    }
}

/// A lease reads rows of several calls. The others are worked on, and the spoilt row stays leased.
#[tokio::test]
async fn a_leased_row_that_cannot_be_read_keeps_no_other_one_from_being_leased() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let store = harness.adapter();
    let registered = store.register(&fixtures::webhook_endpoint(&tenant.organization.id), 10).await;
    assert_eq!(registered, Ok(RegistrationResult::Registered));
    let [spoilt, sound] = [tenant.booking(MINUTE), tenant.booking(MINUTE)];
    for booking in [&spoilt, &sound] {
        store.book(booking).await.expect("the server responds");
    }
    assert_eq!(store.publish(10).await, Ok(2));
    let id = &spoilt.identity.call_id;
    let spoil = format!("update calls set from_number = 'new', conversation_id = '' where id = '{id}'");
    harness.database().execute(&spoil).await;

    let lease = DeliveryLease {
        limit: 10,
        per_endpoint: 10,
        per_organization: 10,
        running: BTreeMap::new(),
        lease_for: MINUTE,
    };
    let due = store.lease(&lease).await.expect("one of them can be read");
    assert_eq!(
        due.iter().map(|due| &due.event.identity.call_id).collect::<Vec<_>>(),
        [&sound.identity.call_id]
    );
    assert_eq!(store.lease(&lease).await, Ok(Vec::new()), "both are leased");

    let later = sound.booked_at.after(MINUTE);
    let lease = OverdueLease {
        now: later,
        undecided_before: later,
        unended_before: later,
        given_up_before: moment(),
        limit: 10,
        lease_for: MINUTE,
    };
    let overdue = store.lease_overdue(&lease).await.expect("one of them can be read");
    assert_eq!(overdue.iter().map(|call| &call.call_id).collect::<Vec<_>>(), [&sound.identity.call_id]);

    let spoil = format!(
        "update calls set status_rank = 7, conversation_id = case id when '{id}' then '' else 'conversation' end,
                          conversation = '{{\"has_recording\": true}}', claimed_until = null"
    );
    harness.database().execute(&spoil).await;
    let lease = UnrecordedLease {
        now: later,
        booked_before: later,
        given_up_before: sound.booked_at.before(MINUTE),
        limit: 10,
        lease_for: MINUTE,
    };
    let unrecorded = store.lease_unrecorded(&lease).await.expect("one of them can be read");
    assert_eq!(unrecorded.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&sound.identity.call_id]);
}
