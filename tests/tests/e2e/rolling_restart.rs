//! A rolling restart behind a load balancer, while clients place calls.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::{Value, json};
use simulator::Behaviour;

use crate::support::Backing::PostgresAndRedis;
use crate::support::{LoadBalancer, Process, Response, TargetState, World};

const CLIENTS: usize = 3;
/// How many calls each client places at the same time.
const CALLS_OF_A_CLIENT: usize = 8;

/// Clients that place calls, each to another number, until they are stopped.
struct Load {
    balancer: Arc<LoadBalancer>,
    is_stopped: AtomicBool,
    next_number: AtomicUsize,
}

impl Load {
    /// Places one call after the other. Returns the numbers with the responses.
    async fn place_calls(self: Arc<Self>) -> Vec<(String, Response)> {
        let mut answered = Vec::new();
        while !self.is_stopped.load(Ordering::Relaxed) {
            let number = format!("+1416555{:04}", self.next_number.fetch_add(1, Ordering::Relaxed));
            let response = self.balancer.place(&json!({ "phoneNumber": number })).await;
            answered.push((number, response));
        }
        answered
    }
}

/// How many calls the process had to finish after its signal.
fn in_flight_at_stop(process: &Process) -> u64 {
    let log = process.log();
    let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let draining = events.find(|event| event["message"] == "draining").expect("the process drains");
    draining["calls.in_flight"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_no_call_and_no_answer() {
    let world = World::new(PostgresAndRedis)
        .await
        .with("OUTDIAL_DRAIN_NOTICE_MS", "1000")
        // A busy machine refuses no call.
        .with("OUTDIAL_BEFORE_DIAL_TIMEOUT_MS", "20000");
    world.script(Behaviour::Answer { after_ms: 800 });
    let balancer = Arc::new(LoadBalancer::default());
    let mut running = Vec::new();
    for _ in 0..3 {
        let process = world.spawn().await;
        balancer.add(&process.client);
        running.push(process);
    }
    let load = Arc::new(Load {
        balancer: balancer.clone(),
        is_stopped: AtomicBool::new(false),
        next_number: AtomicUsize::new(2000),
    });
    let calls: Vec<_> =
        (0..CLIENTS * CALLS_OF_A_CLIENT).map(|_| tokio::spawn(load.clone().place_calls())).collect();

    let (mut new, mut interrupted) = (Vec::new(), 0);
    for mut old in running {
        balancer.wait_for_answer_of(&old.client).await;
        let replacement = world.spawn().await;
        balancer.add(&replacement.client);
        balancer.wait_for_answer_of(&replacement.client).await;
        old.signal("TERM").await;
        assert!(old.ended().await.success(), "{}", old.log());
        let states = balancer.states_until_the_end(&old.client).await;
        let stop = [TargetState::NotReady, TargetState::Unreachable];
        assert!(states.ends_with(&stop), "it is not ready before it closes its listener: {states:?}");
        interrupted += in_flight_at_stop(&old);
        new.push(replacement);
    }
    load.is_stopped.store(true, Ordering::Relaxed);
    let answered = join_all(calls).await.into_iter();
    let answered: Vec<_> = answered.flat_map(|calls| calls.expect("no answer is lost")).collect();

    assert_ne!(interrupted, 0, "no call was in flight when a process had to stop");
    for (number, response) in &answered {
        assert!(response.is_new_call(), "{number}: {} {}", response.status, response.body);
        assert_eq!(world.simulator.dials_to(number), 1, "{number}");
    }
    assert_eq!(world.simulator.dials().len(), answered.len());
    let ids: BTreeSet<String> = answered.iter().map(|(_, response)| response.call_id()).collect();
    assert_eq!(ids.len(), answered.len());
    let calls = i64::try_from(answered.len()).expect("some hundred calls");
    assert_eq!(world.count("select count(*) from calls").await, calls);
    let settled = "select count(*) from calls where state = 'placed' and settled_at is not null";
    assert_eq!(world.count(settled).await, calls);
}
