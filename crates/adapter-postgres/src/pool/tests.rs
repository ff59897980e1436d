use testkit::eventually;

use super::*;
use crate::hosts::Hosts;
use crate::primary::is_primary;

const FOREVER: Duration = Duration::from_secs(3600);

fn pool(max_connections: u32, lifetimes: Lifetimes) -> Connections {
    let settings =
        PostgresSettings { max_connections, ..PostgresSettings::new(testkit::services::postgres_url()) };
    let hosts = Hosts::parse(&settings.url).expect("a URL");
    Connections::new(&settings, lifetimes, Sessions::new(hosts, false), LastLoss::default())
}

async fn borrow(pool: &Connections) -> Borrowed {
    pool.borrow().await.expect("the server responds")
}

async fn process_id(borrowed: &mut Borrowed) -> i32 {
    let id = sqlx::query_scalar("select pg_backend_pid()").fetch_one(borrowed.connection()).await;
    id.expect("the server responds")
}

fn open(pool: &Connections) -> usize {
    pool.pool.status().size
}

#[tokio::test]
async fn connections_that_are_not_needed_are_closed() {
    let looks = Lifetimes { look_every: Duration::from_millis(20), idle: FOREVER, age: FOREVER };
    for lifetimes in [
        Lifetimes { idle: Duration::from_millis(50), ..looks },
        Lifetimes { age: Duration::from_millis(500), ..looks },
    ] {
        let pool = pool(3, lifetimes);
        let borrowed = [borrow(&pool).await, borrow(&pool).await, borrow(&pool).await];
        assert_eq!(open(&pool), 3);
        borrowed.into_iter().for_each(Borrowed::give_back);
        eventually("the idle connections are closed", async || open(&pool) == 0).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_too_old_does_not_return() {
    let pool = pool(1, Lifetimes { age: Duration::ZERO, ..Lifetimes::default() });
    borrow(&pool).await.give_back();
    assert_eq!(open(&pool), 0);
    borrow(&pool).await.give_back();
}

/// It needs no try, and the others become idle.
#[tokio::test]
async fn the_connection_that_was_used_last_is_used_next() {
    let pool = pool(2, Lifetimes::default());
    let (mut one, mut other) = (borrow(&pool).await, borrow(&pool).await);
    let last = process_id(&mut one).await;
    assert_ne!(process_id(&mut other).await, last);
    other.give_back();
    one.give_back();
    for _ in 0..3 {
        let mut next = borrow(&pool).await;
        assert_eq!(process_id(&mut next).await, last);
        next.give_back();
    }
}

#[tokio::test]
async fn a_connection_that_is_not_given_back_is_closed_and_frees_its_place() {
    let pool = pool(1, Lifetimes::default());
    let mut dropped = borrow(&pool).await;
    let id = process_id(&mut dropped).await;
    drop(dropped);
    assert_eq!(open(&pool), 0);
    let mut next = borrow(&pool).await;
    assert_ne!(process_id(&mut next).await, id);
}

/// A rollback that is only queued would leave the transaction open on the server.
#[tokio::test]
async fn a_connection_with_a_queued_rollback_does_not_return() {
    let pool = pool(1, Lifetimes::default());
    let mut borrowed = borrow(&pool).await;
    let transaction = borrowed.connection().begin().await.expect("the server responds");
    drop(transaction);
    borrowed.give_back();
    assert_eq!(open(&pool), 0);
}

/// Writes may all wait for one lock.
#[tokio::test]
async fn reads_find_a_connection_while_all_writes_wait() {
    let pool = pool(10, Lifetimes::default());
    let mut writing = Vec::new();
    for _ in 0..8 {
        writing.push(pool.borrow_to_write().await.expect("eight may write"));
    }
    assert!(poll_once(std::pin::pin!(pool.borrow_to_write())).await.is_none(), "a ninth has to wait");
    let reading = [borrow(&pool).await, borrow(&pool).await];
    drop(writing);
    assert!(pool.borrow_to_write().await.is_ok(), "the places of the others are free");
    drop(reading);
}

#[tokio::test]
async fn an_only_connection_is_lent_to_write() {
    let pool = pool(1, Lifetimes::default());
    assert!(pool.borrow_to_write().await.is_ok());
}

#[tokio::test]
async fn closing_waits_for_the_borrowers_and_refuses_new_ones() {
    let pool = pool(2, Lifetimes::default());
    let (mut in_use, idle) = (borrow(&pool).await, borrow(&pool).await);
    idle.give_back();
    {
        let mut closing = std::pin::pin!(pool.close());
        assert!(poll_once(closing.as_mut()).await.is_none(), "a connection is in use");
        assert_eq!(open(&pool), 1, "the idle connection is closed");
        assert!(matches!(pool.borrow().await.map(drop), Err(sqlx::Error::PoolClosed)));
        assert!(is_primary(in_use.connection()).await.is_ok_and(|primary| primary), "it is usable");
        in_use.give_back();
        closing.await;
    }
    assert_eq!(open(&pool), 0);
}

/// Polls a future once.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
