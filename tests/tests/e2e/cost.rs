//! What one call costs, counted and not timed: statements, commands and requests, held to the design's budget.

use std::collections::BTreeMap;

use deadpool_redis::redis;
use serde_json::json;
use simulator::Behaviour;

use crate::support::{Backing, RedisServer, StatementCounter, World, database_behind};

/// One for the user, three at once for contact, agent and number, one to book, one to settle.
const STATEMENTS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_costs_six_statements_three_commands_and_one_request() {
    let mut world = World::new(Backing::Services).await;
    let redis = RedisServer::start().await;
    world.set("OUTDIAL_REDIS_URL", redis.url());
    let (server, url) = database_behind(world.setting("OUTDIAL_DATABASE_URL"));
    let postgres = StatementCounter::before(server).await;
    world.set("OUTDIAL_DATABASE_URL", url(postgres.address()));
    world.set("OUTDIAL_DATABASE_MAX_CONNECTIONS", "4");
    // What goes on in the background is not of one call: no events come, nothing is asked for or published.
    world.unset("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS");
    world.unset("OUTDIAL_ELEVENLABS_TOOL_SECRET");
    world.set("OUTDIAL_RECONCILE_EVERY_SECS", "3600");
    world.set("OUTDIAL_PUBLISH_EVERY_MS", "3600000");
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    // Until every connection is open and has prepared its statements.
    for round in 0..10 {
        let calls = (0..12).map(|n| format!("+1416555{:04}", 5000 + 12 * round + n));
        let calls = calls.map(|number| {
            let client = gateway.client.clone();
            async move { assert!(client.call_number(&number).await.is_placed_anew()) }
        });
        futures_util::future::join_all(calls).await;
    }

    let (statements, prepared) = (postgres.statements(), postgres.prepared());
    let commands = commands(&redis).await;
    let requests = world.simulator.requests();
    const CALLS: u64 = 10;
    for n in 0..CALLS {
        let body = json!({ "phoneNumber": format!("+1416555{:04}", 6000 + n), "callReason": "Follow up" });
        assert!(gateway.client.place(body).await.is_placed_anew());
    }
    assert_eq!(postgres.statements() - statements, STATEMENTS * CALLS, "statements for {CALLS} calls");
    assert_eq!(postgres.prepared() - prepared, 0, "each was prepared before, so that it is one round trip");

    let after = self::commands(&redis).await;
    let spent: BTreeMap<&str, u64> = after
        .iter()
        .map(|(name, calls)| (name.as_str(), calls - commands.get(name).copied().unwrap_or_default()))
        .filter(|(name, calls)| {
            *calls > 0 && *name != "info" && *name != "client|setinfo" && *name != "hello"
        })
        .collect();
    // `set` takes the lock and keeps the context; the script settles the lock, and its own commands count too.
    assert_eq!(spent.get("eval").or(spent.get("evalsha")), Some(&CALLS), "{spent:?}");
    assert_eq!(spent.get("ping"), None, "no probe on the path of a call: {spent:?}");
    assert_eq!(spent.get("set"), Some(&(CALLS * 3)), "lock, context, and the script's own: {spent:?}");

    let made: u64 = world.simulator.requests().values().sum::<u64>() - requests.values().sum::<u64>();
    assert_eq!(made, CALLS, "one request to the provider for each call, and no other");
    gateway.stop().await;
}

/// Commands that Redis has executed, by its own count.
async fn commands(server: &RedisServer) -> BTreeMap<String, u64> {
    let client = redis::Client::open(server.url()).expect("a Redis URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let text: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.expect("statistics");
    text.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        })
        .collect()
}
