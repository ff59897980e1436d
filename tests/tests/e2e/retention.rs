//! Data is removed by its age, in one replica at a time. What is still needed stays.

use rstest::rstest;
use serde_json::json;
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use testkit::eventually;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, World};

const OLD: &str = "+14165550175";
const YOUNG: &str = "+14165550176";
const OPTED_OUT: &str = "+14165550177";

/// Places a call whose transcript and recording the provider sends. Returns its id once both are stored.
async fn recorded_call(world: &World, gateway: &Gateway, number: &str) -> String {
    let webhooks = WebhookScript { audio: true, ..WebhookScript::default() };
    world.simulator.script(ScriptedBehaviour::new(Behaviour::Answer { after_ms: 20 }).webhook(webhooks));
    let call_id = gateway.client.call_number(number).await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    let path = format!("/api/calls/{call_id}/recording");
    eventually("the recording is stored", async || gateway.client.get(&path).await.status == 200).await;
    call_id
}

fn stored_recordings(world: &World) -> usize {
    std::fs::read_dir(world.folder().join("recordings")).expect("the recordings have a folder").count()
}

/// The transcript and the recording of an old call disappear, then the call. A young call and an opt-out stay.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_disappears_and_the_rest_stays(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let (old, young) =
        (recorded_call(&world, &gateway, OLD).await, recorded_call(&world, &gateway, YOUNG).await);
    gateway.client.post("/api/suppressions", &json!({ "phoneNumber": OPTED_OUT })).await;
    gateway.stop().await;
    world
        .execute(
            "update calls set booked_at = booked_at - interval '400 days' where to_number = '+14165550175'",
            "update calls set booked_at = booked_at - 34560000000 where to_number = '+14165550175'",
        )
        .await;
    world
        .execute(
            "update provider_events set closed_at = closed_at - interval '400 days'",
            "update provider_events set closed_at = closed_at - 34560000000",
        )
        .await;
    assert_eq!(stored_recordings(&world), 2);
    assert!(world.count("select count(*) from provider_events").await > 0);

    let world = world
        .with("OUTDIAL_KEEP_TRANSCRIPTS_DAYS", "30")
        .with("OUTDIAL_KEEP_PROVIDER_EVENTS_DAYS", "30")
        .with("OUTDIAL_KEEP_RECORDINGS_DAYS", "30");
    let gateway = world.start_with_webhooks().await;
    let call = eventually("the recording has expired", async || {
        let call = gateway.client.read_call(&old).await;
        (call["recording"] == "expired").then_some(call)
    })
    .await;
    assert!(call["transcriptRemovedTime"].is_string(), "{call}");
    assert_eq!((call.get("transcript"), call.get("summary")), (None, None), "{call}");
    assert_eq!((&call["status"], &call["to"]), (&json!("completed"), &json!(OLD)), "{call}");
    let path = format!("/api/calls/{old}/recording");
    gateway.client.get(&path).await.assert_error(410, "RECORDING_EXPIRED");
    assert_eq!(stored_recordings(&world), 1);
    assert_eq!(world.count("select count(*) from provider_events").await, 0);
    let kept = gateway.client.read_call(&young).await;
    assert!(kept["transcript"].as_array().is_some_and(|turns| turns.len() > 1), "{kept}");
    assert_eq!(kept["recordings"].as_array().map(Vec::len), Some(1), "{kept}");
    gateway.stop().await;

    // As the gateway does an hour after it has ended.
    world.execute("delete from dial_guards", "delete from dial_guards").await;
    let world = world.with("OUTDIAL_KEEP_CALLS_DAYS", "366");
    let gateway = world.start_with_webhooks().await;
    eventually("the old call is removed", async || gateway.client.get_call(&old).await.status == 404).await;
    assert_eq!(gateway.client.read_call(&young).await["status"], "completed");
    assert_eq!(world.count("select count(*) from suppressions").await, 1);
    gateway.stop().await;
}

/// Of two processes, one removes what is old. When it is killed, the other one takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_remover_is_replaced_by_another_replica() {
    let world = World::new(PostgresAndRedis).await.with("OUTDIAL_KEEP_PROVIDER_EVENTS_DAYS", "30");
    let store_old_events = "insert into provider_events (key, kind, body, received_at, closed_at) \
                            select gen_random_uuid()::text, 'kind', '', now(), now() - interval '31 days' \
                              from generate_series(1, 600)";
    let are_removed = async || world.count("select count(*) from provider_events").await == 0;
    world.change_postgres(store_old_events).await;
    let first = world.spawn().await;
    eventually("the first process removes them", are_removed).await;
    let second = world.spawn().await;
    let has_removed = |log: &str| log.contains("removed old data");
    eventually("the first process has logged it", async || has_removed(&first.log())).await;
    world.change_postgres(store_old_events).await;
    first.kill().await;
    assert_eq!(world.count("select count(*) from provider_events").await, 600, "the lease is not over");
    assert!(!has_removed(&second.log()), "{}", second.log());
    // Its lease of a minute ends.
    world.change_postgres("update job_leases set leased_until = now() where job = 'retention'").await;
    eventually("the second process takes over", are_removed).await;
    eventually("the second process has logged it", async || has_removed(&second.log())).await;
}
