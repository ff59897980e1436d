//! Webhooks in the provider's format.

use std::sync::Arc;
use std::time::Duration;

use adapter_elevenlabs::{ElevenLabsWebhook, ElevenLabsWebhookSettings};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::ports::ProviderWebhook;
use domain::{InboundCall, PhoneNumber, Timestamp};
use serde_json::{Value, json};
use testkit::harness::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};

const SECRETS: [&str; 2] = ["wsec_0123", "wsec_4567"];
const TOOL_SECRET: &str = "tool_secret";

pub(crate) struct Webhook;

fn webhook(secrets: &[&str], bearer: Option<&str>) -> Arc<dyn ProviderWebhook> {
    let secrets = secrets.iter().map(|secret| (*secret).into()).collect();
    let settings = ElevenLabsWebhookSettings { secrets, bearer: bearer.map(Into::into) };
    Arc::new(ElevenLabsWebhook::new(&settings).expect("valid settings"))
}

impl ProviderWebhookHarness for Webhook {
    fn webhook(&self) -> Arc<dyn ProviderWebhook> {
        webhook(&SECRETS, Some(TOOL_SECRET))
    }

    fn without_secrets(&self) -> Arc<dyn ProviderWebhook> {
        webhook(&[], None)
    }

    fn signature(&self, body: &[u8], at: Timestamp, secret: SigningSecret) -> Vec<(String, String)> {
        let secret = match secret {
            SigningSecret::First => SECRETS[0],
            SigningSecret::Second => SECRETS[1],
            SigningSecret::Foreign => "wsec_89ab",
        };
        let secs = (at.unix_millis() / 1000).to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[secs.as_bytes(), b".", body].concat());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        vec![("ElevenLabs-Signature".to_owned(), format!("t={secs},v0={hex}"))]
    }

    fn bearer(&self) -> Option<String> {
        Some(TOOL_SECRET.to_owned())
    }

    fn window(&self) -> (Duration, Duration) {
        (Duration::from_mins(30), Duration::from_mins(5))
    }

    fn sends_large_events(&self) -> bool {
        true
    }

    fn event(&self, event: &SampleEvent) -> Vec<u8> {
        let SampleEvent { kind, conversation_id, call_id, from, to, provider_agent_id, said } = event;
        let (from, to) = (from.as_e164(), to.as_e164());
        let mut data = json!({
            "agent_id": provider_agent_id.as_str(),
            "conversation_id": conversation_id.as_str(),
            "user_id": call_id.as_str(),
        });
        let phone_call = json!({ "metadata": {
            "start_time_unix_secs": 1_739_537_297,
            "call_duration_secs": 22,
            "phone_call": { "type": "sip_trunking", "agent_number": from, "external_number": to, "call_id": "otb_1" },
        }});
        let (kind, more) = match kind {
            SampleKind::Conversation => {
                let line = json!({ "role": "agent", "message": said, "time_in_call_secs": 0 });
                extend(&mut data, phone_call);
                ("post_call_transcription", json!({ "status": "done", "transcript": [line] }))
            }
            SampleKind::FailedDial => {
                let body = json!({ "sip_status_code": 486, "from_number": from, "to_number": to });
                let metadata = json!({ "type": "sip", "body": body });
                ("call_initiation_failure", json!({ "failure_reason": "busy", "metadata": metadata }))
            }
            SampleKind::Recording(audio) => {
                ("post_call_audio", json!({ "full_audio": STANDARD.encode(&audio.bytes) }))
            }
            SampleKind::Unknown => ("answering_machine_detection", phone_call),
        };
        extend(&mut data, more);
        json!({ "type": kind, "event_timestamp": 1_739_537_297, "data": data }).to_string().into_bytes()
    }

    fn question(&self, call: &InboundCall) -> Vec<u8> {
        let number = |number: &Option<PhoneNumber>| number.as_ref().map(|number| number.as_e164().to_owned());
        let question = json!({
            "conversation_id": call.conversation_id.as_ref().map(|id| id.as_str()),
            "caller_id": number(&call.caller),
            "called_id": number(&call.called),
            "agent_id": call.provider_agent_id.as_ref().map(|id| id.as_str()),
        });
        question.to_string().into_bytes()
    }
}

fn extend(data: &mut Value, more: Value) {
    let (Value::Object(data), Value::Object(more)) = (data, more) else { panic!("both are JSON objects") };
    data.extend(more);
}
