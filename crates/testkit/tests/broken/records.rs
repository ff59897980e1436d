//! An adapter of a provider's records over HTTP, and the provider's format. The adapter is honest, but
//! for the one flaw that it has.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{PortUnavailable, ProviderLookup, ProviderRecords};
use domain::{CallStatus, CallUpdate, ConversationId, ConversationRecord, UpdateContent};
use serde_json::{Map, Value, json};
use testkit::harness::{RecordsFormat, RecordsQuery, SettingsError, VendorCall, VendorState};
use testkit::peer::Request;
use testkit::scripted_records::ScriptedRecords;

use crate::flaw::Flaw;
use crate::http::{self, Response};

/// The harness: the provider is a socket.
pub(crate) struct Archive;

impl Archive {
    pub(crate) async fn honest() -> ScriptedRecords {
        ScriptedRecords::start(Format { flaw: None }).await
    }

    pub(crate) async fn with(flaw: Flaw) -> ScriptedRecords {
        ScriptedRecords::start(Format { flaw: Some(flaw) }).await
    }
}

struct Adapter {
    flaw: Option<Flaw>,
    authority: String,
    key: String,
}

const PAGE_LEN: usize = 5;

type Record = Map<String, Value>;

impl Adapter {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    async fn get(&self, target: &str) -> Result<Response, PortUnavailable> {
        let lost = |what: &str| {
            let quoted = if self.has(Flaw::PutsTheKeyIntoTheError) { &self.key } else { "" };
            PortUnavailable::new("archive", format!("{what} {quoted}"))
        };
        let method = if self.has(Flaw::DialsToLookUp) { "POST" } else { "GET" };
        let exchange = async {
            let stream = http::connect(&self.authority, Duration::from_secs(3)).await;
            let mut stream = stream.ok_or_else(|| lost("no connection"))?;
            let request = http::request(method, target, &self.key, "");
            http::exchange(&mut stream, &request).await.map_err(|_| lost("no response"))
        };
        let limited = tokio::time::timeout(Duration::from_secs(5), exchange).await;
        limited.unwrap_or_else(|_| Err(lost("no response in time")))
    }

    async fn ask(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        if let Some(id) = &lookup.conversation_id {
            let response = self.get(&format!("/calls/{}", id.as_str())).await?;
            if response.status == 404 && response.body == NOT_RECORDED.as_bytes() {
                return Ok(None);
            }
            let record = serde_json::from_slice(&response.body).ok().filter(|_| response.status == 200);
            return match record {
                Some(record) if self.is_record(&record, Some(id)) => Ok(Some(self.update(&record))),
                _ => Err(unclear()),
            };
        }
        if self.has(Flaw::FindsByConversationAlone) {
            return Ok(None);
        }
        let response = self.get("/calls").await?;
        let list: Record = serde_json::from_slice(&response.body).map_err(|_| unclear())?;
        let items = list.get("calls").and_then(Value::as_array).filter(|_| response.status == 200);
        let items: Option<Vec<&Record>> =
            items.and_then(|items| items.iter().map(Value::as_object).collect());
        let items = items.filter(|items| items.iter().all(|item| self.is_record(item, None)));
        let items = items.ok_or_else(unclear)?;
        let is_ours = |item: &&&Record| {
            self.has(Flaw::ReturnsTheAgentsLastCall) || item["reference"] == lookup.call_id.as_str()
        };
        let ours: Vec<&&Record> = items.iter().filter(is_ours).collect();
        match *ours {
            [] if items.len() >= PAGE_LEN && !self.has(Flaw::TakesAFullListForComplete) => Err(unclear()),
            [] => Ok(None),
            [ours] => Ok(Some(self.update(ours))),
            [ours, ..] if self.has(Flaw::ReturnsTheFirstOfTwo) => Ok(Some(self.update(ours))),
            [.., last] if self.has(Flaw::ReturnsTheAgentsLastCall) => Ok(Some(self.update(last))),
            _ => Err(unclear()),
        }
    }

    /// Whether the provider made this record, and of this conversation.
    fn is_record(&self, record: &Record, id: Option<&ConversationId>) -> bool {
        if self.has(Flaw::AcceptsForeignRecords) {
            return true;
        }
        let call = record.get("call").and_then(Value::as_str);
        let is_requested = call.is_some_and(|call| id.is_none_or(|id| id.as_str() == call));
        let accepts = is_requested || call.is_some() && self.has(Flaw::AcceptsOtherRecords);
        accepts && record.get("state").is_some_and(Value::is_string)
    }

    fn update(&self, record: &Record) -> CallUpdate {
        let text = |field: &str| record.get(field).and_then(Value::as_str).unwrap_or_default();
        let status = match (text("state"), text("cause")) {
            ("over", _) if self.has(Flaw::TakesEveryEndForCompleted) => CallStatus::Completed,
            ("ringing", _) => CallStatus::Ringing,
            ("talking", _) => CallStatus::InProgress,
            ("over", "hung-up") => CallStatus::Completed,
            ("over", "busy") => CallStatus::Busy,
            ("over", "no-answer") => CallStatus::NoAnswer,
            ("over", _) => CallStatus::Failed,
            _ => CallStatus::Unknown,
        };
        let id = if self.has(Flaw::DropsTheConversation) { "" } else { text("call") };
        CallUpdate {
            conversation_id: ConversationId::parse(id).ok(),
            carrier_call_id: None,
            content: UpdateContent::Conversation(ConversationRecord::new(status)),
        }
    }
}

fn unclear() -> PortUnavailable {
    PortUnavailable::new("archive", "the response is not clear")
}

#[async_trait]
impl ProviderRecords for Adapter {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        match self.ask(lookup).await {
            Err(_) if self.has(Flaw::TakesUnavailableForAbsent) => Ok(None),
            found => found,
        }
    }
}

const NOT_RECORDED: &str = r#"{"error":{"code":"no_such_call"}}"#;

struct Format {
    flaw: Option<Flaw>,
}

impl RecordsFormat for Format {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn ProviderRecords>, SettingsError> {
        let authority = http::authority(base_url).ok_or("the base URL must have a host only")?;
        Ok(Arc::new(Adapter { flaw: self.flaw, authority, key: api_key.to_owned() }))
    }

    fn query(&self, request: &Request) -> RecordsQuery {
        match request.path().strip_prefix("/calls") {
            _ if request.method != "GET" => RecordsQuery::Other,
            Some("") => RecordsQuery::List(None),
            Some(id) => RecordsQuery::Record(id.trim_start_matches('/').to_owned()),
            None => RecordsQuery::Other,
        }
    }

    fn record(&self, call: &VendorCall) -> String {
        let (state, cause) = match call.state {
            VendorState::Ringing => ("ringing", None),
            VendorState::InProgress => ("talking", None),
            VendorState::Completed => ("over", Some("hung-up")),
            VendorState::Busy => ("over", Some("busy")),
            VendorState::NoAnswer => ("over", Some("no-answer")),
            VendorState::FailedForANewReason => ("over", Some("new")),
            VendorState::New => ("new", None),
        };
        let reference = call.lookup.call_id.as_str();
        json!({ "call": call.conversation_id(), "reference": reference, "state": state, "cause": cause })
            .to_string()
    }

    fn list(&self, items: &[String]) -> String {
        format!(r#"{{"calls":[{}]}}"#, items.join(","))
    }

    fn page_len(&self) -> usize {
        PAGE_LEN
    }

    fn not_recorded(&self) -> (u16, String) {
        (404, NOT_RECORDED.to_owned())
    }

    fn refusal(&self, _: u16, text: &str) -> String {
        json!({ "error": { "code": "not_allowed", "text": text } }).to_string()
    }
}
