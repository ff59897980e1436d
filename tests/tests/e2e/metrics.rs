//! Each event, made to happen over HTTP, is read from the port of the metrics.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;
use testkit::fault_proxy::{Fault, FaultProxy};
use testkit::{eventually, eventually_within};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, Receiver, RedisServer, Scrape, World};

fn calls(outcome: &str) -> String {
    format!("outdial_calls_total{{outcome=\"{outcome}\",provider=\"elevenlabs\"}}")
}

fn duplicates(by: &str) -> String {
    format!("outdial_duplicates_prevented_total{{by=\"{by}\"}}")
}

const DIALS: &str = "outdial_dial_duration_seconds_count{provider=\"elevenlabs\"}";
const RINGS: &str = "outdial_ring_duration_seconds_count{provider=\"elevenlabs\"}";

/// The metrics as soon as this series has this value.
async fn scrape_when(gateway: &Gateway, series: &str, value: f64) -> Scrape {
    eventually_within(Duration::from_secs(20), &format!("{series} is {value}"), async || {
        let scrape = gateway.scrape().await;
        (scrape.get(series) == Some(value)).then_some(scrape)
    })
    .await
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_outcome_of_a_dial_is_counted(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_metrics();
    let gateway = world.start().await;
    let before = gateway.scrape().await;
    let outcomes = [
        ("placed", Behaviour::Answer { after_ms: 10 }),
        ("not_connected", Behaviour::Busy { after_ms: 10 }),
        ("rejected", Behaviour::http_error(422)),
        ("unknown", Behaviour::DropConnection),
        ("unavailable", Behaviour::RefuseConnections { for_ms: None }),
    ];
    for (dialled, (outcome, behaviour)) in outcomes.iter().enumerate() {
        assert_eq!(before.value(&calls(outcome)), 0.0, "a series is served before its first event");
        world.script(behaviour.clone());
        gateway.client.call_number(&format!("+1416555016{dialled}")).await;
        let scrape = gateway.scrape().await;
        for (_, (other, _)) in outcomes.iter().enumerate().filter(|(index, _)| *index <= dialled) {
            assert_eq!(scrape.value(&calls(other)), 1.0, "{other} after {outcome}");
        }
        assert_eq!(scrape.value(DIALS), dialled as f64 + 1.0);
    }
    assert_eq!(gateway.scrape().await.value(RINGS), 2.0, "one was placed and one not connected");
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_counted_by_where_they_were_found(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let mut redis = RedisServer::start().await;
    let mut world = World::new(backing).await.with_metrics();
    if backing == PostgresAndRedis {
        world = world.with("OUTDIAL_REDIS_URL", redis.url());
    }
    world.script(Behaviour::Answer { after_ms: 300 });
    let gateway = world.start().await;
    let client = &gateway.client;
    let ringing = client.start_calling("+14165550170");
    world.wait_for_dials(1).await;
    assert!(client.call_number("+14165550170").await.is_in_flight());
    assert!(ringing.response().await.is_new_call());
    assert!(client.call_number("+14165550170").await.is_duplicate());
    assert_eq!(gateway.scrape().await.value(&duplicates("lock")), 2.0);

    let keyed = json!({ "phoneNumber": "+14165550171" });
    assert!(client.place_with_key("order-1", &keyed).await.is_new_call());
    assert!(client.place_with_key("order-1", &keyed).await.is_replay());
    let reused = client.place_with_key("order-1", &json!({ "phoneNumber": "+14165550172" })).await;
    assert!(!reused.status.is_success(), "another request with the key is no duplicate");
    assert_eq!(gateway.scrape().await.value(&duplicates("key")), 1.0);

    // The store loses the locks. This process still knows the result, the next one does not.
    async fn lose_locks(world: &World, redis: &mut RedisServer, backing: Backing) {
        match backing {
            Sqlite => world.execute("", "delete from call_locks").await,
            PostgresAndRedis => {
                redis.kill().await;
                redis.restart().await;
            }
        }
    }
    lose_locks(&world, &mut redis, backing).await;
    eventually("the duplicate is answered", async || client.call_number("+14165550170").await.is_duplicate())
        .await;
    let scrape = gateway.scrape().await;
    assert_eq!((scrape.value(&duplicates("in_flight")), scrape.value(&duplicates("ledger"))), (1.0, 0.0));
    gateway.stop().await;

    let gateway = world.start().await;
    assert!(gateway.client.call_number("+14165550170").await.is_duplicate());
    let scrape = gateway.scrape().await;
    assert_eq!(scrape.value(&duplicates("ledger")), 1.0);
    assert_eq!(scrape.value(&duplicates("lock")), 0.0);
    assert_eq!(world.simulator.dials().len(), 2);
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_counted_by_their_code(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_metrics();
    let gateway = world.start().await;
    let client = &gateway.client;
    client.call_number("+442079460018").await.assert_error(400, "COUNTRY_NOT_ALLOWED");
    client.call_number("+442079460018").await.assert_error(400, "COUNTRY_NOT_ALLOWED");
    // A number of the organization itself.
    client.call_number("+14165550104").await.assert_error(400, "DESTINATION_NOT_ALLOWED");
    let scrape = gateway.scrape().await;
    let refusals = |code| scrape.value(&format!("outdial_refusals_total{{code=\"{code}\"}}"));
    assert_eq!(refusals("COUNTRY_NOT_ALLOWED"), 2.0);
    assert_eq!(refusals("DESTINATION_NOT_ALLOWED"), 1.0);
    assert_eq!(refusals("CALLEE_OPTED_OUT"), 0.0);
    assert_eq!(scrape.value(&calls("refused")), 3.0);
    assert_eq!(scrape.get(DIALS).unwrap_or_default(), 0.0, "nothing was dialled");
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_and_live_calls_are_shown_while_a_phone_rings(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_metrics().with_short_lock();
    world.script(Behaviour::Ring { for_ms: 4000, then: Box::new(Behaviour::DropConnection) });
    let gateway = world.start().await;
    let ringing = gateway.client.start_calling("+14165550174");
    let scrape = scrape_when(&gateway, "outdial_calls_live{state=\"dialling\"}", 1.0).await;
    assert_eq!(scrape.value("outdial_calls_in_flight"), 1.0);
    assert_eq!(scrape.value("outdial_lock_renewals_total{result=\"lost\"}"), 0.0);
    eventually("the lock is renewed", async || {
        gateway.scrape().await.value("outdial_lock_renewals_total{result=\"held\"}") >= 1.0
    })
    .await;
    ringing.response().await.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    let scrape = scrape_when(&gateway, "outdial_calls_unknown", 1.0).await;
    assert_eq!(scrape.value("outdial_calls_live{state=\"dialling\"}"), 0.0);
    // The lock of 1.5 s expires; the intent is held for longer, which is no lost lock.
    eventually("the duplicate is found by what holds the unknown call", async || {
        assert!(gateway.client.call_number("+14165550174").await.is_in_flight());
        gateway.scrape().await.value(&duplicates("undecided")) >= 1.0
    })
    .await;
    let scrape = gateway.scrape().await;
    assert_eq!((scrape.value(&duplicates("ledger")), scrape.value(&duplicates("in_flight"))), (0.0, 0.0));
    eventually("the unknown call ages", async || {
        gateway.scrape().await.value("outdial_oldest_unknown_seconds") > 0.0
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_the_lock_are_counted() {
    let mut redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with_metrics().with("OUTDIAL_REDIS_URL", redis.url());
    let gateway = world.start().await;
    redis.kill().await;
    gateway.client.call_number("+14165550175").await.assert_error(500, "SERVICE_UNAVAILABLE");
    let acquire = "outdial_lock_errors_total{operation=\"acquire\",result=\"failed\"}";
    let scrape = scrape_when(&gateway, "outdial_store_up{store=\"lock\"}", 0.0).await;
    assert_eq!(scrape.value(acquire), 1.0);
    assert_eq!(scrape.value("outdial_store_up{store=\"database\"}"), 1.0);
    gateway.stop().await;
}

/// A hanging store returns no error: the deadline of the request cancels the operation.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_is_shown_like_one_that_refuses(
    #[values(("database", "database", "resolve"), ("lock", "lock", "acquire"))] of: (&str, &str, &str),
) {
    let (store, metric, operation) = of;
    let redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with_metrics();
    let database = FaultProxy::start(world.database_server()).await;
    let lock = FaultProxy::start(redis.server()).await;
    let world = world.with_database_at(database.address());
    let world = world.with("OUTDIAL_REDIS_URL", format!("redis://{}/0", lock.address()));
    let gateway = world.start().await;
    let up = format!("outdial_store_up{{store=\"{store}\"}}");
    let errors =
        |result| format!("outdial_{metric}_errors_total{{operation=\"{operation}\",result=\"{result}\"}}");
    let scrape = scrape_when(&gateway, &up, 1.0).await;
    assert_eq!((scrape.value(&errors("failed")), scrape.value(&errors("cancelled"))), (0.0, 0.0));
    let hanging = if store == "database" { &database } else { &lock };
    hanging.set(Fault::Hold);
    gateway.client.call_number("+14165550179").await.assert_error(500, "SERVICE_UNAVAILABLE");
    eventually("the operation is counted", async || {
        let scrape = gateway.scrape().await;
        scrape.value(&errors("failed")) + scrape.value(&errors("cancelled")) >= 1.0
    })
    .await;
    scrape_when(&gateway, &up, 0.0).await;
    let ready = gateway.client.get_unauthenticated("/readyz").await.expect("the gateway responds");
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body["components"][store], "down", "the check names what hangs: {}", ready.body);
    hanging.set(Fault::None);
    scrape_when(&gateway, &up, 1.0).await;
    gateway.stop().await;
}

/// Whatever a request ends in, it is in a counter: also what ends before the runner has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_route_and_result() {
    let world = World::new(Sqlite).await.with_metrics();
    let gateway = world.start().await;
    let client = &gateway.client;
    let counted = async |route: &str, result: &str| {
        let series = format!("outdial_requests_total{{route=\"{route}\",result=\"{result}\"}}");
        gateway.scrape().await.get(&series).unwrap_or_default()
    };
    let calls = "/api/calls/ai/outbound";
    world.script(Behaviour::Answer { after_ms: 300 });
    let ringing = client.start_calling("+14165550185");
    world.wait_for_dials(1).await;
    assert!(client.call_number("+14165550185").await.is_in_flight());
    assert!(ringing.response().await.is_new_call());
    assert_eq!(counted(calls, "ok").await, 1.0);
    assert_eq!(counted(calls, "OUTBOUND_IN_FLIGHT").await, 1.0);
    let body = json!({ "phoneNumber": "+14165550186" });
    let without_token = crate::support::http_client()
        .post(format!("http://{}{calls}", client.address()))
        .json(&body)
        .send()
        .await;
    assert_eq!(without_token.expect("the gateway responds").status(), 401);
    assert_eq!(counted(calls, "UNAUTHORIZED").await, 1.0);
    client.get_unauthenticated("/nowhere/+14165550186").await.expect("the gateway responds");
    client.get("/api/calls/history").await;
    assert_eq!(counted("none", "NOT_FOUND").await, 1.0, "a path that a client made up is in no label");
    assert_eq!(counted("/api/calls/history", "ok").await, 1.0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_and_connections_of_the_database_are_shown() {
    let world = World::new(PostgresAndRedis).await.with_metrics();
    let proxy = FaultProxy::start(world.database_server()).await;
    let world = world.with_database_at(proxy.address());
    world.script(Behaviour::Answer { after_ms: 1000 });
    let gateway = world.start().await;
    let ringing = gateway.client.start_calling("+14165550176");
    world.wait_for_dials(1).await;
    let scrape = gateway.scrape().await;
    assert!(scrape.value("outdial_pool_connections{pool=\"postgres\",state=\"open\"}") >= 1.0);
    assert_eq!(scrape.value("outdial_pool_connections_max{pool=\"postgres\"}"), 10.0);
    assert_eq!(scrape.value("outdial_pool_waiting{pool=\"postgres\"}"), 0.0);
    let redis = scrape.value("outdial_pool_connections{pool=\"redis\",state=\"open\"}");
    assert!((1.0..=2.0).contains(&redis), "{redis}");
    proxy.set(Fault::Refuse);
    gateway.client.call_number("+14165550177").await.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(ringing.response().await.is_new_call());
    let errors =
        |operation| format!("outdial_database_errors_total{{operation=\"{operation}\",result=\"failed\"}}");
    assert_eq!(gateway.scrape().await.value(&errors("resolve")), 1.0);
    scrape_when(&gateway, &errors("settle"), 2.0).await;
    eventually("the gauges of the ledger expire with the lease", async || {
        gateway.scrape().await.get("outdial_calls_unknown").is_none()
    })
    .await;
    gateway.stop().await;
}

/// Everything that follows a call; and with it every metric of the table is served.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_and_deliveries_are_counted_and_every_metric_is_served(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_metrics().with("OUTDIAL_DELIVERY_GIVE_UP_SECS", "2");
    let world = world.with_short_lock().with_short_ringing().with_frequent_reconciliation();
    let gateway = world.start_with_webhooks().await;
    let (client, receiver) = (&gateway.client, Receiver::start().await);
    client.register_endpoint(&receiver.url()).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let call_id = client.call_number("+14165550178").await.call_id();
    client.read_call_when(&call_id, "completed").await;
    receiver
        .requests_when("the end is delivered", |requests| {
            requests.iter().any(|request| request.event_type() == "call_ended")
        })
        .await;
    let scrape = scrape_when(&gateway, "outdial_deliveries_pending", 0.0).await;
    let accepted = scrape.value("outdial_deliveries_total{result=\"accepted\"}");
    assert!(accepted >= 3.0, "{}", scrape.text);
    assert_eq!(scrape.value("outdial_delivery_duration_seconds_count{result=\"accepted\"}"), accepted);
    assert_eq!(scrape.value("outdial_conversation_duration_seconds_count{provider=\"elevenlabs\"}"), 1.0);
    assert_eq!(scrape.value("outdial_provider_events_lag_seconds_count{kind=\"conversation\"}"), 1.0);
    assert_eq!(scrape.value("outdial_inbox_pending"), 0.0);
    assert_eq!(scrape.value("outdial_outbox_pending"), 0.0);
    assert_eq!(scrape.value("outdial_deliveries_dead"), 0.0);

    // A receiver that refuses, until the deliveries are dead; and a call of which only the provider's
    // record says how it ended.
    receiver.respond_with(500);
    world.simulator.send_webhooks_to(None).expect("webhooks can be stopped");
    world.script(Behaviour::DropConnection);
    client.call_number("+14165550179").await.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    eventually_within(Duration::from_secs(20), "a delivery is dead", async || {
        gateway.scrape().await.get("outdial_deliveries_dead") > Some(0.0)
    })
    .await;
    let scrape = gateway.scrape().await;
    assert!(scrape.value("outdial_deliveries_total{result=\"failed\"}") >= 1.0);
    assert!(scrape.value("outdial_dead_letters_total") >= 1.0);
    eventually_within(Duration::from_secs(20), "the provider is asked", async || {
        gateway.scrape().await.value("outdial_reconciled_total{found=\"placed\"}") >= 1.0
    })
    .await;

    let scrape = gateway.scrape().await;
    let types = scrape.types();
    for metric in server::METRICS {
        // The embedded file has no pool.
        if backing == PostgresAndRedis || !metric.name.starts_with("outdial_pool_") {
            assert_eq!(types.get(metric.name), Some(&metric.kind.as_str()), "{}", metric.name);
        }
    }
    let unknown = types.keys().find(|name| {
        !name.starts_with("process_") && server::METRICS.iter().all(|metric| metric.name != **name)
    });
    assert_eq!(unknown, None, "it is not in the table");
    for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"] {
        assert!(types.contains_key(name), "{name}");
    }
    assert_eq!(scrape.value(concat!("outdial_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")), 1.0);
    // No label has an id, a number or a name.
    for value in scrape.label_values() {
        assert!(!value.contains("+1") && !["o1", "u1", "a1", "agent_1"].contains(&value), "{value}");
        assert!(!value.contains(&call_id), "{value}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_replicas_shows_the_ledger_and_the_other_takes_over() {
    let world = World::new(PostgresAndRedis).await.with_metrics();
    world.script(Behaviour::Ring { for_ms: 5000, then: Box::new(Behaviour::DropConnection) });
    let first = world.start().await;
    let ringing = first.client.start_calling("+14165550180");
    scrape_when(&first, "outdial_calls_live{state=\"dialling\"}", 1.0).await;
    let second = world.start().await;
    for _ in 0..5 {
        assert_eq!(first.scrape().await.get("outdial_inbox_pending"), Some(0.0));
        assert_eq!(second.scrape().await.get("outdial_inbox_pending"), None);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    ringing.response().await.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    first.stop().await;
    scrape_when(&second, "outdial_calls_unknown", 1.0).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_served_to_the_end_of_a_drain_and_nothing_else_is_on_their_port() {
    let world = World::new(Sqlite).await.with_metrics();
    world.script(Behaviour::Answer { after_ms: 3000 });
    let mut process = world.spawn().await;
    let address = process.logged_address("serving metrics");
    assert_eq!(Scrape::of(address).await.value("outdial_draining_seconds"), 0.0);
    for path in ["/", "/metrics/", "/healthz", "/api/calls/history"] {
        let response = crate::support::http_client().get(format!("http://{address}{path}")).send().await;
        assert_eq!(response.expect("the port responds").status(), 404, "{path}");
    }
    let ringing = process.client.start_calling("+14165550181");
    world.wait_for_dials(1).await;
    process.signal("TERM").await;
    eventually("the drain is shown", async || {
        Scrape::of(address).await.value("outdial_draining_seconds") > 0.0
    })
    .await;
    assert!(ringing.response().await.is_new_call());
    assert!(process.ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_there_are_no_metrics() {
    let world = World::new(Sqlite).await;
    let gateway = world.start().await;
    assert_eq!(gateway.metrics, None);
    let response = gateway.client.get_unauthenticated("/metrics").await.expect("the gateway responds");
    assert_eq!(response.status, 404);
    gateway.stop().await;
}
