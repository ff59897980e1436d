//! Many requests at once, in one process and in several.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use simulator::Behaviour;

use crate::on_both_backings;
use crate::support::{Answer, Backing, Client, World};

/// Places the same call this often at once, spread over the clients.
async fn place_at_once(clients: &[&Client], times: usize) -> Vec<Answer> {
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(times));
    let placing = (0..times).map(|n| {
        let (client, start) = (clients[n % clients.len()].clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            client.place(json!({ "phoneNumber": "+14165550180" })).await
        })
    });
    join_all(placing).await.into_iter().map(|placed| placed.expect("no panic")).collect()
}

/// One was placed; every other is its duplicate, or heard that it is in flight, or was turned away by a store that had no time
/// for it on a busy machine; all ids are the same.
fn assert_one_call(answers: &[Answer], world: &World) {
    let placed = answers.iter().filter(|answer| answer.is_placed_anew()).count();
    let known = |answer: &&Answer| {
        answer.is_duplicate() || answer.is_in_flight() || answer.code() == "SERVICE_UNAVAILABLE"
    };
    let known = answers.iter().filter(known).count();
    let said: Vec<String> =
        answers.iter().map(|answer| format!("{} {}", answer.status, answer.body)).collect();
    assert_eq!((placed, placed + known), (1, answers.len()), "{said:?}");
    let ids: BTreeSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| {
            format!(
                "{} {} {}",
                answer.body["callId"], answer.body["conversationId"], answer.body["sipCallId"]
            )
        })
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(world.simulator.dials_to("+14165550180"), 1);
}

on_both_backings! {
    async fn two_hundred_identical_requests_are_one_dial(world: World) {
        world.script(Behaviour::Answer { after_ms: 300 });
        let gateway = world.start().await;
        let answers = place_at_once(&[&gateway.client], 200).await;
        assert_one_call(&answers, &world);
        assert!(answers.iter().filter(|answer| answer.is_in_flight()).all(|answer| answer.retry_after() >= 1));
        assert!(gateway.client.call_number("+14165550180").await.is_duplicate());
        gateway.stop().await;
    }

    /// Nothing that keeps calls apart is in the process.
    async fn three_processes_make_one_dial(world: World) {
        world.script(Behaviour::Answer { after_ms: 300 });
        let processes = [world.spawn().await, world.spawn().await, world.spawn().await];
        let clients: Vec<&Client> = processes.iter().map(|process| &process.client).collect();
        let answers = place_at_once(&clients, 60).await;
        assert_one_call(&answers, &world);
        for process in &processes {
            assert!(process.client.call_number("+14165550180").await.is_duplicate(), "every replica knows the result");
        }
    }

    /// One intent each, so that each is a dial of its own.
    async fn different_people_are_called_at_the_same_time(world: World) {
        world.script(Behaviour::Answer { after_ms: 300 });
        let gateway = world.start().await;
        let placing = (0..40).map(|n| {
            let client = gateway.client.clone();
            async move { client.call_number(&format!("+1416555{:04}", 2000 + n)).await }
        });
        let answers = join_all(placing).await;
        assert!(answers.iter().all(Answer::is_placed_anew), "{:?}", answers.iter().map(|a| &a.body).collect::<Vec<_>>());
        assert_eq!(world.simulator.dials().len(), 40);
        gateway.stop().await;
    }
}

/// More calls than one replica takes are turned away, and cost nobody anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_gateway_sheds_before_it_looks_anything_up() {
    let mut world = World::new(Backing::Embedded).await;
    world.set("OUTDIAL_MAX_IN_FLIGHT_DIALS", "2");
    world.script(Behaviour::Answer { after_ms: 1500 });
    let gateway = world.start().await;
    let placing = (0..6).map(|n| {
        let client = gateway.client.clone();
        async move { client.call_number(&format!("+1416555{:04}", 3000 + n)).await }
    });
    let answers = join_all(placing).await;
    let (placed, shed): (Vec<&Answer>, Vec<&Answer>) =
        answers.iter().partition(|answer| answer.is_placed_anew());
    assert_eq!((placed.len(), shed.len()), (2, 4));
    for answer in shed {
        answer.assert(500, "SERVICE_UNAVAILABLE");
        assert!(answer.retry_after() >= 1);
    }
    assert_eq!(world.simulator.dials().len(), 2);
    assert!(gateway.client.call_number("+14165553100").await.is_placed_anew(), "there is room again");
    gateway.stop().await;
}
