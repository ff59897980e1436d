//! A harness for the records of a vendor without a simulator: a vendor that is only a socket and a
//! list of calls.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use domain::ports::{ProviderLookup, ProviderRecords};
use domain::{ConversationId, ProviderAgentId};

use crate::fixtures::{call_id, moment};
use crate::harness::{
    ProviderRecordsHarness, RecordedCall, RecordsFormat, RecordsQuery, RecordsUpstream, VendorCall,
    VendorState,
};
use crate::peer::{Connection, Peer, Request};
use crate::scripted_vendor::http;
use crate::secrets::word;

/// The harness.
pub struct ScriptedRecords {
    vendor: Vendor,
    peer: Peer,
}

/// The vendor's side. Clones share its script.
#[derive(Clone)]
struct Vendor {
    format: Arc<dyn RecordsFormat>,
    agent: ProviderAgentId,
    script: Arc<Mutex<Script>>,
}

struct Script {
    upstream: RecordsUpstream,
    calls: Vec<VendorCall>,
    /// A status and body in place of every record and list.
    response: Option<(u16, String)>,
    /// Whether lists have all calls, and the vendor's id in a request is ignored.
    ignores_queries: bool,
}

impl ScriptedRecords {
    /// Starts the socket.
    pub async fn start(format: impl RecordsFormat + 'static) -> Self {
        Self::of(Arc::new(format)).await
    }

    /// Starts the socket.
    pub(crate) async fn of(format: Arc<dyn RecordsFormat>) -> Self {
        let script = Script {
            upstream: RecordsUpstream::Responds,
            calls: Vec::new(),
            response: None,
            ignores_queries: false,
        };
        let agent = ProviderAgentId::parse(&format!("agent-{}", word())).expect("letters only");
        let vendor = Vendor { format, agent, script: Arc::new(Mutex::new(script)) };
        let its_vendor = vendor.clone();
        let peer = Peer::start(move |connection| {
            let vendor = its_vendor.clone();
            async move { vendor.respond(connection).await }
        })
        .await;
        Self { vendor, peer }
    }

    /// Every request that the vendor has received. A test that checks more of it than the suite reads
    /// it here.
    #[must_use]
    pub fn received(&self) -> Vec<Request> {
        self.peer.requests()
    }

    /// The adapter with this key.
    pub(crate) fn adapter(&self, api_key: &str) -> Arc<dyn ProviderRecords> {
        let unused = "http://127.0.0.1:1".to_owned();
        let refuses = self.vendor.script().upstream == RecordsUpstream::RefusesConnection;
        let base_url = if refuses { unused } else { self.peer.base_url() };
        self.vendor.format.adapter(&base_url, api_key).expect("the settings are valid")
    }

    /// The identifiers of a new call, which is not on record.
    pub(crate) fn lookup(&self) -> ProviderLookup {
        ProviderLookup {
            call_id: call_id(),
            conversation_id: ConversationId::parse(&format!("call-{}", word())).ok(),
            provider_agent_id: Some(self.vendor.agent.clone()),
            booked_at: moment(),
        }
    }

    /// Puts a new call on record.
    pub(crate) fn add(&self, state: VendorState) -> ProviderLookup {
        let lookup = self.lookup();
        self.vendor.script().calls.push(VendorCall { lookup: lookup.clone(), state });
        lookup
    }

    /// Puts another call on record, under the same id of ours.
    pub(crate) fn add_again(&self, lookup: &ProviderLookup, state: VendorState) {
        let again = ProviderLookup { call_id: lookup.call_id.clone(), ..self.add(state) };
        self.vendor.script().calls.last_mut().expect("it was just added").lookup = again;
    }

    /// From now on, every response is this one.
    pub(crate) fn respond_with(&self, status: u16, body: &str) {
        self.vendor.script().response = Some((status, body.to_owned()));
    }

    /// From now on, the vendor returns all of its calls in a list, and its first one as a record.
    pub(crate) fn ignore_queries(&self) {
        self.vendor.script().ignores_queries = true;
    }
}

impl Vendor {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no panic while it is locked")
    }

    async fn respond(&self, mut connection: Connection) {
        connection.read_request().await;
        let Some(request) = connection.requests().pop() else { return };
        let upstream = self.script().upstream;
        let (status, body) = match upstream {
            RecordsUpstream::Responds => self.response(&request),
            RecordsUpstream::RefusesConnection => return,
            RecordsUpstream::NeverResponds => {
                while connection.read_some().await > 0 {}
                return;
            }
            RecordsUpstream::RefusesTheKey => (401, self.format.refusal(401, "the key is not valid")),
            RecordsUpstream::ServerError => (500, self.format.refusal(500, "internal error")),
            RecordsUpstream::ForeignResponse => (200, "<html>Welcome</html>".to_owned()),
            RecordsUpstream::CutResponse => {
                // What arrives is a complete list.
                let list = self.format.list(&[]);
                connection.write(&http(200, "application/json", list.len() + 8, &list)).await;
                return;
            }
        };
        connection.write(&http(status, "application/json", body.len(), &body)).await;
    }

    fn response(&self, request: &Request) -> (u16, String) {
        let script = self.script();
        if let Some(response) = &script.response {
            return response.clone();
        }
        match self.format.query(request) {
            RecordsQuery::Record(id) => {
                let is_asked = |call: &&VendorCall| script.ignores_queries || call.conversation_id() == id;
                let found = script.calls.iter().find(is_asked);
                found.map_or_else(|| self.format.not_recorded(), |call| (200, self.format.record(call)))
            }
            RecordsQuery::List(id) => {
                let is_listed = |call: &&VendorCall| {
                    let is_asked = |id: &String| call.lookup.call_id.as_str() == id;
                    script.ignores_queries || id.as_ref().is_none_or(is_asked)
                };
                let items = script.calls.iter().filter(is_listed).map(|call| self.format.item(call));
                (200, self.format.list(&items.collect::<Vec<_>>()))
            }
            RecordsQuery::Other => (404, self.format.refusal(404, "no such path")),
        }
    }
}

#[async_trait]
impl ProviderRecordsHarness for ScriptedRecords {
    fn format(&self) -> Arc<dyn RecordsFormat> {
        Arc::clone(&self.vendor.format)
    }

    fn records(&self) -> Arc<dyn ProviderRecords> {
        self.adapter("any")
    }

    async fn record(&self, call: RecordedCall) -> ProviderLookup {
        self.add(match call {
            RecordedCall::InProgress => VendorState::InProgress,
            RecordedCall::Completed => VendorState::Completed,
            RecordedCall::Failed => VendorState::NoAnswer,
        })
    }

    async fn upstream(&self, upstream: RecordsUpstream) {
        self.vendor.script().upstream = upstream;
    }

    async fn dials(&self) -> usize {
        let is_dial = |request: &&Request| self.vendor.format.query(request) == RecordsQuery::Other;
        self.vendor.script().calls.len() + self.received().iter().filter(is_dial).count()
    }
}
