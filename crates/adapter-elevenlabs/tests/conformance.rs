//! The suites of the ports, against the simulator.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings};
use async_trait::async_trait;
use domain::ports::VoiceProvider;
use domain::{CarrierCallId, ConversationId, ProviderReference};
use provider_client::{ApiKey, MAX_CONNECT_TIMEOUT, ProviderClient};
use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ErrorShape, ScriptedBehaviour, Settings, Simulator};
use testkit::harness::{DialFormat, SentDial, SettingsError, Upstream, VoiceProviderHarness};
use url::Url;

#[path = "support/dialling.rs"]
#[expect(dead_code, reason = "not every function is used here")]
mod dialling;
#[path = "support/recorded.rs"]
mod recorded;
#[path = "support/recordings.rs"]
mod recordings;
#[path = "support/webhook.rs"]
mod webhook;
#[path = "support/workspace.rs"]
mod workspace;

testkit::voice_provider_suite!(Simulated::start().await);
testkit::provider_records_suite!(recorded::Recorded::start().await);
testkit::provider_recordings_suite!(recordings::Recordings::start().await);
testkit::provider_webhook_suite!(webhook::Webhook);
testkit::voice_workspace_suite!(workspace::Workspace::start().await);

struct Simulated {
    simulator: Simulator,
    upstream: Mutex<Upstream>,
}

impl Simulated {
    async fn start() -> Self {
        let simulator = Simulator::start(Settings::with_any_id()).await.expect("a free port");
        Self { simulator, upstream: Mutex::new(Upstream::AcceptsWithIds) }
    }

    /// The ids in the simulator's record of a conversation.
    async fn ids(&self, conversation_id: &str) -> ProviderReference {
        let base_url = Url::parse(&self.simulator.base_url()).expect("a URL");
        let key = "any".into();
        let client = ProviderClient::new(&base_url, ApiKey::Header("xi-api-key", &key), MAX_CONNECT_TIMEOUT);
        let client = client.expect("valid settings");
        let url = client.endpoint(["v1", "convai", "conversations", conversation_id]);
        let response = client.read(&url, Instant::now() + Duration::from_secs(10)).await.expect("a record");
        let record: Value = serde_json::from_slice(&response.body).expect("JSON");
        let sip_call_id = record["metadata"]["phone_call"]["call_id"].as_str().expect("the call has an id");
        ProviderReference {
            conversation_id: Some(ConversationId::parse(conversation_id).expect("an id")),
            carrier_call_id: Some(CarrierCallId::parse(sip_call_id).expect("an id")),
        }
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
        let upstream = *self.upstream.lock().expect("no test panics while it holds the lock");
        let mut sent = Vec::new();
        for dial in self.simulator.dials() {
            let answered = match upstream {
                Upstream::AcceptsWithIds => self.ids(&dial.conversation_id).await,
                _ => ProviderReference::default(),
            };
            sent.push(SentDial {
                variables: dial.dynamic_variables.into_iter().collect(),
                call_id: dial.user_id.expect("our id is in every dial"),
                provider_agent_id: dial.agent_id,
                provider_number_id: dial.agent_phone_number_id,
                to: dial.to_number,
                answered,
            });
        }
        sent
    }

    fn waits_for_the_callee(&self) -> bool {
        true
    }
}

struct Format;

impl DialFormat for Format {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn VoiceProvider>, SettingsError> {
        let base_url = Url::parse(base_url)?;
        let settings = ElevenLabsSettings { base_url, ..ElevenLabsSettings::new(api_key.into()) };
        Ok(Arc::new(ElevenLabs::new(&settings)?))
    }

    fn acceptance(&self) -> (u16, String) {
        let ids =
            json!({ "success": true, "message": "m", "conversation_id": "conv_1", "sip_call_id": "otb_1" });
        (200, ids.to_string())
    }

    fn accepting_statuses(&self) -> Vec<u16> {
        vec![200, 201, 202]
    }

    fn refusal(&self, _: u16, text: &str) -> String {
        json!({ "detail": { "type": "invalid_request", "code": "invalid_number", "message": text } })
            .to_string()
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
        // Every dial has another number, which this script cannot quote; `secrecy.rs` has responses
        // that quote it.
        Upstream::Refuses => Behaviour::HttpError {
            status: 422,
            shape: ErrorShape::DetailObject,
            code: None,
            message: Some("The number to dial is not allowed.".to_owned()),
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
        Upstream::ForeignResponse => Behaviour::ForeignHtml { status: 200 },
        Upstream::OversizeResponse => Behaviour::OversizeBody { bytes: 100 << 20 },
        Upstream::CutResponse => Behaviour::TruncatedBody,
        Upstream::Redirects => Behaviour::Redirect { status: 307, location: None },
    }
}
