use std::sync::Arc;

use adapter_parrot::{Parrot, ParrotSettings};
use domain::ports::VoiceProvider;
use domain::{ConversationId, ProviderReference};
use serde_json::{Value, json};
use testkit::harness::{DialFormat, SentDial, SettingsError, Upstream};
use testkit::peer::Request;
use testkit::scripted_vendor::Vendor;

/// One acceptance and one refusal of Parrot, from its documents. The suite derives every broken
/// response from these.
pub(crate) struct ParrotFormat;

impl DialFormat for ParrotFormat {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn VoiceProvider>, SettingsError> {
        let settings = ParrotSettings { api_key: api_key.into(), base_url: base_url.parse()? };
        Ok(Arc::new(Parrot::new(&settings)?))
    }

    fn acceptance(&self) -> (u16, String) {
        (200, json!({ "accepted": true, "call": "p-1" }).to_string())
    }

    fn refusal(&self, _status: u16, text: &str) -> String {
        json!({ "error": { "code": "bad_number", "text": text } }).to_string()
    }

    fn refusing_statuses(&self) -> Vec<u16> {
        vec![422, 400, 401, 402, 403, 404, 429]
    }
}

impl Vendor for ParrotFormat {
    fn answer(&self, upstream: Upstream) -> (u16, String) {
        let failed = |cause: &str| json!({ "accepted": false, "cause": cause });
        let body = match upstream {
            Upstream::AcceptsWithoutIds => json!({ "accepted": true }),
            Upstream::Busy => failed("busy"),
            Upstream::Silent => failed("no-answer"),
            Upstream::Declines => failed("declined"),
            other => unreachable!("the harness produces {other:?}"),
        };
        (200, body.to_string())
    }

    fn sent(&self, request: &Request) -> SentDial {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let variables = body["variables"].as_object().expect("an object");
        SentDial {
            call_id: text(&body["reference"]),
            provider_agent_id: text(&body["agent"]),
            provider_number_id: text(&body["from"]),
            to: text(&body["to"]),
            variables: variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            answered: ProviderReference {
                conversation_id: ConversationId::parse("p-1").ok(),
                carrier_call_id: None,
            },
        }
    }

    fn waits_for_the_callee(&self) -> bool {
        true
    }
}
