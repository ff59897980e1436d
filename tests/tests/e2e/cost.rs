//! The cost of one call in statements, commands and requests. The tests count them and measure no
//! time.

use std::collections::BTreeMap;

use deadpool_redis::redis;
use futures_util::future::join_all;
use serde_json::json;
use simulator::Behaviour;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{PendingCall, RedisServer, StatementCounter, World};

/// One reads the user, three run at the same time for contact, agent and number, one records the
/// call before the dial, and one settles it.
const STATEMENTS: u64 = 6;

const CALLS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_costs_six_statements_three_commands_and_one_request() {
    let redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with("OUTDIAL_REDIS_URL", redis.url());
    let postgres = StatementCounter::start(world.database_server()).await;
    // Background work is not part of the cost of a call: no webhooks arrive, and nothing is
    // reconciled or published.
    let world = world
        .with_database_at(postgres.address())
        .with("OUTDIAL_DATABASE_MAX_CONNECTIONS", "4")
        .without("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS")
        .without("OUTDIAL_ELEVENLABS_TOOL_SECRET")
        .with("OUTDIAL_RECONCILE_EVERY_SECS", "3600")
        .with("OUTDIAL_PUBLISH_EVERY_MS", "3600000");
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let client = &gateway.client;
    // These calls open every connection and prepare the statements on each of them.
    for round in 0..10 {
        let numbers = (0..12).map(|n| format!("+1416555{:04}", 5000 + 12 * round + n));
        let calls: Vec<PendingCall> = numbers.map(|number| client.start_calling(&number)).collect();
        for response in join_all(calls.into_iter().map(PendingCall::response)).await {
            assert!(response.is_new_call(), "{}", response.body);
        }
    }

    let (statements, prepared) = (postgres.statements(), postgres.prepared());
    let commands = executed_commands(&redis).await;
    let requests: u64 = world.simulator.requests().values().sum();
    for n in 0..CALLS {
        let body = json!({ "phoneNumber": format!("+1416555{:04}", 6000 + n), "callReason": "Follow up" });
        assert!(client.place(body).await.is_new_call());
    }
    assert_eq!(postgres.statements() - statements, STATEMENTS * CALLS, "statements for {CALLS} calls");
    assert_eq!(postgres.prepared() - prepared, 0, "a prepared statement takes one round trip");

    let after = executed_commands(&redis).await;
    let spent: BTreeMap<&str, u64> = after
        .iter()
        .map(|(name, count)| (name.as_str(), count - commands.get(name).copied().unwrap_or_default()))
        .filter(|(name, count)| *count > 0 && !["info", "client|setinfo", "hello"].contains(name))
        .collect();
    // `SET` takes the lock and stores the context. The script that settles the lock counts as
    // `EVAL` or `EVALSHA`, and the commands inside it count too.
    assert_eq!(spent.get("eval").or(spent.get("evalsha")), Some(&CALLS), "{spent:?}");
    assert_eq!(spent.get("ping"), None, "a call does not probe its connection: {spent:?}");
    assert_eq!(spent.get("set"), Some(&(CALLS * 3)), "lock, context, and one in the script: {spent:?}");

    let requests_after: u64 = world.simulator.requests().values().sum();
    assert_eq!(requests_after - requests, CALLS, "one request to the provider for each call");
    gateway.stop().await;
}

/// How often Redis has executed each command, by its own statistics.
async fn executed_commands(server: &RedisServer) -> BTreeMap<String, u64> {
    let client = redis::Client::open(server.url()).expect("the URL is valid");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis is reachable");
    let statistics: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.expect("Redis responds");
    statistics
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        })
        .collect()
}
