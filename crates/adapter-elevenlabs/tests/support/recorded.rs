//! Records of the simulator, and sockets that respond in its place.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_elevenlabs::{ElevenLabs, ElevenLabsRecords, ElevenLabsSettings};
use async_trait::async_trait;
use domain::ports::{DialRequest, ProviderLookup, ProviderRecords, VoiceProvider};
use domain::{ConversationId, Timestamp};
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, Settings, Simulator};
use testkit::fixtures;
use testkit::harness::{
    ProviderRecordsHarness, RecordedCall, RecordsFormat, RecordsQuery, RecordsUpstream, SettingsError,
    VendorCall, VendorState,
};
use testkit::peer::{Peer, Request};
use url::Url;

use crate::dialling::{request, settings};

pub(crate) struct Recorded {
    simulator: Simulator,
    peer: Mutex<Option<Peer>>,
    base_url: Mutex<String>,
}

impl Recorded {
    pub(crate) async fn start() -> Self {
        // With this time scale a conversation has its record immediately.
        let simulator = Simulator::start(Settings { time_scale: 0.0, ..Settings::with_any_id() });
        let simulator = simulator.await.expect("a free port");
        let base_url = Mutex::new(simulator.base_url());
        Self { simulator, peer: Mutex::default(), base_url }
    }
}

#[async_trait]
impl ProviderRecordsHarness for Recorded {
    fn format(&self) -> Arc<dyn RecordsFormat> {
        Arc::new(Format)
    }

    fn records(&self) -> Arc<dyn ProviderRecords> {
        let base_url = self.base_url.lock().expect("no test panics while it holds the lock").clone();
        Arc::new(ElevenLabsRecords::new(&settings(&base_url)).expect("valid settings"))
    }

    async fn record(&self, call: RecordedCall) -> ProviderLookup {
        const HOUR_MS: u64 = 3_600_000;
        let script = match call {
            RecordedCall::InProgress => {
                ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 }).talks_for_ms(HOUR_MS)
            }
            RecordedCall::Completed => ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 }),
            RecordedCall::Failed => ScriptedBehaviour::new(Behaviour::Busy { after_ms: 0 }),
        };
        self.simulator.script(script.times(1));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let now = Timestamp::from_unix_millis(i64::try_from(now).expect("before the end of time"));
        let answer_within = Duration::from_secs(20);
        let dial = DialRequest { call_id: fixtures::call_id(), ..request(answer_within) };
        let provider = ElevenLabs::new(&settings(&self.simulator.base_url())).expect("valid settings");
        // `voice_provider_suite` checks the outcome.
        let _outcome = provider.dial(&dial).await;
        let dials = self.simulator.dials();
        let dialled = dials.iter().find(|dialled| dialled.user_id.as_deref() == Some(dial.call_id.as_str()));
        let conversation = &dialled.expect("the simulator has the dial").conversation_id;
        ProviderLookup {
            call_id: dial.call_id,
            conversation_id: Some(ConversationId::parse(conversation).expect("an id")),
            provider_agent_id: Some(dial.provider_agent_id),
            booked_at: now,
        }
    }

    async fn upstream(&self, upstream: RecordsUpstream) {
        let refusal = r#"{"detail":{"type":"t","code":"unauthorized","message":"m"}}"#;
        let response = |status: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let peer = match upstream {
            RecordsUpstream::Responds | RecordsUpstream::RefusesConnection => None,
            RecordsUpstream::NeverResponds => Some(
                Peer::start(|mut connection| async move { while connection.read_some().await > 0 {} }).await,
            ),
            RecordsUpstream::RefusesTheKey => Some(Peer::answering(response("401 No", refusal)).await),
            RecordsUpstream::ServerError => Some(Peer::answering(response("500 No", refusal)).await),
            RecordsUpstream::ForeignResponse => {
                Some(Peer::answering(response("200 OK", "<html></html>")).await)
            }
            RecordsUpstream::CutResponse => {
                let whole = response("200 OK", r#"{"conversations":[],"has_more":false}"#);
                Some(Peer::answering(&whole.as_bytes()[..whole.len() - 9]).await)
            }
        };
        let base_url = match (upstream, &peer) {
            (RecordsUpstream::Responds, _) => self.simulator.base_url(),
            (_, Some(peer)) => peer.base_url(),
            (_, None) => "http://127.0.0.1:1".to_owned(),
        };
        *self.base_url.lock().expect("no test panics while it holds the lock") = base_url;
        *self.peer.lock().expect("no test panics while it holds the lock") = peer;
    }

    async fn dials(&self) -> usize {
        let received = self
            .peer
            .lock()
            .expect("no test panics while it holds the lock")
            .as_ref()
            .map_or_else(Vec::new, Peer::received);
        let other_requests = received.iter().filter(|bytes| !bytes.starts_with(b"GET ")).count();
        self.simulator.dials().len() + other_requests
    }
}

pub(crate) struct Format;

impl RecordsFormat for Format {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn ProviderRecords>, SettingsError> {
        let base_url = Url::parse(base_url)?;
        let settings = ElevenLabsSettings { base_url, ..ElevenLabsSettings::new(api_key.into()) };
        Ok(Arc::new(ElevenLabsRecords::new(&settings)?))
    }

    fn query(&self, request: &Request) -> RecordsQuery {
        match request.path().strip_prefix("/v1/convai/conversations") {
            _ if request.method != "GET" => RecordsQuery::Other,
            Some("") => RecordsQuery::List(request.query("user_id").map(str::to_owned)),
            Some(id) => RecordsQuery::Record(id.trim_start_matches('/').to_owned()),
            None => RecordsQuery::Other,
        }
    }

    fn record(&self, call: &VendorCall) -> String {
        let (status, error) = status(call.state);
        let mut record = json!({
            "conversation_id": call.conversation_id(), "user_id": call.lookup.call_id.as_str(),
            "status": status, "metadata": { "call_duration_secs": 7 },
        });
        if let Some(error) = error {
            record["metadata"]["error"] = error;
        }
        record.to_string()
    }

    fn item(&self, call: &VendorCall) -> String {
        json!({ "conversation_id": call.conversation_id(), "status": status(call.state).0 }).to_string()
    }

    fn list(&self, items: &[String]) -> String {
        let (items, has_more) = (items.join(","), items.len() >= self.page_len());
        format!(r#"{{"conversations":[{items}],"next_cursor":null,"has_more":{has_more}}}"#)
    }

    fn page_len(&self) -> usize {
        30
    }

    fn not_recorded(&self) -> (u16, String) {
        (404, json!({ "detail": { "code": "conversation_not_found", "message": "m" } }).to_string())
    }

    fn refusal(&self, _: u16, text: &str) -> String {
        json!({ "detail": { "code": "unauthorized", "message": text } }).to_string()
    }
}

/// The status of a conversation, and the error in its metadata.
fn status(state: VendorState) -> (&'static str, Option<Value>) {
    let error = |code: u16, reason: &str| Some(json!({ "code": code, "reason": reason }));
    match state {
        VendorState::Ringing => ("initiated", None),
        VendorState::InProgress => ("in-progress", None),
        VendorState::Completed => ("done", None),
        VendorState::Busy => ("failed", error(486, "sip status: 486: busy here (sip 486)")),
        VendorState::NoAnswer => ("failed", error(480, "sip status: 480: unavailable (sip 480)")),
        VendorState::FailedForANewReason => ("failed", error(1099, "a reason of next year")),
        VendorState::New => ("a-state-of-next-year", None),
    }
}
