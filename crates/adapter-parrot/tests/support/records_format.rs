use std::sync::Arc;

use adapter_parrot::{ParrotRecords, ParrotSettings};
use domain::ports::ProviderRecords;
use serde_json::json;
use testkit::harness::{RecordsFormat, RecordsQuery, SettingsError, VendorCall, VendorState};
use testkit::peer::Request;

/// Parrot's records of calls, from its documents. The suite builds every unclear response from these.
pub(crate) struct ParrotRecordsFormat;

impl RecordsFormat for ParrotRecordsFormat {
    fn adapter(&self, base_url: &str, api_key: &str) -> Result<Arc<dyn ProviderRecords>, SettingsError> {
        let settings = ParrotSettings { api_key: api_key.into(), base_url: base_url.parse()? };
        Ok(Arc::new(ParrotRecords::new(&settings)?))
    }

    fn query(&self, request: &Request) -> RecordsQuery {
        match (request.method.as_str(), request.path().strip_prefix("/v2/calls")) {
            ("GET", Some("")) => RecordsQuery::List(request.query("reference").map(str::to_owned)),
            ("GET", Some(id)) => RecordsQuery::Record(id.trim_start_matches('/').to_owned()),
            _ => RecordsQuery::Other,
        }
    }

    fn record(&self, call: &VendorCall) -> String {
        let (state, cause) = match call.state {
            VendorState::Ringing => ("ringing", None),
            VendorState::InProgress => ("talking", None),
            VendorState::Completed => ("over", Some("hung-up")),
            VendorState::Busy => ("over", Some("busy")),
            VendorState::NoAnswer => ("over", Some("no-answer")),
            VendorState::FailedForANewReason => ("over", Some("a cause of next year")),
            VendorState::New => ("a state of next year", None),
        };
        let (call, reference) = (call.conversation_id(), call.lookup.call_id.as_str());
        json!({ "call": call, "reference": reference, "state": state, "cause": cause }).to_string()
    }

    fn list(&self, items: &[String]) -> String {
        format!(r#"{{"calls":[{}]}}"#, items.join(","))
    }

    fn page_len(&self) -> usize {
        50
    }

    fn not_recorded(&self) -> (u16, String) {
        (404, json!({ "error": { "code": "no_such_call" } }).to_string())
    }

    fn refusal(&self, _status: u16, text: &str) -> String {
        json!({ "error": { "code": "no_access", "text": text } }).to_string()
    }
}
