//! What was recorded of a call: stored when the provider brings it, read by whoever may read the call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};

use crate::on_both_backings;
use crate::support::{Gateway, World};

const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };
const NUMBER: &str = "+14165550175";

/// A finished call of which the provider brings the recording as well.
async fn recorded_call(world: &World, gateway: &Gateway, events: WebhookScript) -> String {
    world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(WebhookScript { audio: true, ..events }));
    let answer = gateway.client.call_number(NUMBER).await;
    let call_id =
        answer.body["callId"].as_str().unwrap_or_else(|| panic!("a call: {}", answer.body)).to_owned();
    gateway.client.read_until(&call_id, "completed").await;
    call_id
}

async fn start(world: &World) -> Gateway {
    let gateway = world.start().await;
    world.report_to(gateway.address());
    gateway
}

/// The call's recording, once it is there.
async fn recording(gateway: &Gateway, call_id: &str) -> Value {
    let path = format!("/api/calls/{call_id}/recording");
    for _ in 0..150 {
        let answer = gateway.client.get_as_user(&path).await;
        if answer.status == 200 {
            return answer.body;
        }
        answer.assert(404, "RECORDING_NOT_FOUND");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("there is no recording");
}

on_both_backings! {
    async fn a_recording_is_read_with_what_was_said(world: World) {
        let gateway = start(&world).await;
        let call_id = recorded_call(&world, &gateway, WebhookScript::default()).await;
        let body = recording(&gateway, &call_id).await;
        let audio = body["audioData"].as_str().and_then(|data| data.strip_prefix("data:audio/mpeg;base64,"));
        let audio = STANDARD.decode(audio.unwrap_or_else(|| panic!("audio: {body}"))).expect("base64");
        assert!(!audio.is_empty());
        assert_eq!((&body["direction"], &body["to"]), (&json!("outbound"), &json!(NUMBER)));
        assert!(body["transcriptionText"].as_str().is_some_and(|text| text.starts_with("Agent: ")), "{body}");
        assert!(body["transcriptionData"].as_array().is_some_and(|turns| turns.len() > 1), "{body}");
        let call = gateway.client.read(&call_id).await.body["call"].clone();
        assert_eq!(call["recordings"][0]["recordingId"], body["recordingId"], "{call}");
        let files: Vec<_> = std::fs::read_dir(world.folder().join("recordings")).expect("a folder").collect();
        assert_eq!(files.len(), 1, "one file for one recording");
        let path = format!("/api/calls/{call_id}/recording");
        gateway.client.of_user("u2").get_as_user(&path).await.assert(404, "CALL_NOT_FOUND");
        gateway.stop().await;
        assert_eq!(recording(&start(&world).await, &call_id).await, body, "it outlives the process");
    }

    /// Before the transcription, before the dial's own answer, twice: there is one recording in the end.
    async fn however_the_audio_comes_there_is_one_recording(world: World) {
        let world = world.with_a_short_lock();
        let gateway = start(&world).await;
        let plain = WebhookScript::default();
        for events in [
            WebhookScript { out_of_order: true, ..plain },
            WebhookScript { before_answer: true, ..plain },
            WebhookScript { duplicate: true, ..plain },
        ] {
            let call_id = recorded_call(&world, &gateway, events).await;
            recording(&gateway, &call_id).await;
            let call = gateway.client.read(&call_id).await.body["call"].clone();
            assert_eq!(call["recordings"].as_array().map(Vec::len), Some(1), "{events:?}: {call}");
            tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
        }
        gateway.stop().await;
    }

    async fn where_recordings_are_not_kept_there_is_none(world: World) {
        let mut world = world;
        world.set("OUTDIAL_RECORDINGS_URL", "none");
        let gateway = start(&world).await;
        let call_id = recorded_call(&world, &gateway, WebhookScript::default()).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        let path = format!("/api/calls/{call_id}/recording");
        gateway.client.get_as_user(&path).await.assert(404, "RECORDING_NOT_FOUND");
        let call = gateway.client.read(&call_id).await.body["call"].clone();
        assert_eq!(call["recordings"], json!([]), "{call}");
        assert!(!world.folder().join("recordings").exists());
        gateway.stop().await;
    }

    /// The provider brings a recording once. Whoever was away then fetches it.
    async fn a_recording_that_was_not_brought_is_fetched(world: World) {
        let mut world = world;
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.set("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
        let gateway = start(&world).await;
        world.simulator.script(ScriptedBehaviour::new(ANSWER));
        let answer = gateway.client.call_number(NUMBER).await;
        let call_id = answer.body["callId"].as_str().expect("a call").to_owned();
        gateway.client.read_until(&call_id, "completed").await;
        let body = recording(&gateway, &call_id).await;
        assert!(body["audioData"].as_str().is_some_and(|data| data.len() > 1000), "{body}");
        assert_eq!(world.simulator.dials().len(), 1, "to ask is not to dial");
        gateway.stop().await;
    }
}
