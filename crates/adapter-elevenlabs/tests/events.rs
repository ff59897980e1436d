//! The adapter verifies and reads the simulator's webhooks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_elevenlabs::{ElevenLabsRecords, ElevenLabsWebhook, ElevenLabsWebhookSettings};
use domain::ports::{ProviderEvent, ProviderLookup, ProviderRecords, ProviderWebhook, WebhookCredentials};
use domain::{AudioFormat, NotConnectedReason, Timestamp, UpdateContent};
use simulator::{Behaviour, ScriptedBehaviour, Settings, Simulator, WebhookScript, WebhookSettings};

#[path = "support/dialling.rs"]
mod dialling;

use dialling::{dial, request, settings};
use testkit::peer::Peer;

const SECRET: &str = "wsec_0123";
const LONG: Duration = Duration::from_secs(20);

struct Delivery {
    signature: String,
    body: Vec<u8>,
}

impl Delivery {
    fn verified(&self, secrets: &[&str]) -> bool {
        let secrets = secrets.iter().map(|secret| (*secret).into()).collect();
        let settings = ElevenLabsWebhookSettings { secrets, bearer: None };
        let credentials =
            WebhookCredentials::new([("elevenlabs-signature", self.signature.as_bytes())], None);
        let webhook = ElevenLabsWebhook::new(&settings).expect("valid settings");
        webhook.verify(&credentials, &self.body, now()).is_ok()
    }

    fn read(&self) -> ProviderEvent {
        let webhook = ElevenLabsWebhook::new(&ElevenLabsWebhookSettings::default()).expect("valid settings");
        webhook.read(&self.body, now()).expect("an event")
    }
}

fn now() -> Timestamp {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    Timestamp::from_unix_millis(i64::try_from(millis).expect("before the end of time"))
}

/// Dials once with this script, and waits for `count` deliveries.
async fn deliveries(behaviour: Behaviour, script: WebhookScript, count: usize) -> (Simulator, Vec<Delivery>) {
    let receiver = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("{}/", receiver.base_url());
    let webhooks = Some(WebhookSettings { url, secret: SECRET.to_owned() });
    let simulator = Simulator::start(Settings { time_scale: 0.0, webhooks, ..Settings::with_any_id() });
    let simulator = simulator.await.expect("a free port");
    simulator.script(ScriptedBehaviour::new(behaviour).webhook(script));
    dial(&simulator.base_url(), LONG).await;
    while simulator.webhook_deliveries().len() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let deliveries = receiver.received().into_iter().map(|bytes| {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("text");
        let signature = head.lines().find_map(|line| line.strip_prefix("elevenlabs-signature: "));
        let rest = &bytes[end + 4..];
        let body = if head.contains("transfer-encoding: chunked") { unchunked(rest) } else { rest.to_vec() };
        Delivery { signature: signature.expect("it is signed").to_owned(), body }
    });
    let deliveries = deliveries.collect();
    (simulator, deliveries)
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").expect("a length");
        let digits = std::str::from_utf8(&rest[..end]).expect("text");
        let length = usize::from_str_radix(digits, 16).expect("hex digits");
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
        if length == 0 {
            return body;
        }
    }
}

#[tokio::test]
async fn a_transcription_has_the_content_of_the_record() {
    let script = WebhookScript { duplicate: true, ..WebhookScript::default() };
    let (simulator, deliveries) = deliveries(Behaviour::Answer { after_ms: 0 }, script, 2).await;
    assert_eq!(deliveries[0].read().key, deliveries[1].read().key);
    let event = deliveries[0].read();
    let call_id = request(LONG).call_id;
    assert!(deliveries[0].verified(&["wsec_next", SECRET]));
    assert_eq!(event.lookup.call_id.as_ref(), Some(&call_id));
    assert_eq!(event.lookup.parties.as_ref().map(|parties| &parties.other), Some(&request(LONG).to));

    let records = ElevenLabsRecords::new(&settings(&simulator.base_url())).expect("valid settings");
    for conversation_id in [event.lookup.conversation_id, None] {
        let booked_at = now();
        let lookup =
            ProviderLookup { call_id: call_id.clone(), conversation_id, provider_agent_id: None, booked_at };
        assert_eq!(records.find(&lookup).await.expect("a response"), event.update);
    }
    let Some(UpdateContent::Conversation(conversation)) = event.update.map(|update| update.content) else {
        panic!("expected a conversation")
    };
    assert_eq!((conversation.transcript.len(), conversation.duration_secs), (3, Some(6)));
    assert!(conversation.summary.is_some() && conversation.answered_at.is_some());
}

#[tokio::test]
async fn a_failure_has_a_reason() {
    for (behaviour, expected) in [
        (Behaviour::Busy { after_ms: 0 }, NotConnectedReason::Busy),
        (Behaviour::NoAnswer { after_ms: 0 }, NotConnectedReason::NoAnswer),
        (Behaviour::Decline { after_ms: 0 }, NotConnectedReason::Declined),
        (Behaviour::SipTimeout { after_ms: 0 }, NotConnectedReason::Failed),
    ] {
        let (_simulator, deliveries) = deliveries(behaviour, WebhookScript::default(), 1).await;
        assert!(deliveries[0].verified(&[SECRET]));
        let event = deliveries[0].read();
        assert_eq!(event.lookup.parties.as_ref().map(|parties| &parties.other), Some(&request(LONG).to));
        match event.update.map(|update| update.content) {
            Some(UpdateContent::Failure(failure)) => assert_eq!(failure.reason, expected),
            other => panic!("{other:?} is not a failure"),
        }
    }
}

#[tokio::test]
async fn forged_and_stale_events_are_refused() {
    for script in [
        WebhookScript { bad_signature: true, ..WebhookScript::default() },
        WebhookScript { stale: true, ..WebhookScript::default() },
    ] {
        let (_simulator, deliveries) = deliveries(Behaviour::Answer { after_ms: 0 }, script, 1).await;
        assert!(!deliveries[0].verified(&[SECRET]), "{script:?}");
    }
}

#[tokio::test]
async fn a_large_event_is_read_and_one_of_an_unknown_type_is_stored() {
    let script = WebhookScript { large: true, unknown_type: true, ..WebhookScript::default() };
    let (_simulator, deliveries) = deliveries(Behaviour::Answer { after_ms: 0 }, script, 2).await;
    assert!(deliveries.iter().all(|delivery| delivery.verified(&[SECRET])));
    let unknown = deliveries[0].read();
    assert_eq!((unknown.kind.as_str(), unknown.update), ("answering_machine_detection", None));
    assert!(deliveries[1].body.len() > 5_000_000 && deliveries[1].read().update.is_some());
}

#[tokio::test]
async fn an_audio_event_arrives_in_chunks_and_has_a_recording() {
    let script = WebhookScript { audio: true, ..WebhookScript::default() };
    let (_simulator, deliveries) = deliveries(Behaviour::Answer { after_ms: 0 }, script, 2).await;
    assert!(deliveries.iter().all(|delivery| delivery.verified(&[SECRET])));
    let (transcription, audio_event) = (deliveries[0].read(), deliveries[1].read());
    assert_eq!(transcription.recording, None);
    assert_eq!(audio_event.lookup.conversation_id, transcription.lookup.conversation_id);
    let audio = audio_event.recording.expect("a recording");
    assert_eq!(audio.format, AudioFormat::Mp3);
    assert!(audio.bytes.starts_with(b"ID3") && audio.bytes.len() > 16 << 10, "{audio:?}");
}
