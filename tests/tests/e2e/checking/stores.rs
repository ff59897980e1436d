//! Faults of the stores.

use std::net::{Ipv4Addr, TcpListener};

use rstest::rstest;

use super::{Checked, Deployment};
use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::RedisServer;

const LAST_MIGRATION: &str =
    "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_and_a_newer_schema_are_named(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let Deployment { world, redis: _redis } = Deployment::healthy(backing).await;
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         select 9999, 'of a newer release', success, checksum, 0 from _sqlx_migrations where version = 1";
    world.execute(newer, newer).await;
    let checked = Checked::of(&world).await;
    // A newer release works beside this one in Postgres, and does not share its file.
    let state = if backing == Sqlite { "failed" } else { "warning" };
    checked.assert("schema", "", state, "install the release that migrated it");
    assert!(checked.find("schema", "")["found"].as_str().is_some_and(|found| found.contains("9999")));
    assert_eq!(checked.faults(), vec!["schema"]);

    world
        .execute(
            "delete from _sqlx_migrations where version = 9999",
            "delete from _sqlx_migrations where version = 9999",
        )
        .await;
    world.execute(LAST_MIGRATION, LAST_MIGRATION).await;
    let checked = Checked::of(&world).await;
    // `serve` migrates its file itself.
    let state = if backing == Sqlite { "warning" } else { "failed" };
    checked.assert("schema", "", state, "run `outdial migrate`");
    assert_eq!(checked.faults(), vec!["schema"]);
    for id in ["database-writable", "directory", "agents", "numbers", "users", "rules"] {
        checked.assert(id, "", "skipped", "correct `schema`");
    }
    for id in ["database", "provider-key", "trunk", "webhook"] {
        checked.assert(id, "", "ok", "");
    }
}

/// Postgres accepts no writes, for example after its disk became full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_postgres_is_not_the_primary() {
    let Deployment { world, redis: _redis } = Deployment::healthy(PostgresAndRedis).await;
    world.change_postgres("alter database {database} set default_transaction_read_only = on").await;
    let checked = Checked::of(&world).await;
    checked.assert("database-primary", "", "failed", "default_transaction_read_only");
    checked.assert("database-writable", "", "skipped", "correct `database-primary`");
    checked.assert("schema", "", "ok", "");
    checked.assert("redis", "", "ok", "");
    assert_eq!(checked.faults(), vec!["database-primary"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_refuses_a_write_is_named() {
    let Deployment { world, redis: _redis } = Deployment::healthy(PostgresAndRedis).await;
    world.change_postgres("alter table job_leases add constraint closed check (false) not valid").await;
    let checked = Checked::of(&world).await;
    checked.assert("database-writable", "", "failed", "grant the role");
    assert_eq!(checked.faults(), vec!["database-writable"]);
}

/// One closed port, one that never answers: the checks behind them are skipped, and all others run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_answer_hides_no_other_check() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let silent = silent_address(&silent);
    let Deployment { world, redis } = Deployment::healthy(PostgresAndRedis).await;
    let world = world.with_database_at(silent);
    let checked = Checked::of(&world).await;
    checked.assert("database", "", "failed", "OUTDIAL_DATABASE_URL");
    for id in [
        "database-primary",
        "database-durable",
        "schema",
        "database-writable",
        "directory",
        "agents",
        "rules",
    ] {
        checked.assert(id, "", "skipped", "correct `database`");
    }
    checked.assert("clocks", "postgres", "skipped", "correct `database`");
    for id in ["redis", "redis-eviction", "provider-key", "trunk", "webhook", "webhook-secret"] {
        checked.assert(id, "", "ok", "");
    }
    assert_eq!(checked.faults(), vec!["database"]);

    redis.expect("it has a Redis").kill().await;
    let checked = Checked::of(&world).await;
    checked.assert("redis", "", "failed", "OUTDIAL_REDIS_URL");
    checked.assert("redis-persistence", "", "skipped", "correct `redis`");
    checked.assert("clocks", "redis", "skipped", "correct `redis`");
    assert_eq!(checked.faults(), vec!["database", "redis"]);
}

/// The listener stays open, and nothing accepts its connections.
fn silent_address(listener: &TcpListener) -> std::net::SocketAddr {
    let kept = listener.try_clone().expect("it can be cloned");
    std::mem::forget(kept);
    listener.local_addr().expect("it is bound")
}

#[rstest]
#[case(&["--maxmemory-policy", "allkeys-lru"], "redis-eviction", "failed", "noeviction")]
#[case(&[], "redis-persistence", "warning", "appendonly")]
#[case(&["--appendonly", "yes", "--appendfsync", "no"], "redis-persistence", "warning", "appendfsync")]
#[case(&["--appendonly", "yes", "--rename-command", "CONFIG", ""], "redis-persistence", "warning", "CONFIG GET")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_may_lose_locks_is_named(
    #[case] options: &'static [&'static str],
    #[case] id: &str,
    #[case] state: &str,
    #[case] remedy: &str,
) {
    let redis = RedisServer::start_with(options).await;
    let deployment = Deployment::healthy(PostgresAndRedis).await.with("OUTDIAL_REDIS_URL", redis.url());
    let checked = Checked::of(&deployment.world).await;
    checked.assert(id, "", state, remedy);
    checked.assert("redis", "", "ok", "");
    if id == "redis-persistence" {
        checked.assert("redis-eviction", "", "ok", "");
    }
}

/// A server that is down beside the primary is a risk and no outage. So is a replica for lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_of_a_url_and_the_replica_have_a_line() {
    let Deployment { world, redis: _redis } = Deployment::healthy(PostgresAndRedis).await;
    let url = world.database_url().to_owned();
    let (credentials, rest) = url.rsplit_once('@').expect("the URL has a user");
    let (server, database) = rest.split_once('/').expect("the URL names a database");
    let several = format!("{credentials}@{server},127.0.0.1:1/{database}");
    let world = world.with("OUTDIAL_DATABASE_URL", several).with("OUTDIAL_HISTORY_DATABASE_URL", &url);
    let checked = Checked::of(&world).await;
    checked.assert("database", "", "ok", "");
    checked.assert("database-server", server, "ok", "");
    checked.assert("database-server", "127.0.0.1:1", "warning", "OUTDIAL_DATABASE_URL");
    checked.assert("history-database", "", "ok", "");
    assert_eq!(checked.faults(), vec!["database-server"]);

    let silent = format!("{credentials}@127.0.0.1:1/{database}");
    let world = world.with("OUTDIAL_DATABASE_URL", &url).with("OUTDIAL_HISTORY_DATABASE_URL", silent);
    let checked = Checked::of(&world).await;
    checked.assert("history-database", "", "warning", "OUTDIAL_HISTORY_DATABASE_URL");
    assert_eq!(checked.faults(), vec!["history-database"]);
}
