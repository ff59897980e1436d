//! The cost of one call in statements, commands and requests. The tests count them and measure no
//! time.

use std::collections::BTreeMap;

use deadpool_redis::redis;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{PendingCall, RedisServer, StatementCounter, World};

/// What a call costs in Postgres.
struct Cost {
    statements: u64,
    /// One after the other. Statements that run at the same time share one.
    round_trips: u64,
}

/// One statement reads the user, three run at the same time for contact, agent and number, one
/// records the call before the dial, and one settles it.
const OF_A_KNOWN_NUMBER: Cost = Cost { statements: 6, round_trips: 4 };

/// The contact is created after the last refusal and before the lock.
const OF_A_NEW_NUMBER: Cost = Cost { statements: 7, round_trips: 5 };

const CALLS: u64 = 10;

/// Longer than the gateway takes to send three concurrent statements, also on a busy machine.
const RESPONSE_DELAY_MS: u64 = 100;

#[rstest]
#[case::of_a_known_number("+1416555600", OF_A_KNOWN_NUMBER)]
#[case::of_a_new_number("+1416555700", OF_A_NEW_NUMBER)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_costs_this_many_statements_three_commands_and_one_request(
    #[case] numbers: &str,
    #[case] cost: Cost,
) {
    let redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with("OUTDIAL_REDIS_URL", redis.url());
    let known = (0..CALLS).map(|n| {
        let number = format!("+1416555600{n}");
        format!("{}\n", json!({ "kind": "contact", "organizationId": "o1", "phoneNumber": number }))
    });
    let (succeeded, errors) = world.import(&known.collect::<String>()).await;
    assert!(succeeded, "{errors}");
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

    postgres.delay_responses_by(RESPONSE_DELAY_MS);
    let (statements, prepared) = (postgres.statements(), postgres.prepared());
    let round_trips = postgres.round_trips();
    let commands = executed_commands(&redis).await;
    let requests: u64 = world.simulator.requests().values().sum();
    for n in 0..CALLS {
        let body = json!({ "phoneNumber": format!("{numbers}{n}"), "callReason": "Follow up" });
        assert!(client.place(body).await.is_new_call());
    }
    assert_eq!(postgres.statements() - statements, cost.statements * CALLS, "statements for {CALLS} calls");
    assert_eq!(postgres.round_trips() - round_trips, cost.round_trips * CALLS, "for {CALLS} calls");
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
