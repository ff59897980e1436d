//! How fast calls start, and how many there are at the same time, over HTTP and across processes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, World};

/// What `outdial sync` stores of a trunk that starts one call in a second.
const TRUNK: &str = "insert into trunks (id, carrier, calls_per_second) values ('trunk-1', 'sinch', 1)";

/// How often the starts are measured. A process that is paused between its last look at the clock and its
/// socket starts a call late, which no test can keep a busy machine from. It rarely happens twice; without
/// slots, each attempt has all starts in one second.
const ATTEMPTS: u32 = 3;

/// A simulator counts the starts at its socket. Each number is called by two clients, through different
/// processes, and one process is killed while calls wait in it.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_do_not_start_calls_too_fast(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let mut seen = Vec::new();
    for _ in 0..ATTEMPTS {
        let starts = starts_under_load(backing).await;
        // At most one more than the trunk allows in a second: the first and the third are further apart.
        if starts.windows(3).all(|three| three[2] - three[0] >= 1000) {
            return;
        }
        seen.push(starts);
    }
    panic!("more than two calls started in a second, in every attempt: {seen:?}");
}

/// When each call arrived at the simulator, in milliseconds.
async fn starts_under_load(backing: Backing) -> Vec<u64> {
    let world = World::new(backing).await.with("OUTDIAL_PACING_MAX_WAIT_MS", "4000");
    world.execute(TRUNK, TRUNK).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    // A SQLite file has one process at a time.
    let replicas = if backing == Sqlite { 1 } else { 3 };
    let mut processes = Vec::new();
    for _ in 0..replicas {
        processes.push(world.spawn().await);
    }
    let clients: Vec<Client> = processes.iter().map(|process| process.client.clone()).collect();
    let clients = Arc::new(Mutex::new(clients));
    let callers: Vec<JoinHandle<()>> =
        (0..24).map(|n| tokio::spawn(call_until_placed(clients.clone(), n / 2, n))).collect();

    world.wait_for_dials(3).await;
    processes.remove(0).kill().await;
    if processes.is_empty() {
        processes.push(world.spawn().await);
    }
    *clients.lock().expect("no panic") = processes.iter().map(|process| process.client.clone()).collect();
    world.wait_for_dials(8).await;
    for caller in &callers {
        caller.abort();
    }
    for ended in join_all(callers).await {
        assert!(!ended.is_err_and(|error| error.is_panic()), "a caller got another response");
    }
    for process in processes {
        process.kill().await;
    }
    let dials = world.simulator.dials();
    for number in dials.iter().map(|dial| &dial.to_number) {
        assert_eq!(world.simulator.dials_to(number), 1, "a person was dialled twice");
    }
    let mut starts: Vec<u64> = dials.iter().map(|dial| dial.received_at_ms).collect();
    starts.sort_unstable();
    starts
}

/// Requests a call as a client does that follows `Retry-After`, and another process if one does not answer.
async fn call_until_placed(clients: Arc<Mutex<Vec<Client>>>, number: usize, first_process: usize) {
    let number = format!("+14165553{number:03}");
    for attempt in first_process.. {
        let client = {
            let clients = clients.lock().expect("no panic");
            clients[attempt % clients.len()].clone()
        };
        match client.start_calling(&number).try_response().await {
            Some(response) if response.status == 200 => return,
            Some(response) => {
                let is_expected = ["RATE_LIMITED", "OUTBOUND_IN_FLIGHT", "SERVICE_UNAVAILABLE"];
                assert!(is_expected.contains(&response.code()), "{}", response.body);
                sleep(Duration::from_secs(response.retry_after().min(2))).await;
            }
            None => sleep(Duration::from_millis(100)).await,
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_may_not_wait_is_refused_and_can_be_sent_again(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    // Each call waits for the one before for a minute.
    let world = World::new(backing)
        .await
        .with("OUTDIAL_PACING_MAX_WAIT_MS", "0")
        .with("OUTDIAL_NUMBER_CALLS_PER_MINUTE", "1");
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let client = &gateway.client;
    assert!(client.call_number("+14165553001").await.is_new_call());
    let body = json!({ "phoneNumber": "+14165553002" });
    for _ in 0..2 {
        let refused = client.place_with_key("key-1", &body).await;
        refused.assert_error(429, "RATE_LIMITED");
        assert_eq!(refused.body["retry"], "same-key", "{}", refused.body);
        assert!((1..=60).contains(&refused.retry_after()), "{}", refused.retry_after());
    }
    assert!(client.call_number("+14165553001").await.is_duplicate(), "a duplicate needs no slot");
    assert_eq!(world.simulator.dials().len(), 1, "a refused call was dialled");
    assert_eq!(world.count("select count(*) from calls").await, 1, "a refused call was booked");

    // Another number of the user has slots of its own, and the key is free.
    let body = json!({ "phoneNumber": "+14165553002", "fromNumber": "+14165550101" });
    assert!(client.place_with_key("key-1", &body).await.is_new_call());
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_waits_for_its_slot_and_is_placed(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.execute(TRUNK, TRUNK).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let calls = ["+14165553001", "+14165553002"].map(|number| gateway.client.start_calling(number));
    for call in calls {
        assert!(call.response().await.is_new_call());
    }
    let twilio = json!({ "phoneNumber": "+14165553003", "fromNumber": "+14165550102" });
    assert_eq!(gateway.client.place(twilio).await.code(), "FROM_NUMBER_NOT_AVAILABLE");
    gateway.stop().await;
}

/// One organization has as many calls as it may have. Another one has its own, until the trunk has as many
/// as it may have. A call that has ended leaves its place.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_the_same_time_are_limited_until_they_end(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let trunk = "insert into trunks (id, carrier, calls_per_second) values ('trunk-1', 'sinch', 1000)";
    let world = World::new(backing)
        .await
        .with_frequent_reconciliation()
        .with("OUTDIAL_WEBHOOK_WITHIN_SECS", "86400")
        .with("OUTDIAL_MAX_CALLS_OF_ONE_ORGANIZATION", "2")
        .with("OUTDIAL_MAX_CALLS_OVER_ONE_TRUNK", "3");
    world.execute(trunk, trunk).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    let gateway = world.start().await;
    let (ours, theirs) = (gateway.client.clone(), gateway.client.of_user("u2"));
    assert!(ours.call_number("+14165553001").await.is_new_call());
    let second = ours.of_user("u1b").call_number("+14165553002").await;
    assert!(second.is_new_call(), "{}", second.body);
    let refused = ours.call_number("+14165553003").await;
    refused.assert_error(429, "RATE_LIMITED");
    assert_eq!((refused.retry_after(), &refused.body["retry"]), (10, &json!("same-key")));
    let sentence = refused.body["error"].as_str().expect("a sentence");
    assert!(sentence.contains("organization"), "{sentence}");
    assert!(ours.call_number("+14165553001").await.is_duplicate(), "a duplicate is answered first");

    assert!(theirs.call_number("+14165553003").await.is_new_call());
    let refused = theirs.call_number("+14165553004").await;
    refused.assert_error(429, "RATE_LIMITED");
    assert!(refused.body["error"].as_str().expect("a sentence").contains("trunk"), "{}", refused.body);
    assert_eq!(world.simulator.dials().len(), 3);

    let ended = "update calls set status_rank = 7 where to_number = '+14165553001'";
    world.execute(ended, ended).await;
    assert!(ours.call_number("+14165553003").await.is_new_call(), "a call that has ended still counts");
    gateway.stop().await;
}
