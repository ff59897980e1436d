//! A store that is slow before the dial: the response is in time, nothing is dialled, and the next
//! request finds the intent free.

use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::Connection as _;
use testkit::eventually;

use crate::support::Backing::{PostgresAndRedis, Sqlite};
use crate::support::{Client, World};

/// More than the pool has connections.
const REQUESTS: u32 = 20;
/// The default of `OUTDIAL_BEFORE_DIAL_TIMEOUT_MS`, and as much again for a busy machine. Without a
/// deadline the time limits of the statements would add up to more.
const IN_TIME: Duration = Duration::from_secs(2 + 2);

/// Until the last response, other requests that need the store are served.
async fn assert_refused_in_time(world: &World, client: &Client) {
    let requests = (0..REQUESTS).map(|n| async move {
        let started = Instant::now();
        let response = client.call_number(&number(n)).await;
        (response, started.elapsed())
    });
    let mut refusing = pin!(join_all(requests));
    let mut served = 0;
    let responses = loop {
        tokio::select! {
            responses = &mut refusing => break responses,
            history = client.get("/api/calls/history") => {
                assert_eq!(history.status.as_u16(), 200, "{}", history.body);
                served += 1;
            }
        }
    };
    assert!(served >= REQUESTS, "{served} were served while {REQUESTS} waited");
    for (response, took) in responses {
        response.assert_error(500, "SERVICE_UNAVAILABLE");
        assert!(took < IN_TIME, "a response took {took:?}");
    }
    assert!(world.simulator.dials().is_empty());
}

/// The intents are free as soon as the gateway has given back what it took.
async fn assert_are_placed_soon(client: &Client) {
    for n in 0..REQUESTS {
        eventually("the intent is free", async || client.call_number(&number(n)).await.is_new_call()).await;
    }
}

fn number(n: u32) -> String {
    format!("+1416555{:04}", 2000 + n)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_of_reservations_delays_a_response_by_no_more_than_the_deadline() {
    let world = World::new(PostgresAndRedis).await;
    let gateway = world.start().await;
    let mut other = sqlx::PgConnection::connect(world.database_url()).await.expect("Postgres");
    let mut locking = other.begin().await.expect("a transaction");
    sqlx::query("lock table dial_guards in access exclusive mode")
        .execute(&mut *locking)
        .await
        .expect("the table is locked");
    assert_refused_in_time(&world, &gateway.client).await;
    locking.rollback().await.expect("the table is unlocked");
    assert_are_placed_soon(&gateway.client).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_sqlite_file_delays_a_response_by_no_more_than_the_deadline() {
    let world = World::new(Sqlite).await;
    let gateway = world.start().await;
    let url = world.database_url().to_owned();
    let mut other = sqlx::SqliteConnection::connect(&url).await.expect("the file");
    sqlx::query("begin immediate").execute(&mut other).await.expect("the file is locked");
    assert_refused_in_time(&world, &gateway.client).await;
    sqlx::query("rollback").execute(&mut other).await.expect("the file is unlocked");
    assert_are_placed_soon(&gateway.client).await;
    gateway.stop().await;
}
