//! `serve` waits for a store that is not reachable yet, and for nothing else.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use testkit::pgbouncer::PgBouncer;
use tokio::net::{TcpListener, TcpStream};

use crate::support::Backing::PostgresAndRedis;
use crate::support::{RedisServer, World};

const OPENS_AFTER: Duration = Duration::from_secs(2);
/// Shorter than the wait for a store, and longer than any other start or end of the process.
const SOON: Duration = Duration::from_secs(20);

fn closed_port() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

/// Forwards the connections to `address`, which is closed until [`OPENS_AFTER`], to `upstream`.
async fn forward_later(address: SocketAddr, upstream: String) {
    tokio::time::sleep(OPENS_AFTER).await;
    let listener = TcpListener::bind(address).await.expect("the port is still free");
    while let Ok((mut client, _)) = listener.accept().await {
        let upstream = upstream.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(upstream).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}

async fn assert_serves_after_a_wait(world: &World, store: &str) {
    let started = Instant::now();
    let process = world.spawn().await;
    assert!(started.elapsed() >= OPENS_AFTER, "it did not wait");
    assert!(process.client.call_number("+14165550110").await.is_new_call());
    let log = process.log();
    let waits: Vec<_> =
        log.lines().filter(|line| line.contains("a store is not reachable at start")).collect();
    assert!(!waits.is_empty() && waits.iter().all(|line| line.contains(store)), "{log}");
    assert!(!log.contains("postgres://") && !log.contains("redis://"), "{log}");
    process.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_waits_for_a_postgres_whose_port_opens_after_2_s() {
    let world = World::new(PostgresAndRedis).await;
    let address = closed_port();
    tokio::spawn(forward_later(address, world.database_server()));
    let world = world.with_database_at(address);
    assert_serves_after_a_wait(&world, "the database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_waits_for_a_redis_that_starts_after_2_s() {
    let mut redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with("OUTDIAL_REDIS_URL", redis.url());
    redis.kill().await;
    let restarting = async {
        tokio::time::sleep(OPENS_AFTER).await;
        redis.restart().await;
    };
    tokio::join!(restarting, assert_serves_after_a_wait(&world, "Redis"));
}

/// Runs `serve`, which must end with a failure; what it printed.
async fn serve_fails(world: &World) -> String {
    let ended = tokio::time::timeout(SOON, world.try_outdial(&["serve"])).await;
    let ended = ended.expect("it ends without a wait");
    let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success(), "{printed}");
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_waits_no_longer_than_the_setting_says_and_does_not_print_the_url() {
    let url = format!("postgres://outdial:hunter2@{}/outdial", closed_port());
    let world = World::unmigrated(PostgresAndRedis)
        .await
        .with("OUTDIAL_DATABASE_URL", url)
        .with("OUTDIAL_START_TIMEOUT_SECS", "3");
    let printed = serve_fails(&world).await;
    assert!(printed.contains("OUTDIAL_START_TIMEOUT_SECS"), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("127.0.0.1"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_does_not_wait_for_what_waiting_cannot_cure() {
    let world = World::new(PostgresAndRedis).await;
    let database = world.database_url().to_owned();
    let world = world.with("OUTDIAL_DATABASE_URL", database.replace("/outdial_e2e", "/missing_outdial_e2e"));
    assert!(serve_fails(&world).await.contains("3D000"), "the database does not exist");
    let redis = RedisServer::start().await;
    let world = world
        .with("OUTDIAL_DATABASE_URL", database)
        .with("OUTDIAL_REDIS_URL", redis.url().replace("://", "://:wrong-password@"));
    let printed = serve_fails(&world).await;
    assert!(printed.contains("credentials") && !printed.contains("wrong-password"), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_the_wait() {
    let url = format!("postgres://outdial@{}/outdial", closed_port());
    let world = World::unmigrated(PostgresAndRedis).await.with("OUTDIAL_DATABASE_URL", url);
    for signal in ["TERM", "INT"] {
        let mut command = world.start_outdial(&["serve"]);
        // Long enough for the first attempt, which takes 2 s.
        tokio::time::sleep(Duration::from_secs(3)).await;
        command.signal(signal).await;
        let signalled = Instant::now();
        assert!(command.ended().await.success(), "{signal}");
        assert!(signalled.elapsed() < SOON, "{signal}");
    }
}

/// A pooler that loses prepared statements would fail every call once two run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_refuses_a_pooler_that_loses_prepared_statements_and_says_what_to_do() {
    let pooler = PgBouncer::start(&PgBouncer::losing_statements("")).await;
    let world = World::new(PostgresAndRedis).await.with_database_at(pooler.address());
    let printed = serve_fails(&world).await;
    assert!(printed.contains("use PgBouncer 1.21 or newer"), "{printed}");
    assert!(printed.contains("max_prepared_statements"), "{printed}");
}
