//! Stores that become unavailable: the gateway refuses calls, dials no phone, and recovers without
//! a restart.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use simulator::Behaviour;
use testkit::eventually_within;
use testkit::fault_proxy::{Fault, FaultProxy};
use testkit::pgbouncer::PgBouncer;
use tokio::time::sleep;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{Client, PendingCall, RedisServer, World};

/// Repeats the request until a call is placed. Early requests may still use a broken connection.
async fn recovers(client: &Client, number: &str) {
    eventually_within(Duration::from_secs(15), "a call is placed again", async || {
        let response = client.call_number(number).await;
        let known = response.is_new_call() || response.is_in_flight();
        assert!(known || response.code() == "SERVICE_UNAVAILABLE", "{}", response.body);
        response.is_new_call()
    })
    .await;
}

/// The status of `/readyz`.
async fn readiness(client: &Client) -> u16 {
    let response = client.get_unauthenticated("/readyz").await;
    response.expect("the gateway responds").status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nothing_is_dialled_and_with_it_everything_is() {
    let mut redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with("OUTDIAL_REDIS_URL", redis.url());
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let client = &gateway.client;
    assert!(client.call_number("+14165550170").await.is_new_call());
    redis.kill().await;
    let refused = client.call_number("+14165550171").await;
    refused.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(refused.retry_after() >= 1);
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(readiness(client).await, 503);
    assert_eq!(world.simulator.dials().len(), 1);
    redis.restart().await;
    recovers(client, "+14165550171").await;
    assert_eq!(world.simulator.dials().len(), 2);
    let again = client.call_number("+14165550170").await;
    assert!(again.is_duplicate(), "the lock is lost, the ledger has the result: {}", again.body);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_nothing_is_locked_or_dialled_and_a_ringing_call_still_succeeds() {
    let world = World::new(PostgresAndRedis).await;
    let proxy = FaultProxy::start(world.database_server()).await;
    let world = world.with_database_at(proxy.address());
    world.script(Behaviour::Answer { after_ms: 1200 });
    let gateway = world.start().await;
    let client = &gateway.client;
    let ringing = client.start_calling("+14165550172");
    world.wait_for_dials(1).await;
    proxy.set(Fault::Refuse);
    client.call_number("+14165550173").await.assert_error(500, "SERVICE_UNAVAILABLE");
    let placed = ringing.response().await;
    assert!(placed.is_new_call(), "the call succeeds although it cannot be recorded: {}", placed.body);
    proxy.set(Fault::None);
    recovers(client, "+14165550173").await;
    let again = client.call_number("+14165550172").await;
    assert!(again.is_duplicate(), "the lock has the result: {}", again.body);
    assert_eq!(world.simulator.dials().len(), 2);
    gateway.stop().await;
}

/// With two connections and fifty ringing phones, the gateway still serves other requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_held_while_the_phone_rings() {
    let world = World::new(PostgresAndRedis).await;
    let world =
        world.with("OUTDIAL_DATABASE_MAX_CONNECTIONS", "2").with("OUTDIAL_REDIS_MAX_CONNECTIONS", "1");
    world.script(Behaviour::Answer { after_ms: 4000 });
    let gateway = world.start().await;
    let client = &gateway.client;
    let calls: Vec<PendingCall> =
        (0..50).map(|n| client.start_calling(&format!("+1416555{:04}", 4000 + n))).collect();
    world.wait_for_dials(50).await;
    assert!(calls.iter().all(|call| !call.is_finished()), "all phones ring");
    assert_eq!(readiness(client).await, 200);
    client.place(json!({ "contactId": "unknown" })).await.assert_error(404, "CONTACT_NOT_FOUND");
    assert!(calls.iter().all(|call| !call.is_finished()), "all phones still ring");
    for call in calls {
        let response = call.response().await;
        assert!(response.is_new_call(), "{}", response.body);
    }
    gateway.stop().await;
}

/// A pooler that an operator switches to transaction mode while the gateway runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_behind_a_pooler_that_begins_to_lose_statements_is_not_ready() {
    const IN_SESSION_MODE: &str = "pool_mode = session\ndefault_pool_size = 40\n";
    let mut pooler = PgBouncer::start(IN_SESSION_MODE).await;
    let world = World::new(PostgresAndRedis).await.with_database_at(pooler.address());
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let client = &gateway.client;
    assert!(client.call_number("+14165550190").await.is_new_call());
    pooler.restart(&PgBouncer::losing_statements("")).await;
    eventually_within(Duration::from_secs(30), "the gateway is not ready", async || {
        let reads = join_all((0..16).map(|_| client.get("/api/calls/history"))).await;
        assert!(reads.iter().all(|read| read.status == 200 || read.code() == "SERVICE_UNAVAILABLE"));
        readiness(client).await == 503
    })
    .await;
    pooler.restart(IN_SESSION_MODE).await;
    recovers(client, "+14165550191").await;
    eventually_within(Duration::from_secs(30), "the gateway is ready", async || {
        readiness(client).await == 200
    })
    .await;
    gateway.stop().await;
}
