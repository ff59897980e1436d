//! Liveness and readiness.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use adapter_http::{ComponentHealth, Readiness};
use async_trait::async_trait;
use serde_json::json;
use testkit::eventually;

use crate::running::{Options, Running, send, start, start_with};
use crate::world::World;

#[derive(Default)]
struct Redis {
    is_down: AtomicBool,
    checks: AtomicU64,
}

#[async_trait]
impl Readiness for Redis {
    async fn check(&self) -> Vec<ComponentHealth> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        // Long enough for other probes to arrive.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let is_down = self.is_down.load(Ordering::SeqCst);
        let problem = is_down.then(|| "its memory is full: give it more".to_owned());
        vec![ComponentHealth { name: "redis", problem }, ComponentHealth { name: "postgres", problem: None }]
    }
}

async fn start_on(redis: &Arc<Redis>) -> Running {
    let readiness = Arc::clone(redis) as Arc<dyn Readiness>;
    start_with(&World::new(), Options { readiness, ..Options::default() }).await
}

#[tokio::test]
async fn a_ready_gateway_names_its_parts() {
    let gateway = start_on(&Arc::default()).await;
    let ready = send(gateway.get("/readyz")).await;
    let expected = json!({ "status": "ready", "components": { "postgres": "up", "redis": "up" } });
    assert_eq!((ready.status, ready.body), (200, expected));
}

#[tokio::test]
async fn a_part_that_is_down_makes_the_gateway_unready_but_not_dead() {
    let redis = Arc::new(Redis { is_down: AtomicBool::new(true), ..Redis::default() });
    let gateway = start_on(&redis).await;
    let ready = send(gateway.get("/readyz")).await;
    let expected = json!({
        "status": "unavailable",
        "components": { "postgres": "up", "redis": "down" },
        "problems": { "redis": "its memory is full: give it more" },
    });
    assert_eq!((ready.status, ready.body), (503, expected));
    assert_eq!(send(gateway.get("/healthz")).await.status, 200);
}

#[tokio::test]
async fn concurrent_probes_share_one_check() {
    let redis = Arc::new(Redis::default());
    let gateway = start_on(&redis).await;
    let probes = (0..20).map(|_| tokio::spawn(send(gateway.get("/readyz"))));
    for probe in probes.collect::<Vec<_>>() {
        assert_eq!(probe.await.expect("a response").status, 200);
    }
    assert_eq!(redis.checks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_part_that_recovers_makes_the_gateway_ready_again() {
    let redis = Arc::new(Redis { is_down: AtomicBool::new(true), ..Redis::default() });
    let gateway = start_on(&redis).await;
    assert_eq!(send(gateway.get("/readyz")).await.status, 503);
    redis.is_down.store(false, Ordering::SeqCst);
    eventually("the gateway is ready", async || send(gateway.get("/readyz")).await.status == 200).await;
}

#[tokio::test]
async fn a_check_that_panics_is_not_ready() {
    struct Panicking;
    #[async_trait]
    impl Readiness for Panicking {
        async fn check(&self) -> Vec<ComponentHealth> {
            panic!("a bug")
        }
    }
    let options = Options { readiness: Arc::new(Panicking), ..Options::default() };
    let gateway = start_with(&World::new(), options).await;
    assert_eq!(send(gateway.get("/readyz")).await.status, 503);
}

#[tokio::test]
async fn a_draining_gateway_is_not_ready_and_still_serves() {
    let gateway = start(&World::new()).await;
    assert_eq!(send(gateway.get("/readyz")).await.status, 200);
    gateway.gateway.start_draining();
    let ready = send(gateway.get("/readyz")).await;
    assert_eq!((ready.status, ready.body["status"].clone()), (503, json!("draining")));
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
    assert_eq!(send(gateway.get("/healthz")).await.body, json!({ "status": "ok" }));
}
