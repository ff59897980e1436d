//! Records of the simulator, and sockets that respond in its place.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_vapi::{VapiRecords, VapiSettings};
use async_trait::async_trait;
use domain::ports::{DialRequest, ProviderLookup, ProviderRecords, VoiceProvider};
use domain::{ConversationId, Timestamp};
use serde_json::json;
use simulator::{Behaviour, ScriptedBehaviour, Settings, Simulator};
use testkit::fixtures;
use testkit::harness::{
    ProviderRecordsHarness, RecordedCall, RecordsFormat, RecordsQuery, RecordsUpstream, SettingsError,
    VendorCall, VendorState,
};
use testkit::peer::{Peer, Request};
use url::Url;

use crate::dialling::{request, settings, vapi};

pub(crate) struct Recorded {
    simulator: Simulator,
    peer: Mutex<Option<Peer>>,
    base_url: Mutex<String>,
}

impl Recorded {
    pub(crate) async fn start() -> Self {
        // With this time scale an answered call is over immediately.
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
        Arc::new(VapiRecords::new(&settings(&base_url)).expect("valid settings"))
    }

    async fn record(&self, call: RecordedCall) -> ProviderLookup {
        const HOUR_MS: u64 = 3_600_000;
        let answered = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 });
        let script = match call {
            RecordedCall::InProgress => answered.talks_for_ms(HOUR_MS),
            RecordedCall::Completed => answered,
            RecordedCall::Failed => ScriptedBehaviour::new(Behaviour::Busy { after_ms: 0 }),
        };
        self.simulator.script(script.times(1));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let dial = DialRequest { call_id: fixtures::call_id(), ..request(Duration::from_secs(20)) };
        // `voice_provider_suite` checks the outcome.
        let _outcome = vapi(&self.simulator.base_url()).dial(&dial).await;
        let dials = self.simulator.dials();
        let dialled = dials.iter().find(|dialled| dialled.user_id.as_deref() == Some(dial.call_id.as_str()));
        let conversation = &dialled.expect("the simulator has the dial").conversation_id;
        ProviderLookup {
            call_id: dial.call_id,
            conversation_id: Some(ConversationId::parse(conversation).expect("an id")),
            provider_agent_id: Some(dial.provider_agent_id),
            booked_at: Timestamp::from_unix_millis(i64::try_from(now).expect("before the end of time")),
        }
    }

    async fn upstream(&self, upstream: RecordsUpstream) {
        let response = |status: &str, body: &str| {
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            )
        };
        let error = |status: u16| {
            let body = format!(r#"{{"message":"m","error":"Error","statusCode":{status}}}"#);
            response(&format!("{status} No"), &body)
        };
        let peer = match upstream {
            RecordsUpstream::Responds | RecordsUpstream::RefusesConnection => None,
            RecordsUpstream::NeverResponds => Some(
                Peer::start(|mut connection| async move { while connection.read_some().await > 0 {} }).await,
            ),
            RecordsUpstream::RefusesTheKey => Some(Peer::answering(error(401)).await),
            RecordsUpstream::ServerError => Some(Peer::answering(error(500)).await),
            RecordsUpstream::ForeignResponse => {
                Some(Peer::answering(response("200 OK", "<html></html>")).await)
            }
            RecordsUpstream::CutResponse => {
                // The bytes before the cut are a complete list.
                let whole = response("200 OK", "[]      ");
                Some(Peer::answering(&whole.as_bytes()[..whole.len() - 6]).await)
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
        let settings = VapiSettings { base_url, ..VapiSettings::new(api_key.into()) };
        Ok(Arc::new(VapiRecords::new(&settings)?))
    }

    fn query(&self, request: &Request) -> RecordsQuery {
        match request.path().strip_prefix("/call") {
            _ if request.method != "GET" => RecordsQuery::Other,
            Some("") => RecordsQuery::List(None),
            Some(id) => RecordsQuery::Record(id.trim_start_matches('/').to_owned()),
            None => RecordsQuery::Other,
        }
    }

    fn record(&self, call: &VendorCall) -> String {
        let (status, reason) = match call.state {
            VendorState::Ringing => ("ringing", None),
            VendorState::InProgress => ("in-progress", None),
            VendorState::Completed => ("ended", Some("customer-ended-call")),
            VendorState::Busy => ("ended", Some("customer-busy")),
            VendorState::NoAnswer => ("ended", Some("customer-did-not-answer")),
            VendorState::FailedForANewReason => ("ended", Some("a-reason-of-next-year")),
            VendorState::New => ("a-status-of-next-year", None),
        };
        let call_id = call.lookup.call_id.as_str();
        json!({
            "id": call.conversation_id(), "name": call_id, "customer": { "externalId": call_id },
            "status": status, "endedReason": reason,
        })
        .to_string()
    }

    fn list(&self, items: &[String]) -> String {
        format!("[{}]", items.join(","))
    }

    fn page_len(&self) -> usize {
        100
    }

    fn not_recorded(&self) -> (u16, String) {
        (404, self.refusal(404, "no such call"))
    }

    fn refusal(&self, status: u16, text: &str) -> String {
        json!({ "message": text, "error": "Bad Request", "statusCode": status }).to_string()
    }
}
