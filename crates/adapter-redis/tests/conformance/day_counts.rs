//! The counts of the calls of a day: what they cost, and what happens to them when a reply, memory or
//! the data of the server is lost.

use std::{slice, time::Duration};

use deadpool_redis::redis;
use domain::{
    Interval, RefusalCode,
    ports::{DayLimit, DayScope, HoldResult, IdempotencyLock as _, LockRequest, Ownership, PortUnavailable},
};
use testkit::{fault_proxy::Fault, fixtures};

use crate::{
    cost::{expected, take_counts},
    harness::{HOLD, StoreHarness},
    own_server::{OwnServer, run},
};

const DAY: Duration = Duration::from_hours(24);

/// A limit of a new user. It brings no count.
fn limit(limit: u32) -> DayLimit {
    let from = fixtures::moment();
    let day = Interval { from, until: from.after(DAY) };
    let scope = DayScope::User(fixtures::user_id());
    DayLimit { scope, day, revision: 3, limit, counted: None, keep_for: DAY }
}

fn beginning_with(counted: u32, limit: &DayLimit) -> DayLimit {
    DayLimit { counted: Some(counted), ..limit.clone() }
}

async fn acquire(
    store: &adapter_redis::RedisStore,
    limits: &[DayLimit],
) -> Result<HoldResult, PortUnavailable> {
    let (key, token) = (fixtures::key(), fixtures::token());
    store.acquire(&LockRequest { limits, ..LockRequest::new(&key, &token, HOLD) }).await
}

#[tokio::test]
async fn limits_cost_no_round_trip() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let limits = [beginning_with(0, &limit(9)), beginning_with(0, &limit(9))];
    let (key, token) = (fixtures::key(), fixtures::token());
    take_counts(&mut direct).await;

    let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, HOLD) };
    assert_eq!(store.acquire(&request).await, Ok(HoldResult::Granted));
    // Redis also counts the commands in a script. It does not show how often `INFO` was called.
    let in_script = [("eval", 1), ("get", 1), ("hmget", 2), ("set", 2), ("hset", 2), ("pexpire", 2)];
    assert_eq!(take_counts(&mut direct).await, expected(in_script));

    assert_eq!(store.release(&key, &token, &limits).await, Ok(Ownership::Held));
    let in_script = [("eval", 1), ("get", 2), ("del", 2), ("hmget", 2), ("hincrby", 2)];
    assert_eq!(take_counts(&mut direct).await, expected(in_script));
}

#[tokio::test]
async fn a_request_whose_reply_was_lost_is_counted_once() {
    let harness = StoreHarness::new().await;
    let limits = [beginning_with(0, &limit(2))];
    harness.store.ping().await.expect("the store is available");
    harness.proxy.set_once(Fault::CutAnswer(0));
    assert_eq!(acquire(&harness.store, &limits).await, Ok(HoldResult::Granted));
    assert_eq!(acquire(&harness.store, &limits).await, Ok(HoldResult::Granted));
    let refused = Ok(HoldResult::Refused(RefusalCode::UserCallLimit));
    assert_eq!(acquire(&harness.store, &limits).await, refused);
}

#[tokio::test]
async fn a_full_server_counts_nothing_and_still_gives_back() {
    let server = OwnServer::start().await;
    let (store, mut direct) = (server.store(), server.direct().await);
    let limits = [beginning_with(0, &limit(2))];
    let (key, token) = (fixtures::key(), fixtures::token());
    let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, HOLD) };
    assert_eq!(store.acquire(&request).await, Ok(HoldResult::Granted));

    run(&mut direct, "CONFIG SET maxmemory 1").await;
    let error = acquire(&store, &limits).await.expect_err("the server is full");
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(store.release(&key, &token, &limits).await, Ok(Ownership::Held));

    run(&mut direct, "CONFIG SET maxmemory 0").await;
    for _ in 0..2 {
        assert_eq!(acquire(&store, &limits).await, Ok(HoldResult::Granted));
    }
    let refused = Ok(HoldResult::Refused(RefusalCode::UserCallLimit));
    assert_eq!(acquire(&store, &limits).await, refused);
}

/// A snapshot lacks what was counted after it. So does a replica that is promoted.
#[tokio::test]
async fn a_count_from_before_a_restart_is_asked_for_again() {
    let mut server = OwnServer::start().await;
    let store = server.store();
    let limit = limit(9);
    assert_eq!(acquire(&store, &[beginning_with(3, &limit)]).await, Ok(HoldResult::Granted));
    assert_eq!(acquire(&store, slice::from_ref(&limit)).await, Ok(HoldResult::Granted), "it is counted");
    run(&mut server.direct().await, "SAVE").await;
    server.kill();
    server.restart().await;
    let keys: i64 =
        redis::cmd("DBSIZE").query_async(&mut server.direct().await).await.expect("DBSIZE succeeds");
    assert_eq!(keys, 5, "the server has the count, and two locks with their records");

    let uncounted = Ok(HoldResult::Uncounted(vec![limit.scope.clone()]));
    assert_eq!(acquire(&store, slice::from_ref(&limit)).await, uncounted);
    assert_eq!(acquire(&store, &[beginning_with(8, &limit)]).await, Ok(HoldResult::Granted));
    let refused = Ok(HoldResult::Refused(RefusalCode::UserCallLimit));
    assert_eq!(acquire(&store, &[limit]).await, refused);
}

/// The count of the new run came from the ledger, which did not have this request when it was read.
#[tokio::test]
async fn a_release_after_a_restart_changes_no_count_of_the_new_run() {
    let mut server = OwnServer::start().await;
    let store = server.store();
    let limit = limit(2);
    let (key, token) = (fixtures::key(), fixtures::token());
    let limits = [beginning_with(0, &limit)];
    let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, HOLD) };
    assert_eq!(store.acquire(&request).await, Ok(HoldResult::Granted));
    run(&mut server.direct().await, "SAVE").await;
    server.kill();
    server.restart().await;

    assert_eq!(acquire(&store, &[beginning_with(1, &limit)]).await, Ok(HoldResult::Granted));
    assert_eq!(store.release(&key, &token, &limits).await, Ok(Ownership::Held));
    let refused = Ok(HoldResult::Refused(RefusalCode::UserCallLimit));
    assert_eq!(acquire(&store, &[limit]).await, refused);
}

/// Some hosts of Redis forbid `INFO`. Their counts are trusted.
#[tokio::test]
async fn a_server_that_forbids_info_counts() {
    let server = OwnServer::start().await;
    run(&mut server.direct().await, "ACL SETUSER managed on >hunter2 ~* +@all -info").await;
    let managed = server.store_at(format!("redis://managed:hunter2@{}", server.address()));
    let limit = limit(1);
    let (key, token) = (fixtures::key(), fixtures::token());
    let limits = [beginning_with(0, &limit)];
    let request = LockRequest { limits: &limits, ..LockRequest::new(&key, &token, HOLD) };
    assert_eq!(managed.acquire(&request).await, Ok(HoldResult::Granted));
    assert_eq!(managed.release(&key, &token, &limits).await, Ok(Ownership::Held));
    assert_eq!(acquire(&managed, slice::from_ref(&limit)).await, Ok(HoldResult::Granted), "it is given back");
    let refused = Ok(HoldResult::Refused(RefusalCode::UserCallLimit));
    assert_eq!(acquire(&managed, &[limit]).await, refused);
}
