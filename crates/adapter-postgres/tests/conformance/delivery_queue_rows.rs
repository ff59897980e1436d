//! More deliveries than one statement can write within its time limit.

use std::time::Duration;

use domain::ports::{
    CallLedger, DeliveryQueue, EventFeed, RegistrationResult, ReplayQuery, WebhookEndpoints,
};
use domain::{EventSequence, WebhookEndpoint};
use testkit::fixtures::{Tenant, webhook_endpoint};
use testkit::harness::StoresRecords;

use crate::harness::PostgresHarness;

/// More deliveries to one endpoint than one statement may write: half of them delivered and half
/// dead.
async fn many(harness: &PostgresHarness) -> (Tenant, WebhookEndpoint) {
    let tenant = Tenant::new();
    harness.store(&tenant.records()).await;
    let endpoint = webhook_endpoint(&tenant.organization.id);
    let registered = harness.adapter().register(&endpoint, 10).await;
    assert_eq!(registered, Ok(RegistrationResult::Registered));
    harness.adapter().book(&tenant.booking(Duration::from_secs(60))).await.expect("the server responds");
    assert_eq!(harness.adapter().publish(10).await, Ok(1));
    let sql = "insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at)
        select 'call' || number, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at
          from calls, generate_series(2, 2500) as number;
        insert into call_events (call_id, organization_id, kind, status_rank, position)
        select id, organization_id, 'call_initiated', 0, substr(id, 5)::bigint from calls where id like 'call%';
        insert into webhook_deliveries (position, endpoint_id)
        select position, id from call_events, webhook_endpoints where position > 1;
        update webhook_deliveries set concluded_at = now(),
               state = case position % 2 when 0 then 'dead' else 'delivered' end;
        create function refuse() returns trigger language plpgsql as $$ begin
            if (select count(*) from written) > 1000 then raise 'too many rows in one statement'; end if;
            return null;
        end $$;
        create trigger refuse_updates after update on webhook_deliveries referencing new table as written
            for each statement execute function refuse();
        create trigger refuse_deletions after delete on webhook_deliveries referencing old table as written
            for each statement execute function refuse();";
    harness.database().execute(sql).await;
    (tenant, endpoint)
}

/// Each statement has two seconds, and a publication waits for the statement that removes an
/// endpoint.
#[tokio::test]
async fn an_endpoint_with_many_deliveries_is_removed_in_batches() {
    let harness = PostgresHarness::new().await;
    let (tenant, endpoint) = many(&harness).await;
    let remove = |organization_id| {
        let (store, id) = (harness.adapter(), endpoint.id.clone());
        async move { store.remove(&organization_id, &id).await }
    };
    assert_eq!(remove(Tenant::new().organization.id).await, Ok(false));
    let left = harness.database().query("select from webhook_deliveries").await;
    assert_eq!(left.len(), 2500, "it is another organization's");
    assert_eq!(remove(tenant.organization.id).await, Ok(true));
    let left = harness.database().query("select from webhook_deliveries").await;
    assert!(left.is_empty());
}

#[tokio::test]
async fn many_deliveries_are_replayed_in_batches() {
    let harness = PostgresHarness::new().await;
    many(&harness).await;
    let replay = |after, delivered_too| {
        let query =
            ReplayQuery { after: EventSequence::from_number(after), delivered_too, ..ReplayQuery::default() };
        let store = harness.adapter();
        async move { store.replay(&query).await }
    };
    assert_eq!(replay(2490, false).await, Ok(5));
    assert_eq!(replay(0, false).await, Ok(1245), "the rest");
    assert_eq!(replay(0, true).await, Ok(1250), "the delivered ones, each once");
    assert_eq!(replay(0, true).await, Ok(0));
}
