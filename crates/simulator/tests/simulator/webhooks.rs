//! The webhooks of a call that is over, and their faults.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour, Settings, WebhookScript, WebhookSettings};

use crate::receiver::{Received, Receiver, SECRET};
use crate::sandbox::{CALLEE, Sandbox, json_of, magic};

const TRANSCRIPTION: &str = "post_call_transcription";
const FAILURE: &str = "call_initiation_failure";
const AUDIO: &str = "post_call_audio";

async fn sandbox() -> (Sandbox, Receiver) {
    let receiver = Receiver::start().await;
    let webhooks = Some(receiver.settings());
    (Sandbox::with(Settings { time_scale: 0.001, webhooks, ..Settings::default() }).await, receiver)
}

/// Makes one call and returns the `count` webhooks that arrive.
async fn webhooks_of_a_call(webhook: WebhookScript, count: usize) -> Vec<Received> {
    let (sandbox, receiver) = sandbox().await;
    let answered = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 });
    sandbox.simulator.script(answered.webhook(webhook));
    sandbox.dial(CALLEE).await;
    receiver.wait_for_exactly(count).await
}

fn kinds(received: &[Received]) -> Vec<String> {
    received.iter().map(Received::kind).collect()
}

/// The age of a signature in seconds, and whether it is valid.
fn signature(received: &Received) -> (u64, bool) {
    let header = received.header("elevenlabs-signature").expect("a signature");
    let (time, tag) =
        header.strip_prefix("t=").and_then(|rest| rest.split_once(",v0=")).expect("the signature's format");
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected = hmac::sign(&key, &[time.as_bytes(), b".", &received.body].concat());
    let expected: String = expected.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    (now - time.parse::<u64>().expect("seconds"), tag == expected)
}

#[tokio::test]
async fn a_call_that_was_answered_sends_its_record_and_its_audio_once() {
    let (sandbox, receiver) = sandbox().await;
    let response = sandbox.dial_json(CALLEE).await;
    let mut both = receiver.wait_for_exactly(2).await;
    assert_eq!(kinds(&both), [TRANSCRIPTION, AUDIO]);
    assert_eq!(both[1].event()["data"]["conversation_id"], response["conversation_id"]);
    assert!(signature(&both[1]).1);
    let received = both.remove(0);
    assert_eq!(received.request_line, "POST /hook?a=b HTTP/1.1");
    assert_eq!(received.header("content-type"), Some("application/json"));
    let (age, valid) = signature(&received);
    assert!(age < 60 && valid);
    let event = received.event();
    assert_eq!(event["type"], TRANSCRIPTION);
    assert!(event["event_timestamp"].is_u64());
    let id = response["conversation_id"].as_str().expect("an id");
    let record = sandbox.conversation_at(id, "done").await;
    assert_eq!(event["data"], record, "the event contains the record that GET returns");
    assert_eq!(record["transcript"].as_array().map(Vec::len), Some(3));

    let log = sandbox.get_json("/sim/webhooks").await;
    assert_eq!(log["url"], receiver.settings().url);
    let mut delivery = log["deliveries"][0].clone();
    assert!(delivery["at_ms"].take().is_u64());
    let expected = json!({ "kind": TRANSCRIPTION, "conversation_id": id, "attempt": 1, "sent": true,
        "status": 200, "at_ms": null });
    assert_eq!(delivery, expected);
}

#[tokio::test]
async fn a_failed_call_reports_a_reason() {
    for (name, reason, status) in [
        ("busy", "busy", json!(486)),
        ("no_answer", "no-answer", json!(480)),
        ("declined", "unknown", json!(603)),
        ("sip_timeout", "unknown", Value::Null),
    ] {
        let (sandbox, receiver) = sandbox().await;
        let response = sandbox.dial_json(magic(name)).await;
        let event = receiver.wait_for_exactly(1).await[0].event();
        assert_eq!((&event["type"], &event["data"]["failure_reason"]), (&json!(FAILURE), &json!(reason)));
        assert_eq!(event["data"]["conversation_id"], response["conversation_id"], "{name}");
        let body = &event["data"]["metadata"]["body"];
        assert_eq!((&body["sip_status_code"], &body["to_number"]), (&status, &json!(magic(name))));
        assert_eq!(body["error_reason"], response["message"], "{name}");
    }
}

#[tokio::test]
async fn a_call_that_keeps_ringing_or_was_not_dialled_sends_nothing() {
    let (sandbox, receiver) = sandbox().await;
    sandbox.dial(magic("forbidden")).await;
    let lost = ScriptedBehaviour::new(Behaviour::http_error(500));
    sandbox.simulator.script(lost.clone().call(CallOutcome::Ringing));
    sandbox.dial(CALLEE).await;
    sandbox.simulator.script(lost.call(CallOutcome::Busy));
    sandbox.dial(CALLEE).await;
    assert_eq!(kinds(&receiver.wait_for_exactly(1).await), [FAILURE], "only the busy call sends an event");
}

#[tokio::test]
async fn events_are_duplicated_out_of_order_and_of_unknown_types() {
    let twice = WebhookScript { duplicate: true, ..WebhookScript::default() };
    let received = webhooks_of_a_call(twice, 2).await;
    assert_eq!(received[0].body, received[1].body);

    let out_of_order = WebhookScript { out_of_order: true, unknown_type: true, ..WebhookScript::default() };
    let expected = ["answering_machine_detection", AUDIO, TRANSCRIPTION, FAILURE];
    assert_eq!(kinds(&webhooks_of_a_call(out_of_order, 4).await), expected);

    let audio = WebhookScript { audio: true, ..WebhookScript::default() };
    let received = webhooks_of_a_call(audio, 2).await;
    assert_eq!(kinds(&received), [TRANSCRIPTION, AUDIO]);
    assert_eq!(received[1].header("transfer-encoding"), Some("chunked"));
    assert!(received[1].event()["data"]["full_audio"].as_str().is_some_and(|audio| audio.len() > 50_000));

    let large = WebhookScript { large: true, ..WebhookScript::default() };
    assert!(webhooks_of_a_call(large, 1).await[0].body.len() > 5_000_000);
}

#[tokio::test]
async fn signatures_can_be_wrong_and_stale() {
    let wrong =
        webhooks_of_a_call(WebhookScript { bad_signature: true, ..WebhookScript::default() }, 1).await;
    let (age, valid) = signature(&wrong[0]);
    assert!(age < 60 && !valid);
    let stale = webhooks_of_a_call(WebhookScript { stale: true, ..WebhookScript::default() }, 1).await;
    let (age, valid) = signature(&stale[0]);
    assert!(age > 30 * 60 && valid);
}

#[tokio::test]
async fn dropped_events_are_only_in_the_log() {
    let (sandbox, receiver) = sandbox().await;
    let script =
        json!({ "to_number": CALLEE, "behaviour": { "kind": "busy" }, "webhook": { "dropped": true } });
    assert_eq!(sandbox.post("/sim/behaviours", &script).await.status(), 204);
    sandbox.dial(CALLEE).await;
    while sandbox.simulator.webhook_deliveries().is_empty() {
        tokio::task::yield_now().await;
    }
    receiver.wait_for_exactly(0).await;
    let dropped = &sandbox.simulator.webhook_deliveries()[0];
    assert_eq!((dropped.kind.as_str(), dropped.sent, dropped.status), (FAILURE, false, None));
}

#[tokio::test]
async fn an_event_can_arrive_before_the_response_to_the_dial() {
    for (behaviour, kind) in
        [(Behaviour::Busy { after_ms: 20 }, FAILURE), (Behaviour::Answer { after_ms: 20 }, TRANSCRIPTION)]
    {
        let (sandbox, receiver) = sandbox().await;
        let early = WebhookScript { before_answer: true, ..WebhookScript::default() };
        sandbox.simulator.script(ScriptedBehaviour::new(behaviour).webhook(early));
        let response = sandbox.dial(CALLEE).await;
        let received = receiver.received();
        assert_eq!(kinds(&received), [kind], "the event arrived before the response");
        assert_eq!(
            received[0].event()["data"]["conversation_id"],
            json_of(response).await["conversation_id"]
        );
        receiver.wait_for_exactly(1).await;
    }
}

#[tokio::test]
async fn only_a_transcription_is_sent_again_while_the_receiver_fails() {
    for (statuses, count) in [(vec![500, 503, 429], 4), (vec![500; 9], 5), (vec![400], 1), (vec![204], 1)] {
        let (sandbox, receiver) = sandbox().await;
        receiver.respond_with(&statuses);
        sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 }));
        sandbox.dial(CALLEE).await;
        receiver.wait_for_exactly(count).await;
        let deliveries = sandbox.simulator.webhook_deliveries();
        assert_eq!(
            deliveries.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(),
            (1..=count).collect::<Vec<_>>()
        );
        assert_eq!(deliveries[0].status, Some(statuses[0]));
    }
    let (sandbox, receiver) = sandbox().await;
    receiver.respond_with(&[500]);
    sandbox.dial(magic("busy")).await;
    receiver.wait_for_exactly(1).await;
}

#[tokio::test]
async fn webhooks_are_configured_changed_and_removed_over_http() {
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let sandbox = Sandbox::start().await;
    sandbox.dial(CALLEE).await;
    for receiver in [&first, &second] {
        let WebhookSettings { url, secret } = receiver.settings();
        let settings = json!({ "url": url, "secret": secret });
        assert_eq!(sandbox.post("/sim/webhooks", &settings).await.status(), 204);
        sandbox.dial(CALLEE).await;
        receiver.wait_for_exactly(2).await;
    }
    sandbox.delete("/sim/webhooks").await;
    sandbox.dial(CALLEE).await;
    second.wait_for_exactly(2).await;
    first.wait_for_exactly(2).await;
    assert_eq!(sandbox.get_json("/sim/webhooks").await["url"], Value::Null);

    for settings in [json!({}), json!({ "url": "http://192.0.2.1:80/", "secret": "s" })] {
        assert_eq!(sandbox.post("/sim/webhooks", &settings).await.status(), 400, "{settings}");
    }
    let not_http = WebhookSettings { url: "https://127.0.0.1:1/".to_owned(), secret: "s".to_owned() };
    assert!(sandbox.simulator.send_webhooks_to(Some(&not_http)).is_err());
}
