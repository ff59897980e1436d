//! Recordings of the simulator, and sockets that respond in its place.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use adapter_elevenlabs::{ElevenLabs, ElevenLabsRecords};
use async_trait::async_trait;
use domain::ports::{DialRequest, ProviderRecordings, VoiceProvider};
use domain::{Audio, AudioFormat, ConversationId};
use simulator::{Behaviour, ScriptedBehaviour, Settings, Simulator};
use testkit::fixtures;
use testkit::harness::{ProviderRecordingsHarness, RecordingsUpstream};
use testkit::peer::Peer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::dialling::{request, settings};

const HOUR_MS: u64 = 3_600_000;

pub(crate) struct Recordings {
    simulator: Simulator,
    upstream: Mutex<(String, Option<Peer>)>,
}

impl Recordings {
    pub(crate) async fn start() -> Self {
        // With this time scale a conversation has its recording immediately.
        let simulator = Simulator::start(Settings { time_scale: 0.0, ..Settings::with_any_id() });
        let simulator = simulator.await.expect("a free port");
        let upstream = Mutex::new((simulator.base_url(), None));
        Self { simulator, upstream }
    }

    fn current(&self) -> MutexGuard<'_, (String, Option<Peer>)> {
        self.upstream.lock().expect("no test panics while it holds the lock")
    }

    /// Dials a call with this script. Returns its conversation.
    async fn conversation(&self, script: ScriptedBehaviour) -> ConversationId {
        self.simulator.script(script.times(1));
        let dial = DialRequest { call_id: fixtures::call_id(), ..request(Duration::from_secs(20)) };
        let provider = ElevenLabs::new(&settings(&self.simulator.base_url())).expect("valid settings");
        let _outcome = provider.dial(&dial).await;
        let dials = self.simulator.dials();
        let dialled = dials.iter().find(|dialled| dialled.user_id.as_deref() == Some(dial.call_id.as_str()));
        let conversation = &dialled.expect("the simulator has the dial").conversation_id;
        ConversationId::parse(conversation).expect("an id")
    }

    /// The simulator's response to a request for a recording, without the adapter.
    async fn audio(&self, id: &ConversationId) -> Vec<u8> {
        let base_url = self.simulator.base_url();
        let address = base_url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).await.expect("the simulator listens");
        let request = format!(
            "GET /v1/convai/conversations/{id}/audio HTTP/1.1\r\nhost: {address}\r\nxi-api-key: any\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the simulator reads");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.expect("the simulator responds");
        let end = response.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        response.split_off(end + 4)
    }
}

#[async_trait]
impl ProviderRecordingsHarness for Recordings {
    fn recordings(&self) -> Arc<dyn ProviderRecordings> {
        Arc::new(ElevenLabsRecords::new(&settings(&self.current().0)).expect("valid settings"))
    }

    async fn recorded(&self) -> (ConversationId, Audio) {
        let id = self.conversation(ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 })).await;
        let bytes = self.audio(&id).await;
        (id, Audio { format: AudioFormat::Mp3, bytes })
    }

    async fn unrecorded(&self) -> ConversationId {
        let talking = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 0 }).talks_for_ms(HOUR_MS);
        self.conversation(talking).await
    }

    async fn upstream(&self, upstream: RecordingsUpstream) {
        let text = RecordingsUpstream::QUOTED;
        let refusal = format!(r#"{{"detail":{{"type":"t","code":"c","message":"{text}"}}}}"#);
        let response = |status: &str, body: &str| {
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        };
        let bytes = match upstream {
            RecordingsUpstream::Responds | RecordingsUpstream::RefusesConnection => None,
            RecordingsUpstream::RefusesTheKey => Some(response("401 No", &refusal)),
            RecordingsUpstream::ServerError => Some(response("500 No", &refusal)),
            RecordingsUpstream::ForeignResponse => Some(response("200 OK", &format!("<html>{text}</html>"))),
            RecordingsUpstream::CutResponse => {
                Some("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nID3 and half a frame".to_owned())
            }
            RecordingsUpstream::Large => {
                Some(response("200 OK", &format!("ID3{}", "a".repeat(RecordingsUpstream::LARGE_LEN - 3))))
            }
        };
        let peer = match bytes {
            Some(bytes) => Some(Peer::answering(bytes).await),
            None => None,
        };
        let base_url = match (upstream, &peer) {
            (RecordingsUpstream::Responds, _) => self.simulator.base_url(),
            (_, Some(peer)) => peer.base_url(),
            (_, None) => "http://127.0.0.1:1".to_owned(),
        };
        *self.current() = (base_url, peer);
    }

    async fn requests(&self) -> usize {
        self.current().1.as_ref().map_or(0, |peer| peer.received().len())
    }

    async fn dials(&self) -> usize {
        let received = self.current().1.as_ref().map_or_else(Vec::new, Peer::received);
        let other_requests = received.iter().filter(|bytes| !bytes.starts_with(b"GET ")).count();
        self.simulator.dials().len() + other_requests
    }
}
