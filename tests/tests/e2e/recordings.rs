//! Recordings of calls: the provider sends them, the gateway stores them and serves them to the
//! users who may read the call.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use testkit::eventually;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, World};

const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };
const NUMBER: &str = "+14165550175";

/// Places a call whose recording the provider sends. Returns its id once it has completed.
async fn recorded_call(world: &World, gateway: &Gateway, webhooks: WebhookScript) -> String {
    let webhooks = WebhookScript { audio: true, ..webhooks };
    world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(webhooks));
    let call_id = gateway.client.call_number(NUMBER).await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    call_id
}

fn recording_path(call_id: &str) -> String {
    format!("/api/calls/{call_id}/recording")
}

/// Waits until the call has a recording, and returns it.
async fn recording(gateway: &Gateway, call_id: &str) -> Value {
    eventually(&format!("the call {call_id} has a recording"), async || {
        let response = gateway.client.get(&recording_path(call_id)).await;
        if response.status == 200 {
            return Some(response.body);
        }
        response.assert_error(404, "RECORDING_NOT_FOUND");
        None
    })
    .await
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_read_with_its_transcript(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let call_id = recorded_call(&world, &gateway, WebhookScript::default()).await;
    let body = recording(&gateway, &call_id).await;
    let audio = body["audioData"].as_str().and_then(|data| data.strip_prefix("data:audio/mpeg;base64,"));
    let audio = audio.unwrap_or_else(|| panic!("no MPEG data URL in {body}"));
    assert!(!STANDARD.decode(audio).expect("the audio is base64").is_empty());
    assert_eq!((&body["direction"], &body["to"]), (&json!("outbound"), &json!(NUMBER)));
    assert!(body["transcriptionText"].as_str().is_some_and(|text| text.starts_with("Agent: ")), "{body}");
    assert!(body["transcriptionData"].as_array().is_some_and(|turns| turns.len() > 1), "{body}");
    let call = gateway.client.read_call(&call_id).await;
    assert_eq!(call["recordings"][0]["recordingId"], body["recordingId"], "{call}");
    let files = std::fs::read_dir(world.folder().join("recordings")).expect("the recordings have a folder");
    assert_eq!(files.count(), 1, "one file for one recording");
    let other_tenant = gateway.client.of_user("u2");
    other_tenant.get(&recording_path(&call_id)).await.assert_error(404, "CALL_NOT_FOUND");
    gateway.stop().await;
    let next = world.start_with_webhooks().await;
    assert_eq!(recording(&next, &call_id).await, body, "the recording outlives the process");
}

/// The recording arrives before the transcription, before the response to the dial, or twice.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_has_one_recording_in_whatever_order_its_events_arrive(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock();
    let gateway = world.start_with_webhooks().await;
    let plain = WebhookScript::default();
    for webhooks in [
        WebhookScript { out_of_order: true, ..plain },
        WebhookScript { before_answer: true, ..plain },
        WebhookScript { duplicate: true, ..plain },
    ] {
        let call_id = recorded_call(&world, &gateway, webhooks).await;
        recording(&gateway, &call_id).await;
        let call = gateway.client.read_call(&call_id).await;
        assert_eq!(call["recordings"].as_array().map(Vec::len), Some(1), "{webhooks:?}: {call}");
        // The lock must expire before the next call to the number.
        sleep(Duration::from_millis(1600)).await;
    }
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_recording_store_there_is_no_recording(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with("OUTDIAL_RECORDINGS_URL", "none");
    let gateway = world.start_with_webhooks().await;
    let call_id = recorded_call(&world, &gateway, WebhookScript::default()).await;
    sleep(Duration::from_millis(700)).await;
    gateway.client.get(&recording_path(&call_id)).await.assert_error(404, "RECORDING_NOT_FOUND");
    let call = gateway.client.read_call(&call_id).await;
    assert_eq!(call["recordings"], json!([]), "{call}");
    assert!(!world.folder().join("recordings").exists());
    gateway.stop().await;
}

/// The event with such a recording is too large to be kept. It is accepted once, and the recording
/// is fetched from the provider.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_of_more_than_16_mib_is_fetched_and_read(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
    let gateway = world.start_with_webhooks().await;
    let large = WebhookScript { large_audio: true, ..WebhookScript::default() };
    let call_id = recorded_call(&world, &gateway, large).await;
    let body = recording(&gateway, &call_id).await;
    let audio = body["audioData"].as_str().and_then(|data| data.strip_prefix("data:audio/mpeg;base64,"));
    let audio = STANDARD.decode(audio.expect("a data URL")).expect("the audio is base64");
    assert!(audio.len() > 16 << 20 && audio.starts_with(b"ID3"), "{} bytes", audio.len());
    let call = gateway.client.read_call(&call_id).await;
    assert_eq!(call["recordings"][0]["size"], json!(audio.len()), "{call}");
    assert_eq!(audio_deliveries(&world).await, [Some(200)]);
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_above_the_limit_is_shown_as_too_large(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with("OUTDIAL_RECORDING_MAX_MIB", "16");
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
    let gateway = world.start_with_webhooks().await;
    let large = WebhookScript { large_audio: true, ..WebhookScript::default() };
    let call_id = recorded_call(&world, &gateway, large).await;
    eventually("the recording is too large", async || {
        let response = gateway.client.get(&recording_path(&call_id)).await;
        if response.status == 410 {
            response.assert_error(410, "RECORDING_TOO_LARGE");
            return true;
        }
        response.assert_error(404, "RECORDING_NOT_FOUND");
        false
    })
    .await;
    let call = gateway.client.read_call(&call_id).await;
    assert_eq!((&call["recording"], &call["recordings"]), (&json!("too-large"), &json!([])), "{call}");
    assert_eq!(audio_deliveries(&world).await, [Some(200)]);
    let files = std::fs::read_dir(world.folder().join("recordings")).expect("the recordings have a folder");
    assert_eq!(files.count(), 0, "a part of the recording is stored");
    gateway.stop().await;
}

/// The status of the response to each event with a recording.
async fn audio_deliveries(world: &World) -> Vec<Option<u16>> {
    eventually("the event with the recording was sent", async || {
        let deliveries = world.simulator.webhook_deliveries();
        let audio = deliveries.iter().filter(|delivery| delivery.kind == "post_call_audio");
        let statuses: Vec<_> = audio.map(|delivery| delivery.status).collect();
        (!statuses.is_empty()).then_some(statuses)
    })
    .await
}

/// The provider sends a recording once. If it does not arrive, the gateway fetches it later.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_was_not_delivered_is_fetched(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
    let gateway = world.start_with_webhooks().await;
    world.script(ANSWER);
    let call_id = gateway.client.call_number(NUMBER).await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    let body = recording(&gateway, &call_id).await;
    assert!(body["audioData"].as_str().is_some_and(|data| data.len() > 1000), "{body}");
    assert_eq!(world.simulator.dials().len(), 1, "fetching a recording does not dial");
    gateway.stop().await;
}
