//! A phone that rings for longer than the lock lives. The tests scale the defaults down: 45 s of
//! ringing and a lock of 30 s become 5 s and 1.5 s.

use std::time::Duration;

use rstest::rstest;
use simulator::Behaviour;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, PendingCall, RedisServer, Response, World};

const NUMBER: &str = "+14165550181";
const RINGING: Behaviour = Behaviour::Answer { after_ms: 5000 };

/// Repeats the request until the first one has its response, or a repetition gets its result because
/// the response is still on its way. Returns the earlier responses.
async fn repeat_until_finished(client: &Client, first: &PendingCall) -> Vec<Response> {
    let mut responses = Vec::new();
    while !first.is_finished() {
        sleep(Duration::from_millis(150)).await;
        let response = client.call_number(NUMBER).await;
        if first.is_finished() || response.is_duplicate() {
            break;
        }
        responses.push(response);
    }
    responses
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_that_outlasts_the_lock_is_one_dial(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_lock();
    world.script(RINGING);
    let gateway = world.start().await;
    let first = gateway.client.start_calling(NUMBER);
    world.wait_for_dial_to(NUMBER).await;
    let repeated = repeat_until_finished(&gateway.client, &first).await;
    assert!(repeated.len() > 10, "requests were repeated during the whole ring: {}", repeated.len());
    for response in &repeated {
        assert!(response.is_in_flight(), "{}", response.body);
        // The lock's remaining time is at most 1.5 s, and is rounded up.
        assert!((1..=2).contains(&response.retry_after()), "{}", response.retry_after());
    }
    let waits: Vec<u64> = repeated.iter().map(Response::retry_after).collect();
    assert!(waits.contains(&2), "the lock is renewed: {waits:?}");
    let first = first.response().await;
    assert!(first.is_new_call(), "{}", first.body);
    let again = gateway.client.call_number(NUMBER).await;
    assert!(again.is_duplicate(), "the result is held for the lock's lifetime: {}", again.body);
    assert_eq!(world.simulator.dials_to(NUMBER), 1);

    sleep(Duration::from_millis(1700)).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let later = gateway.client.call_number(NUMBER).await;
    assert!(later.is_new_call(), "the intent is free after the lock's lifetime: {}", later.body);
    gateway.stop().await;
}

/// The restart loses the lock. The reservation in Postgres still holds the intent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_restarted_empty_during_the_ring_is_one_dial() {
    let mut redis = RedisServer::start().await;
    let world = World::new(PostgresAndRedis).await.with_short_lock().with("OUTDIAL_REDIS_URL", redis.url());
    world.script(RINGING);
    let gateway = world.start().await;
    let first = gateway.client.start_calling(NUMBER);
    world.wait_for_dial_to(NUMBER).await;

    redis.kill().await;
    gateway.client.call_number(NUMBER).await.assert_error(500, "SERVICE_UNAVAILABLE");
    redis.restart().await;

    // The first requests after the restart may still use a broken connection. They do not dial.
    let repeated = repeat_until_finished(&gateway.client, &first).await;
    for response in &repeated {
        assert!(response.is_in_flight() || response.code() == "SERVICE_UNAVAILABLE", "{}", response.body);
    }
    let last = repeated.last().expect("the phone still rings after the restart");
    assert!(last.is_in_flight(), "the gateway reconnects without a restart: {}", last.body);
    let first = first.response().await;
    assert!(first.is_new_call(), "{}", first.body);
    let again = gateway.client.call_number(NUMBER).await;
    assert!(again.is_duplicate(), "the ledger has the result: {}", again.body);
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
    gateway.stop().await;
}
