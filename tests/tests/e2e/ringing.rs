//! A phone that rings for longer than the lock lives: 45 s against 30, scaled down to 5 s against 1.5.

use std::time::Duration;

use simulator::Behaviour;

use crate::on_both_backings;
use crate::support::{Answer, Backing, Client, RedisServer, World};

const NUMBER: &str = "+14165550181";
const RING_MS: u64 = 5000;

/// Asks for the same call again and again until the first has its answer.
async fn duplicates_until(client: &Client, first: &tokio::task::JoinHandle<Answer>) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !first.is_finished() {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let answer = client.call_number(NUMBER).await;
        if !first.is_finished() {
            answers.push(answer);
        }
    }
    answers
}

fn placing(client: &Client) -> tokio::task::JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.call_number(NUMBER).await })
}

async fn first_dial(world: &World) {
    while world.simulator.dials_to(NUMBER) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

on_both_backings! {
    async fn a_ring_that_outlasts_the_lock_is_one_dial(world: World) {
        let world = world.with_a_short_lock();
        world.script(Behaviour::Answer { after_ms: RING_MS });
        let gateway = world.start().await;
        let first = placing(&gateway.client);
        first_dial(&world).await;
        let duplicates = duplicates_until(&gateway.client, &first).await;
        assert!(duplicates.len() > 10, "there were duplicates all along");
        for answer in &duplicates {
            assert!(answer.is_in_flight(), "{}", answer.body);
            // 1.5 s at most, in whole seconds.
            assert!((1..=2).contains(&answer.retry_after()), "{}", answer.retry_after());
        }
        let waits: Vec<u64> = duplicates.iter().map(Answer::retry_after).collect();
        assert!(waits.contains(&2), "it is renewed: {waits:?}");
        let first = first.await.expect("no panic");
        assert!(first.is_placed_anew(), "{}", first.body);
        assert!(gateway.client.call_number(NUMBER).await.is_duplicate(), "the result is held for the lock's time from now");
        assert_eq!(world.simulator.dials_to(NUMBER), 1);

        tokio::time::sleep(Duration::from_millis(1700)).await;
        world.script(Behaviour::Answer { after_ms: 10 });
        assert!(gateway.client.call_number(NUMBER).await.is_placed_anew(), "after its time the intent is free again");
        gateway.stop().await;
    }
}

/// The lock is gone with all of Redis; the guard in Postgres stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_restarted_empty_during_the_ring_is_one_dial() {
    let mut world = World::new(Backing::Services).await.with_a_short_lock();
    let mut redis = RedisServer::start().await;
    world.set("OUTDIAL_REDIS_URL", redis.url());
    world.script(Behaviour::Answer { after_ms: RING_MS });
    let gateway = world.start().await;
    let first = placing(&gateway.client);
    first_dial(&world).await;

    redis.kill().await;
    gateway.client.call_number(NUMBER).await.assert(500, "SERVICE_UNAVAILABLE");
    redis.restart().await;

    // The first answers after the restart may still find a broken connection; none of them dials.
    let duplicates = duplicates_until(&gateway.client, &first).await;
    let last = duplicates.last().expect("there was time for duplicates");
    assert!(last.is_in_flight(), "the gateway recovers by itself: {}", last.body);
    assert!(duplicates.iter().all(|answer| answer.is_in_flight() || answer.code() == "SERVICE_UNAVAILABLE"));
    assert!(first.await.expect("no panic").is_placed_anew());
    assert!(gateway.client.call_number(NUMBER).await.is_duplicate(), "answered from the books");
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
    gateway.stop().await;
}
