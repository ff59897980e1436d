use std::sync::Arc;
use std::time::Duration;

use adapter_parrot::ParrotWebhook;
use aws_lc_rs::hmac;
use domain::ports::ProviderWebhook;
use domain::{InboundCall, PhoneNumber, Timestamp};
use serde_json::{Value, json};
use testkit::harness::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};

/// What Parrot sends, from its documents.
pub(crate) struct ParrotRequests;

const SECRETS: [&str; 2] = ["first-secret", "second-secret"];
const TOKEN: &str = "a-long-random-token";

impl ProviderWebhookHarness for ParrotRequests {
    fn webhook(&self) -> Arc<dyn ProviderWebhook> {
        let webhook = ParrotWebhook::new(&SECRETS.map(Into::into), Some(&TOKEN.into()));
        Arc::new(webhook.expect("the secrets are valid"))
    }

    fn without_secrets(&self) -> Arc<dyn ProviderWebhook> {
        Arc::new(ParrotWebhook::new(&[], None).expect("no secret is valid too"))
    }

    fn signature(&self, body: &[u8], at: Timestamp, secret: SigningSecret) -> Vec<(String, String)> {
        let secret = match secret {
            SigningSecret::First => SECRETS[0],
            SigningSecret::Second => SECRETS[1],
            SigningSecret::Foreign => "foreign-secret",
        };
        let timestamp = (at.unix_millis() / 1000).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[timestamp.as_bytes(), b".", body].concat());
        vec![("Parrot-Timestamp".to_owned(), timestamp), ("Parrot-Signature".to_owned(), hex(tag.as_ref()))]
    }

    fn bearer(&self) -> Option<String> {
        Some(TOKEN.to_owned())
    }

    fn window(&self) -> (Duration, Duration) {
        (Duration::from_mins(5), Duration::from_mins(1))
    }

    fn sends_large_events(&self) -> bool {
        false
    }

    fn event(&self, event: &SampleEvent) -> Vec<u8> {
        let (kind, field, value) = match &event.kind {
            SampleKind::Conversation => {
                let line = json!({ "who": "agent", "text": event.said, "at": 0 });
                ("call.over", "lines", json!([line]))
            }
            SampleKind::FailedDial => ("call.not-connected", "cause", json!("busy")),
            SampleKind::Recording(audio) => ("call.recording", "audio", json!(hex(&audio.bytes))),
            SampleKind::Unknown => ("call.moulted", "feathers", json!(7)),
        };
        let mut body = json!({
            "id": format!("{}.{kind}", event.conversation_id),
            "type": kind,
            "direction": "out",
            "call": event.conversation_id.as_str(),
            "reference": event.call_id.as_str(),
            "agent": event.provider_agent_id.as_str(),
            "from": event.from.as_e164(),
            "to": event.to.as_e164(),
        });
        body[field] = value;
        body.to_string().into_bytes()
    }

    fn question(&self, call: &InboundCall) -> Vec<u8> {
        let number = |number: &Option<PhoneNumber>| -> Value {
            number.as_ref().map_or(Value::Null, |number| number.as_e164().into())
        };
        let question = json!({
            "call": call.conversation_id.as_ref().map(|id| id.as_str()),
            "caller": number(&call.caller),
            "called": number(&call.called),
            "agent": call.provider_agent_id.as_ref().map(|id| id.as_str()),
        });
        question.to_string().into_bytes()
    }
}

/// Not the one of the crate: a test must not repeat its mistakes.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
