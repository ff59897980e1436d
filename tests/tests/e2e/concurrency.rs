//! Many requests at the same time, to one process and to several.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;
use tokio::sync::Barrier;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, PendingCall, Response, World};

/// A number that has no contact yet.
const NUMBER: &str = "+14165550180";

/// Requests the same call `times` times at the same time, spread over the clients.
async fn place_simultaneously(clients: &[&Client], times: usize) -> Vec<Response> {
    let start = Arc::new(Barrier::new(times));
    let requests = (0..times).map(|n| {
        let (client, start) = (clients[n % clients.len()].clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            client.call_number(NUMBER).await
        })
    });
    let responses = join_all(requests).await.into_iter();
    responses.map(|response| response.expect("the client does not panic")).collect()
}

/// Starts calls to this many numbers, and returns the responses.
async fn call_different_numbers(client: &Client, first: usize, count: usize) -> Vec<Response> {
    let numbers = (first..first + count).map(|n| format!("+1416555{n:04}"));
    let calls: Vec<PendingCall> = numbers.map(|number| client.start_calling(&number)).collect();
    join_all(calls.into_iter().map(PendingCall::response)).await
}

/// One request placed the call. Each of the others is a duplicate, or in flight, or refused because
/// a store had no connection in time on a busy machine. All placed ids are the same.
fn assert_one_call(responses: &[Response], world: &World) {
    let bodies = || responses.iter().map(|response| format!("{} {}", response.status, response.body));
    let new_calls = responses.iter().filter(|response| response.is_new_call()).count();
    assert_eq!(new_calls, 1, "{:?}", bodies().collect::<Vec<_>>());
    let others = responses.iter().filter(|response| {
        response.is_duplicate() || response.is_in_flight() || response.code() == "SERVICE_UNAVAILABLE"
    });
    assert_eq!(others.count(), responses.len() - 1, "{:?}", bodies().collect::<Vec<_>>());
    let placed = responses.iter().filter(|response| response.status == 200);
    let ids = placed.map(|response| {
        ["callId", "conversationId", "sipCallId"].map(|field| response.body[field].to_string())
    });
    let ids: BTreeSet<_> = ids.collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_for_one_new_number_are_one_contact_and_one_dial(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 300 });
    let contacts = world.count_contacts().await;
    let gateway = world.start().await;
    let responses = place_simultaneously(&[&gateway.client], 200).await;
    assert_one_call(&responses, &world);
    assert_eq!(world.count_contacts().await, contacts + 1);
    let mut in_flight = responses.iter().filter(|response| response.is_in_flight());
    assert!(in_flight.all(|response| response.retry_after() >= 1));
    assert!(gateway.client.call_number(NUMBER).await.is_duplicate());
    assert_eq!(world.count_contacts().await, contacts + 1);
    gateway.stop().await;
}

/// What prevents a second dial is in the stores, not in the process.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_make_one_dial(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 300 });
    let contacts = world.count_contacts().await;
    let processes = [world.spawn().await, world.spawn().await, world.spawn().await];
    let clients: Vec<&Client> = processes.iter().map(|process| &process.client).collect();
    let responses = place_simultaneously(&clients, 60).await;
    assert_one_call(&responses, &world);
    assert_eq!(world.count_contacts().await, contacts + 1);
    for client in clients {
        let again = client.call_number(NUMBER).await;
        assert!(again.is_duplicate(), "every process has the result: {}", again.body);
    }
}

/// Each of these requests names a number that has no contact yet.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_with_an_unknown_agent_create_no_contact(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let contacts = world.count_contacts().await;
    let gateway = world.start().await;
    let requests = (0..50).map(|n| {
        let body = json!({ "phoneNumber": format!("+1416555{:04}", 4000 + n), "agentId": "unknown" });
        gateway.client.place(body)
    });
    for response in join_all(requests).await {
        response.assert_error(400, "AGENT_NOT_FOUND");
    }
    assert_eq!(world.count_contacts().await, contacts);
    assert_eq!(world.simulator.requests().len(), 0, "a refusal never reaches the provider");
    gateway.stop().await;
}

/// Different numbers are different intents, so each request leads to a dial.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn different_people_are_called_at_the_same_time(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 300 });
    let gateway = world.start().await;
    for response in call_different_numbers(&gateway.client, 2000, 40).await {
        assert!(response.is_new_call(), "{}", response.body);
    }
    assert_eq!(world.simulator.dials().len(), 40);
    gateway.stop().await;
}

/// The gateway refuses more calls than its limit, and does not dial for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_gateway_sheds_before_it_looks_anything_up() {
    let world = World::new(Sqlite)
        .await
        .with("OUTDIAL_MAX_IN_FLIGHT_DIALS", "2")
        .with("OUTDIAL_MAX_SHARE_OF_ONE_ORGANIZATION_PERCENT", "100");
    world.script(Behaviour::Answer { after_ms: 1500 });
    let gateway = world.start().await;
    let responses = call_different_numbers(&gateway.client, 3000, 6).await;
    let (placed, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.is_new_call());
    assert_eq!((placed.len(), refused.len()), (2, 4));
    for response in refused {
        response.assert_error(500, "SERVICE_UNAVAILABLE");
        assert!(response.retry_after() >= 1);
    }
    assert_eq!(world.simulator.dials().len(), 2);
    let later = gateway.client.call_number("+14165553100").await;
    assert!(later.is_new_call(), "the gateway has room again: {}", later.body);
    gateway.stop().await;
}
