//! Requests with an `Idempotency-Key`, to several processes: one call answers one key.

use std::sync::Arc;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use simulator::Behaviour;
use testkit::eventually;
use tokio::sync::Barrier;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Process, Response, World};

const NUMBER: &str = "+14165550187";
const KEY: &str = "order-4711";

fn request() -> Value {
    json!({ "phoneNumber": NUMBER, "callReason": "Renewal", "metadata": { "order": 4711 } })
}

/// The process is killed between the booking and the settlement of a call. Another process never dials
/// again for its key. It says that the outcome is unknown until the provider's record decides it.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_killed_process_never_dials_again(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_lock().with_short_ringing();
    world.script(Behaviour::Answer { after_ms: 60_000 });
    let process = world.spawn().await;
    let first = process.client.start_placing_with_key(KEY, &request());
    world.wait_for_dial_to(NUMBER).await;
    process.kill().await;
    assert!(first.try_response().await.is_none(), "the connection breaks");

    let next = world.spawn().await;
    let unknown = eventually("the reservation expires", async || {
        let response = next.client.place_with_key(KEY, &request()).await;
        (!response.is_in_flight()).then_some(response)
    })
    .await;
    unknown.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    assert_eq!(unknown.body["retry"], "same-key");
    let other = next.client.place_with_key(KEY, &json!({ "phoneNumber": "+14165550188" })).await;
    other.assert_error(400, "IDEMPOTENCY_KEY_REUSED");

    // The provider has hung up meanwhile, as its record says.
    let world = world.with_frequent_reconciliation();
    let reconciling = world.spawn().await;
    let result = eventually("the provider's record decides the call", async || {
        let response = reconciling.client.place_with_key(KEY, &request()).await;
        (response.code() != "CALL_OUTCOME_UNKNOWN").then_some(response)
    })
    .await;
    assert!(result.is_replay() || result.code() == "CALL_NOT_CONNECTED", "{}", result.body);
    assert_eq!(result.body["deduplicated"], true, "{}", result.body);
    assert_eq!(result.headers["idempotent-replayed"], "true");
    assert_eq!(result.call_id(), unknown.call_id());
    assert_eq!(next.client.place_with_key(KEY, &request()).await.body, result.body);
    assert_eq!(world.simulator.dials().len(), 1);
}

/// A result is the same in every process, also when the intent is free again.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_has_the_result_of_a_key(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_lock().with_short_ringing();
    world.script(Behaviour::Answer { after_ms: 100 });
    let processes = [world.spawn().await, world.spawn().await];
    let mut expected = processes[0].client.place_with_key(KEY, &request()).await;
    assert!(expected.is_new_call(), "{}", expected.body);
    expected.body["deduplicated"] = json!(true);
    // Another key, in the time in which the intent has the result: it is bound to the same call.
    let bound = processes[1].client.place_with_key("order-4712", &request()).await;
    assert!(bound.is_duplicate() && !bound.is_replay(), "{}", bound.body);
    eventually("the intent is free again", async || processes[1].client.place(request()).await.is_new_call())
        .await;
    for process in &processes {
        for key in [KEY, "order-4712"] {
            let again = process.client.place_with_key(key, &request()).await;
            assert!(again.is_replay(), "{}", again.body);
            assert_eq!(again.body, expected.body);
        }
    }
    assert_eq!(world.simulator.dials_to(NUMBER), 2, "one for the key, one without a key");
}

/// Sends 64 requests with one key at the same time, spread over three processes.
async fn place_with_one_key(world: &World, body: impl Fn(usize) -> Value) -> (Vec<Response>, [Process; 3]) {
    let processes = [world.spawn().await, world.spawn().await, world.spawn().await];
    let start = Arc::new(Barrier::new(64));
    let requests = (0..64).map(|n| {
        let (client, body, start) = (processes[n % 3].client.clone(), body(n), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            client.place_with_key(KEY, &body).await
        })
    });
    let responses = join_all(requests).await.into_iter();
    (responses.map(|response| response.expect("the client does not panic")).collect(), processes)
}

/// No two of them have an intent in common: only the key makes them one call. A busy store may refuse
/// some.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_intents_with_one_key_are_one_call(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 300 });
    let body = |n: usize| json!({ "phoneNumber": format!("+141655505{n:02}") });
    let (responses, processes) = place_with_one_key(&world, body).await;
    let new: Vec<usize> = (0..64).filter(|n| responses[*n].is_new_call()).collect();
    assert_eq!(new.len(), 1, "new calls");
    for response in responses.iter().filter(|response| !response.is_new_call()) {
        let is_refused = ["IDEMPOTENCY_KEY_REUSED", "SERVICE_UNAVAILABLE"].contains(&response.code());
        assert!(is_refused, "{}", response.body);
    }
    let reused = responses.iter().filter(|response| response.code() == "IDEMPOTENCY_KEY_REUSED").count();
    assert!(reused > 0, "the store has refused all others");
    assert_eq!(world.simulator.dials().len(), 1);
    // The others have left no reservation: without the key, each of them is a new call.
    let other = processes[0].client.place(body((new[0] + 1) % 64)).await;
    assert!(other.is_new_call(), "{}", other.body);
    let again = processes[2].client.place_with_key(KEY, &body(new[0])).await;
    assert!(again.is_replay(), "{}", again.body);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_equal_requests_with_one_key_are_one_call(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 300 });
    let (responses, processes) = place_with_one_key(&world, |_| request()).await;
    assert_eq!(responses.iter().filter(|response| response.is_new_call()).count(), 1);
    for response in &responses {
        let is_known = response.status == 200 || response.is_in_flight();
        assert!(is_known || response.code() == "SERVICE_UNAVAILABLE", "{}", response.body);
    }
    for process in &processes {
        assert!(process.client.place_with_key(KEY, &request()).await.is_replay());
    }
    assert_eq!(world.simulator.dials().len(), 1);
}
