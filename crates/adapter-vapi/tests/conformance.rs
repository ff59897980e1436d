//! The suites of the ports, against the simulator.

use std::sync::{Arc, Mutex};

use adapter_vapi::{Vapi, VapiSettings};
use async_trait::async_trait;
use domain::ports::VoiceProvider;
use domain::{ConversationId, ProviderReference};
use serde_json::json;
use simulator::{Behaviour, CallOutcome, ErrorShape, ScriptedBehaviour, Settings, Simulator};
use testkit::harness::{DialFormat, SentDial, SettingsError, Upstream, VoiceProviderHarness};
use url::Url;

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "not every function is used here")]
mod dialling;
#[path = "support/recorded.rs"]
mod recorded;

testkit::voice_provider_suite!(Simulated::start().await);
testkit::provider_records_suite!(recorded::Recorded::start().await);

struct Simulated {
    simulator: Simulator,
    upstream: Mutex<Upstream>,
}

impl Simulated {
    async fn start() -> Self {
        let simulator = Simulator::start(Settings::with_any_id()).await.expect("a free port");
        Self { simulator, upstream: Mutex::new(Upstream::AcceptsWithIds) }
    }
}

#[async_trait]
impl VoiceProviderHarness for Simulated {
    fn format(&self) -> Arc<dyn DialFormat> {
        Arc::new(Format)
    }

    fn provider(&self) -> Arc<dyn VoiceProvider> {
        Format.adapter(&self.simulator.base_url(), "any").expect("valid settings")
    }

    async fn upstream(&self, upstream: Upstream) {
        *self.upstream.lock().expect("no test panics while it holds the lock") = upstream;
        let refuses = upstream == Upstream::RefusesConnection;
        self.simulator.refuse_connections(refuses).await;
        if !refuses {
            // The simulator counts refused dials too, so a second request would be noticed.
            self.simulator.script(ScriptedBehaviour::new(behaviour(upstream)).call(CallOutcome::Ringing));
        }
    }

    async fn requests(&self) -> Vec<SentDial> {
        let accepts = *self.upstream.lock().expect("no test panics while it holds the lock")
            == Upstream::AcceptsWithIds;
        let dials = self.simulator.dials().into_iter().map(|dial| {
            let conversation_id = ConversationId::parse(&dial.conversation_id).expect("an id");
            SentDial {
                call_id: dial.user_id.expect("our id is in every dial"),
                provider_agent_id: dial.agent_id,
                provider_number_id: dial.agent_phone_number_id,
                to: dial.to_number,
                variables: dial.dynamic_variables.into_iter().collect(),
                // The provider gets the carrier's id after it has responded.
                answered: ProviderReference {
                    conversation_id: accepts.then_some(conversation_id),
                    carrier_call_id: None,
                },
            }
        });
        dials.collect()
    }

    fn waits_for_the_callee(&self) -> bool {
        false
    }
}

struct Format;

impl DialFormat for Format {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn VoiceProvider>, SettingsError> {
        let base_url = Url::parse(base_url)?;
        let settings = VapiSettings { base_url, ..VapiSettings::new(api_key.into()) };
        Ok(Arc::new(Vapi::new(&settings)?))
    }

    fn acceptance(&self) -> (u16, String) {
        let created = "2026-01-02T03:04:05.000Z";
        let call = json!({ "id": "call-1", "orgId": "org-1", "createdAt": created, "status": "queued" });
        (201, call.to_string())
    }

    fn accepting_statuses(&self) -> Vec<u16> {
        vec![200, 201, 202]
    }

    fn refusal(&self, status: u16, text: &str) -> String {
        json!({ "message": [text], "error": "Bad Request", "statusCode": status }).to_string()
    }

    fn refusing_statuses(&self) -> Vec<u16> {
        vec![400, 401, 402, 403, 404, 422, 429]
    }
}

fn behaviour(upstream: Upstream) -> Behaviour {
    match upstream {
        Upstream::AcceptsWithIds => Behaviour::Answer { after_ms: 0 },
        Upstream::AcceptsWithoutIds => Behaviour::SuccessWithoutIds,
        Upstream::Busy => Behaviour::Busy { after_ms: 0 },
        Upstream::Silent => Behaviour::NoAnswer { after_ms: 0 },
        Upstream::Declines => Behaviour::Decline { after_ms: 0 },
        // Every dial has another number, which this script cannot quote; `sockets.rs` has responses
        // that quote it.
        Upstream::Refuses => Behaviour::HttpError {
            status: 400,
            shape: ErrorShape::List,
            code: None,
            message: Some("customer.number must be a valid phone number".to_owned()),
            retry_after_secs: None,
        },
        Upstream::RefusesForNow => Behaviour::HttpError {
            status: 429,
            shape: ErrorShape::DetailObject,
            code: None,
            message: None,
            retry_after_secs: Some(7),
        },
        Upstream::RefusesConnection => Behaviour::RefuseConnections { for_ms: None },
        Upstream::NeverResponds => Behaviour::Hang,
        Upstream::BreaksConnection => Behaviour::DropConnection,
        Upstream::ServerError => Behaviour::http_error(500),
        Upstream::ForeignResponse => Behaviour::ForeignHtml { status: 201 },
        Upstream::OversizeResponse => Behaviour::OversizeBody { bytes: 100 << 20 },
        Upstream::CutResponse => Behaviour::TruncatedBody,
        Upstream::Redirects => Behaviour::Redirect { status: 307, location: None },
    }
}
