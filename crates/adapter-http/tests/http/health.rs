//! Whether the process lives, and whether it is ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use adapter_http::{ComponentHealth, Readiness};
use async_trait::async_trait;
use serde_json::json;

use crate::running::{Options, Running, answer, start, start_with};
use crate::world::World;

#[derive(Default)]
struct Redis {
    away: AtomicBool,
    asked: AtomicU64,
}

#[async_trait]
impl Readiness for Redis {
    async fn check(&self) -> Vec<ComponentHealth> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // Long enough for others to come meanwhile.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let healthy = !self.away.load(Ordering::SeqCst);
        vec![ComponentHealth { name: "redis", healthy }, ComponentHealth { name: "postgres", healthy: true }]
    }
}

async fn start_on(redis: &Arc<Redis>) -> Running {
    let readiness = Arc::clone(redis) as Arc<dyn Readiness>;
    start_with(World::new(), Options { readiness, ..Options::default() }).await
}

#[tokio::test]
async fn a_ready_gateway_names_its_parts() {
    let gateway = start_on(&Arc::default()).await;
    let ready = answer(gateway.get("/readyz")).await;
    let expected = json!({ "status": "ready", "components": { "postgres": "up", "redis": "up" } });
    assert_eq!((ready.status, ready.body), (200, expected));
}

#[tokio::test]
async fn a_part_that_is_away_makes_it_unready_and_no_less_alive() {
    let redis = Arc::new(Redis { away: AtomicBool::new(true), ..Redis::default() });
    let gateway = start_on(&redis).await;
    let ready = answer(gateway.get("/readyz")).await;
    let expected = json!({ "status": "unavailable", "components": { "postgres": "up", "redis": "down" } });
    assert_eq!((ready.status, ready.body), (503, expected));
    assert_eq!(answer(gateway.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn many_probes_at_once_ask_the_parts_once() {
    let redis = Arc::new(Redis::default());
    let gateway = start_on(&redis).await;
    let probes = (0..20).map(|_| tokio::spawn(answer(gateway.get("/readyz"))));
    for probe in probes.collect::<Vec<_>>() {
        assert_eq!(probe.await.expect("an answer").status, 200);
    }
    assert_eq!(redis.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_part_that_comes_back_is_seen_without_a_restart() {
    let redis = Arc::new(Redis { away: AtomicBool::new(true), ..Redis::default() });
    let gateway = start_on(&redis).await;
    assert_eq!(answer(gateway.get("/readyz")).await.status, 503);
    redis.away.store(false, Ordering::SeqCst);
    for _ in 0..200 {
        if answer(gateway.get("/readyz")).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("still not ready");
}

#[tokio::test]
async fn a_check_that_panics_is_not_ready() {
    struct Broken;
    #[async_trait]
    impl Readiness for Broken {
        async fn check(&self) -> Vec<ComponentHealth> {
            panic!("a bug")
        }
    }
    let options = Options { readiness: Arc::new(Broken), ..Options::default() };
    let gateway = start_with(World::new(), options).await;
    assert_eq!(answer(gateway.get("/readyz")).await.status, 503);
}

#[tokio::test]
async fn a_draining_gateway_is_not_ready_and_still_serves() {
    let gateway = start(World::new()).await;
    assert_eq!(answer(gateway.get("/readyz")).await.status, 200);
    gateway.gateway.start_draining();
    let ready = answer(gateway.get("/readyz")).await;
    assert_eq!((ready.status, ready.body["status"].clone()), (503, json!("draining")));
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
    assert_eq!(answer(gateway.get("/healthz")).await.body, json!({ "status": "ok" }));
}
