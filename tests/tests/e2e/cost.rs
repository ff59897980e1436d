//! The cost of one call in everything that the gateway sends for it. The tests count at the wire and
//! measure no time.

use std::time::Duration;

use deadpool_redis::redis;
use deadpool_redis::redis::aio::MultiplexedConnection;
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Map, Value, json};
use simulator::Behaviour;
use testkit::eventually;

use crate::support::Backing::PostgresAndRedis;
use crate::support::collector::Collector;
use crate::support::{Client, PendingCall, RedisServer, WireCounter, World};

/// What a call costs. Each field is exact: a lower one is a success, and is changed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    /// SQL statements that are executed.
    statements: u64,
    /// Waits for statements, one after the other. Statements that run at the same time share one.
    statement_round_trips: u64,
    /// SQL statements that are prepared. Each one takes a round trip before the statement.
    prepared: u64,
    /// Pings of a Postgres connection. The pools of `sqlx` send one whenever a connection returns,
    /// which doubles the round trips; ours does not.
    pings: u64,
    /// Waits of each Postgres connection for statements and pings.
    postgres_round_trips: u64,
    /// Connections that are opened to Postgres.
    postgres_connections: u64,
    /// Commands that the gateway sends to Redis, each one of a pipeline.
    commands: u64,
    /// Commands that Redis executes beyond these, in scripts.
    scripted_commands: u64,
    /// Waits of each Redis connection. A pipeline takes one.
    redis_round_trips: u64,
    /// Connections that are opened to Redis.
    redis_connections: u64,
    /// Requests to the voice provider.
    requests: u64,
    /// Connections that are opened to the voice provider. A dial has one of its own, so that no
    /// other request can break it.
    provider_connections: u64,
}

/// One statement reads the parties, one records the call before the dial, and one settles it. One
/// command takes the lock. After the dial a script (`GET`, `SET`) settles the lock, and a command in
/// the same pipeline stores the context.
const OF_A_KNOWN_NUMBER: Cost = Cost {
    statements: 3,
    statement_round_trips: 3,
    prepared: 0,
    pings: 0,
    postgres_round_trips: 3,
    postgres_connections: 0,
    commands: 3,
    scripted_commands: 2,
    redis_round_trips: 2,
    redis_connections: 0,
    requests: 1,
    provider_connections: 1,
};

/// The contact is created after the last refusal and before the lock.
const OF_A_NEW_NUMBER: Cost =
    Cost { statements: 4, statement_round_trips: 4, postgres_round_trips: 4, ..OF_A_KNOWN_NUMBER };

/// The key is looked up beside the parties, and written with the call.
const OF_A_KNOWN_NUMBER_WITH_A_KEY: Cost =
    Cost { statements: 4, postgres_round_trips: 4, ..OF_A_KNOWN_NUMBER };

/// What a decision needs comes with the parties, what is counted with the booking and with the lock. A
/// script takes the lock, counts the call for its user and for the organization, and stores what it counted.
const UNDER_EVERY_RULE: Cost = Cost { scripted_commands: 11, ..OF_A_KNOWN_NUMBER };

/// The same script takes the slots of trunk and caller number. The calls that have not ended are counted
/// in the statement that reads the parties.
const WITH_EVERY_PACE: Cost = Cost { scripted_commands: 8, ..OF_A_KNOWN_NUMBER };

/// The script also reads the gaps before the last slot of the trunk, and the call renews its lock (`GET`,
/// `PEXPIRE`) before its slot begins.
const WAITING_FOR_ITS_SLOT: Cost =
    Cost { commands: 4, scripted_commands: 11, redis_round_trips: 3, ..WITH_EVERY_PACE };

/// Faster than the calls, so that none waits.
const FAST_TRUNK: &str = "insert into trunks (id, carrier, calls_per_second) values ('trunk-1', 'sinch', 30)";
/// So slow that each call waits for its slot after its booking, but for one that follows a pause.
const SLOW_TRUNK: &str = "insert into trunks (id, carrier, calls_per_second) values ('trunk-1', 'sinch', 1)";

const CALLS: u64 = 10;

/// How often the cost of so many calls is counted. Once in a while a statement meets a connection
/// that has never run it, or one that was idle for long: the pool hands out the connection that was
/// used last, so that no number of calls warms all of them. That only adds to a count, and rarely to
/// two in a row. What each call costs is in all of them.
const ATTEMPTS: u64 = 4;

/// Longer than the gateway takes to send concurrent statements, also on a busy machine.
const RESPONSE_DELAY: Duration = Duration::from_millis(100);

#[rstest]
#[case::of_a_known_number("+141655560", OF_A_KNOWN_NUMBER, None)]
#[case::of_a_new_number("+141655570", OF_A_NEW_NUMBER, None)]
#[case::of_a_known_number_with_a_key("+141655560", OF_A_KNOWN_NUMBER_WITH_A_KEY, Some("key"))]
#[case::under_every_rule("+141655560", UNDER_EVERY_RULE, None)]
#[case::with_every_pace("+141655560", WITH_EVERY_PACE, None)]
#[case::waiting_for_its_slot("+141655560", WAITING_FOR_ITS_SLOT, None)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_costs_exactly_this(#[case] numbers: &str, #[case] cost: Cost, #[case] key: Option<&str>) {
    let world = World::new(PostgresAndRedis).await;
    assert_a_call_costs(world, numbers, cost, key).await;
}

/// The place in the trace is written with the booking, and what the metrics count is counted in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_measured_and_traced_costs_no_more() {
    let collector = Collector::start().await;
    let world = World::new(PostgresAndRedis).await;
    let world = world.with_metrics().with("OUTDIAL_METRICS_LEDGER_EVERY_SECS", "300");
    let world = world.with("OUTDIAL_OTLP_ENDPOINT", collector.url());
    assert_a_call_costs(world, "+141655560", OF_A_KNOWN_NUMBER, None).await;
    assert!(!collector.spans_named("book").await.is_empty());
}

async fn assert_a_call_costs(world: World, numbers: &str, cost: Cost, key: Option<&str>) {
    let redis = RedisServer::start().await;
    let known = (0..ATTEMPTS * CALLS).map(|n| {
        let number = format!("+141655560{n:02}");
        format!("{}\n", json!({ "kind": "contact", "organizationId": "o1", "phoneNumber": number }))
    });
    let mut records = known.collect::<String>();
    if cost == UNDER_EVERY_RULE {
        records += &every_rule().to_string();
    }
    let (succeeded, errors) = world.import(&records).await;
    assert!(succeeded, "{errors}");
    let meter = Meter::start(&world, &redis).await;
    // Background work is not part of the cost of a call: no webhooks arrive, nothing is reconciled,
    // and after the start nothing is published. The pools close a connection after minutes at the earliest, so no
    // call replaces one. On a busy machine, the concurrent calls at the start may be slow.
    let world = world
        .with_database_at(meter.postgres.address())
        .with("OUTDIAL_REDIS_URL", format!("redis://{}/0", meter.redis.address()))
        .with("OUTDIAL_ELEVENLABS_BASE_URL", format!("http://{}", meter.provider.address()))
        .with("OUTDIAL_DATABASE_MAX_CONNECTIONS", "4")
        .with("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", "30000")
        .without("OUTDIAL_ELEVENLABS_WEBHOOK_SECRETS")
        .without("OUTDIAL_ELEVENLABS_TOOL_SECRET")
        .with("OUTDIAL_RECONCILE_EVERY_SECS", "3600")
        .with("OUTDIAL_PUBLISH_EVERY_MS", "3600000")
        .with("OUTDIAL_PUBLISH_PAUSE_MS", "3600000")
        .with("OUTDIAL_CREDENTIALS_REFRESH_SECS", "3600");
    let trunk = match cost {
        WITH_EVERY_PACE => Some(FAST_TRUNK),
        WAITING_FOR_ITS_SLOT => Some(SLOW_TRUNK),
        _ => None,
    };
    let world = match trunk.is_some() {
        true => world
            .with("OUTDIAL_NUMBER_CALLS_PER_MINUTE", "60000")
            .with("OUTDIAL_MAX_CALLS_OF_ONE_ORGANIZATION", "100000")
            .with("OUTDIAL_MAX_CALLS_OVER_ONE_TRUNK", "100000"),
        false => world,
    };
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let client = &gateway.client;
    // These calls open every connection and prepare the statements on each of them.
    for round in 0..10 {
        let numbers = (0..12).map(|n| format!("+1416555{:04}", 5000 + 12 * round + n));
        let calls: Vec<PendingCall> = numbers.map(|number| start(client, key, &number)).collect();
        for response in join_all(calls.into_iter().map(PendingCall::response)).await {
            assert!(response.is_new_call(), "{}", response.body);
        }
    }

    if let Some(trunk) = trunk {
        world.execute(trunk, trunk).await;
    }
    meter.postgres.delay_responses_by(RESPONSE_DELAY);
    meter.redis.delay_responses_by(RESPONSE_DELAY);
    let mut before = meter.read_when_at_rest(&world).await;
    // The lease of a worker is tried every 10 s. Slow calls are counted between two tries.
    let is_slow = cost == WAITING_FOR_ITS_SLOT;
    let calls = if is_slow { CALLS / 2 } else { CALLS };
    let mut allowed = vec![cost.times(calls)];
    if is_slow {
        allowed.push(cost.times(calls - 1).and(WITH_EVERY_PACE));
    }
    let mut spent: Vec<Cost> = Vec::new();
    for attempt in 0..ATTEMPTS {
        for n in attempt * calls..(attempt + 1) * calls {
            let call = start(client, key, &format!("{numbers}{n:02}"));
            assert!(call.response().await.is_new_call());
        }
        let after = meter.read_when_at_rest(&world).await;
        spent.push(after.since(before));
        if spent.iter().any(|cost| allowed.contains(cost)) {
            break;
        }
        before = after;
    }
    let is_exact = spent.iter().any(|cost| allowed.contains(cost));
    assert!(is_exact, "allowed for {calls} calls: {allowed:?}, spent: {spent:#?}");
    gateway.stop().await;
}

/// Requests a call, with a key that begins like this one.
fn start(client: &Client, key: Option<&str>, number: &str) -> PendingCall {
    let body = json!({ "phoneNumber": number, "callReason": "Follow up" });
    match key {
        Some(key) => client.start_placing_with_key(&format!("{key}{number}"), &body),
        None => client.start_placing(&body),
    }
}

/// A policy that asks every group of rules, and refuses none of the calls.
fn every_rule() -> Value {
    let groups = ["countries", "suppressions", "quietHours", "callingHours", "caps", "consent", "zone"];
    let modes: Map<String, Value> =
        groups.iter().map(|group| ((*group).to_owned(), json!("enforce"))).collect();
    let policy = json!({
        "modes": modes,
        "allowedCountries": ["CA"],
        "openHours": { "from": "00:00", "until": "24:00" },
        "caps": [{ "attempts": 3, "withinSecs": 86400 }],
        "coolDownAfterConversationSecs": 60,
        "userCallsPerDay": 100_000,
        "organizationCallsPerDay": 100_000,
        "callerNumber": "sticky",
    });
    json!({ "kind": "callingPolicy", "organizationId": "o1", "policy": policy })
}

/// Counts what the gateways of a world send.
struct Meter {
    postgres: WireCounter,
    redis: WireCounter,
    provider: WireCounter,
    redis_statistics: MultiplexedConnection,
}

impl Meter {
    async fn start(world: &World, redis: &RedisServer) -> Self {
        let client = redis::Client::open(redis.url()).expect("the URL is valid");
        Self {
            postgres: WireCounter::of_postgres(world.database_server()).await,
            redis: WireCounter::of_redis(redis.server()).await,
            provider: WireCounter::of_connections(world.simulator.address().to_string()).await,
            redis_statistics: client.get_multiplexed_async_connection().await.expect("Redis is reachable"),
        }
    }

    /// Reads the counters once they have not changed for half a second: work after the response to
    /// the client counts too.
    async fn read_when_at_rest(&self, world: &World) -> Cost {
        let read = || (self.postgres.counts(), self.redis.counts(), self.provider.counts());
        let (mut last, mut unchanged) = (read(), 0);
        eventually("the gateway sends nothing more", async || {
            unchanged = if read() == last { unchanged + 1 } else { 0 };
            last = read();
            unchanged == 25
        })
        .await;
        let (postgres, redis, provider) = last;
        Cost {
            statements: postgres.requests,
            statement_round_trips: postgres.sequential_round_trips,
            prepared: postgres.prepared,
            pings: postgres.pings,
            postgres_round_trips: postgres.round_trips,
            postgres_connections: postgres.connections,
            commands: redis.requests,
            scripted_commands: self.executed_commands().await - redis.requests,
            redis_round_trips: redis.round_trips,
            redis_connections: redis.connections,
            requests: world.simulator.requests().values().sum(),
            provider_connections: provider.connections,
        }
    }

    /// How many commands Redis has executed for the gateway, by its own statistics. It counts the
    /// commands in a script, too.
    async fn executed_commands(&self) -> u64 {
        let mut connection = self.redis_statistics.clone();
        let statistics: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut connection)
            .await
            .expect("Redis responds");
        let counts = statistics.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            (name != "info").then(|| rest.split(',').next()?.parse::<u64>().ok())?
        });
        counts.sum()
    }
}

impl Cost {
    fn times(self, calls: u64) -> Self {
        self.zip(self, |one, _| one * calls)
    }

    fn and(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }

    fn since(self, before: Self) -> Self {
        self.zip(before, |after, before| after - before)
    }

    fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            statements: with(self.statements, other.statements),
            statement_round_trips: with(self.statement_round_trips, other.statement_round_trips),
            prepared: with(self.prepared, other.prepared),
            pings: with(self.pings, other.pings),
            postgres_round_trips: with(self.postgres_round_trips, other.postgres_round_trips),
            postgres_connections: with(self.postgres_connections, other.postgres_connections),
            commands: with(self.commands, other.commands),
            scripted_commands: with(self.scripted_commands, other.scripted_commands),
            redis_round_trips: with(self.redis_round_trips, other.redis_round_trips),
            redis_connections: with(self.redis_connections, other.redis_connections),
            requests: with(self.requests, other.requests),
            provider_connections: with(self.provider_connections, other.provider_connections),
        }
    }
}
