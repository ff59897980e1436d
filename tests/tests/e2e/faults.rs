//! Stores that go away: fail closed, dial nobody, and recover without a restart.

use std::time::Duration;

use serde_json::json;
use simulator::Behaviour;

use crate::support::{Backing, Client, Proxy, RedisServer, World, database_behind};

/// Asks until a call is placed anew; a broken connection or two may be found on the way.
async fn recovers(client: &Client, number: &str) -> bool {
    for _ in 0..30 {
        let answer = client.call_number(number).await;
        if answer.is_placed_anew() {
            return true;
        }
        assert!(answer.code() == "SERVICE_UNAVAILABLE" || answer.is_in_flight(), "{}", answer.body);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nothing_is_dialled_and_with_it_everything_is() {
    let mut world = World::new(Backing::Services).await;
    let mut redis = RedisServer::start().await;
    world.set("OUTDIAL_REDIS_URL", redis.url());
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    assert!(gateway.client.call_number("+14165550170").await.is_placed_anew());
    redis.kill().await;
    let down = gateway.client.call_number("+14165550171").await;
    down.assert(500, "SERVICE_UNAVAILABLE");
    assert!(down.retry_after() >= 1);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(gateway.client.get("/readyz").await.expect("an answer").status, 503);
    assert_eq!(world.simulator.dials().len(), 1);
    redis.restart().await;
    assert!(recovers(&gateway.client, "+14165550171").await);
    assert_eq!(world.simulator.dials().len(), 2);
    let again = gateway.client.call_number("+14165550170").await;
    assert!(again.is_duplicate(), "the lock is lost, and the books answer: {}", again.body);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_nothing_is_locked_or_dialled_and_a_call_that_rings_stays_real() {
    let mut world = World::new(Backing::Services).await;
    let (server, url) = database_behind(world.setting("OUTDIAL_DATABASE_URL"));
    let proxy = Proxy::before(server).await;
    world.set("OUTDIAL_DATABASE_URL", url(proxy.address()));
    world.script(Behaviour::Answer { after_ms: 1200 });
    let gateway = world.start().await;
    let client = gateway.client.clone();
    let ringing = tokio::spawn(async move { client.call_number("+14165550172").await });
    while world.simulator.dials().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    proxy.cut();
    gateway.client.call_number("+14165550173").await.assert(500, "SERVICE_UNAVAILABLE");
    let placed = ringing.await.expect("no panic");
    assert!(placed.is_placed_anew(), "the books are away, the call is real: {}", placed.body);
    proxy.mend();
    assert!(recovers(&gateway.client, "+14165550173").await);
    assert!(gateway.client.call_number("+14165550172").await.is_duplicate(), "the lock still has its result");
    assert_eq!(world.simulator.dials().len(), 2);
    gateway.stop().await;
}

/// A phone that rings holds no connection: with two of them and fifty phones ringing, others are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_held_while_the_phone_rings() {
    let mut world = World::new(Backing::Services).await;
    world.set("OUTDIAL_DATABASE_MAX_CONNECTIONS", "2");
    world.set("OUTDIAL_REDIS_MAX_CONNECTIONS", "1");
    world.script(Behaviour::Answer { after_ms: 4000 });
    let gateway = world.start().await;
    let ringing: Vec<_> = (0..50)
        .map(|n| {
            let client = gateway.client.clone();
            tokio::spawn(async move { client.call_number(&format!("+1416555{:04}", 4000 + n)).await })
        })
        .collect();
    while world.simulator.dials().len() < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(ringing.iter().all(|call| !call.is_finished()), "all of them ring");
    assert_eq!(gateway.client.get("/readyz").await.expect("an answer").status, 200);
    gateway.client.place(json!({ "contactId": "nobody" })).await.assert(404, "CONTACT_NOT_FOUND");
    assert!(ringing.iter().all(|call| !call.is_finished()), "and they ring on");
    for call in ringing {
        assert!(call.await.expect("no panic").is_placed_anew());
    }
    gateway.stop().await;
}
