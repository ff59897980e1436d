//! The format of the provider whose adapters are broken.

use std::sync::Arc;

use domain::ports::VoiceProvider;
use domain::{CarrierCallId, ConversationId, ProviderReference};
use serde_json::{Value, json};
use testkit::harness::{DialFormat, SentDial, SettingsError, Upstream};
use testkit::peer::Request;
use testkit::scripted_vendor::Vendor;

use crate::flaw::Flaw;
use crate::http;
use crate::provider::Adapter;

pub(crate) struct Format {
    pub(crate) flaw: Option<Flaw>,
    pub(crate) waits_for_the_callee: bool,
}

impl DialFormat for Format {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn VoiceProvider>, SettingsError> {
        if !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let quoted = if self.flaw == Some(Flaw::ShowsTheKeyInItsError) { api_key } else { "the key" };
            return Err(format!("{quoted} is not visible ASCII").into());
        }
        Ok(Arc::new(Adapter {
            flaw: self.flaw,
            waits_for_the_callee: self.waits_for_the_callee,
            authority: http::authority(base_url).ok_or("the base URL must have a host only")?,
            key: api_key.to_owned(),
            kept: Arc::default(),
        }))
    }

    fn acceptance(&self) -> (u16, String) {
        (200, json!({ "accepted": true, "call": "call-1", "leg": "leg-1" }).to_string())
    }

    fn refusal(&self, _: u16, text: &str) -> String {
        json!({ "error": { "code": "not_allowed", "text": text } }).to_string()
    }

    fn refusing_statuses(&self) -> Vec<u16> {
        (400..500).filter(|status| ![408, 409].contains(status)).collect()
    }
}

impl Vendor for Format {
    fn answer(&self, upstream: Upstream) -> (u16, String) {
        let failed = |cause: &str| match self.waits_for_the_callee {
            true => (200, json!({ "accepted": false, "cause": cause }).to_string()),
            false => self.acceptance(),
        };
        match upstream {
            Upstream::AcceptsWithoutIds => (200, json!({ "accepted": true }).to_string()),
            Upstream::Busy => failed("busy"),
            Upstream::Silent => failed("no-answer"),
            Upstream::Declines => failed("declined"),
            other => unreachable!("the harness produces {other:?}"),
        }
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
                conversation_id: ConversationId::parse("call-1").ok(),
                carrier_call_id: CarrierCallId::parse("leg-1").ok(),
            },
        }
    }

    fn waits_for_the_callee(&self) -> bool {
        self.waits_for_the_callee
    }
}
