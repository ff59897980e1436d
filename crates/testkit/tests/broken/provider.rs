//! An adapter of a voice provider over HTTP, and the provider's format. The adapter is honest, but for
//! the one flaw that it has.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{
    AnswerTime, CallReason, Carrier, CarrierCallId, ConversationId, DialOutcome, NotConnectedReason,
    NotDialledReason, PersonName, ProviderCode, ProviderReference, UnknownCause, VariableValue,
};
use serde_json::{Map, Value, json};
use testkit::fixtures::SERVED_CARRIERS;
use testkit::scripted_vendor::ScriptedVendor;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::flaw::Flaw;
use crate::http::{self, Lost, Response};
use crate::provider_format::Format;

/// The harness: the provider is a socket.
pub(crate) struct Line;

impl Line {
    pub(crate) async fn honest() -> ScriptedVendor<Format> {
        ScriptedVendor::start(Format { flaw: None, waits_for_the_callee: true }).await
    }

    /// For a provider that responds when a call is queued.
    pub(crate) async fn honest_and_hasty() -> ScriptedVendor<Format> {
        ScriptedVendor::start(Format { flaw: None, waits_for_the_callee: false }).await
    }

    pub(crate) async fn with(flaw: Flaw) -> ScriptedVendor<Format> {
        let waits_for_the_callee = flaw != Flaw::ClaimsToWaitForTheCallee;
        ScriptedVendor::start(Format { flaw: Some(flaw), waits_for_the_callee }).await
    }
}

pub(crate) struct Adapter {
    pub(crate) flaw: Option<Flaw>,
    pub(crate) waits_for_the_callee: bool,
    pub(crate) authority: String,
    pub(crate) key: String,
    pub(crate) kept: Arc<Mutex<Option<TcpStream>>>,
}

/// What came of a request.
enum Heard {
    NoConnection,
    Lost(Lost),
    Response(Response),
}

impl Adapter {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn body(&self, request: &DialRequest) -> Value {
        let mut variables = Map::new();
        let reason = request.reason.as_ref().map(CallReason::as_str);
        let omitted = match reason {
            Some(_) => Flaw::DropsTheReasonVariable,
            None => Flaw::OmitsAnAbsentReason,
        };
        if !self.has(omitted) {
            variables.insert("call_reason".to_owned(), reason.unwrap_or_default().into());
        }
        let callee = request.callee_name.as_ref().map_or("", PersonName::as_str);
        variables.insert("caller_name".to_owned(), callee.into());
        variables.insert("org_name".to_owned(), request.organization_name.as_str().into());
        if !self.has(Flaw::DropsTheClientsVariables) {
            variables
                .extend(request.variables.iter().map(|(name, value)| (name.to_owned(), self.json(value))));
        }
        json!({
            "agent": request.provider_agent_id.as_str(), "from": request.provider_number_id.as_str(),
            "to": request.to.as_e164(), "variables": variables,
            "reference": if self.has(Flaw::SendsNoCallId) { "" } else { request.call_id.as_str() },
        })
    }

    fn json(&self, value: &VariableValue) -> Value {
        match value {
            VariableValue::Text(text) => Value::from(&**text),
            VariableValue::Integer(number) if self.has(Flaw::SendsVariablesAsTexts) => {
                number.to_string().into()
            }
            VariableValue::Integer(number) => Value::from(*number),
            VariableValue::Decimal(number) => Value::from(*number),
            VariableValue::Boolean(value) => Value::from(*value),
        }
    }

    async fn send(&self, target: &str, request: &DialRequest) -> Heard {
        let bytes = http::request("POST", target, &self.key, &self.body(request).to_string());
        if self.has(Flaw::LogsTheKey) {
            tracing::trace!(key = self.key, "sending a dial");
        }
        let no_limit = self.has(Flaw::ConnectsWithoutALimit);
        let time_limit = Duration::from_secs(if no_limit { 600 } else { 3 });
        let mut kept = self.kept.lock().await;
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => match http::connect(&self.authority, time_limit).await {
                Some(stream) => stream,
                None => return Heard::NoConnection,
            },
        };
        match http::exchange(&mut stream, &bytes).await {
            Ok(response) => {
                *kept = Some(stream).filter(|_| self.has(Flaw::ReusesConnections));
                Heard::Response(response)
            }
            Err(lost) => Heard::Lost(lost),
        }
    }

    /// A request with its time limit.
    async fn ask(&self, target: &str, request: &DialRequest) -> Option<Heard> {
        let heard = self.send(target, request);
        if self.has(Flaw::WaitsForEver) {
            return Some(heard.await);
        }
        tokio::time::timeout(request.answer_within, heard).await.ok()
    }

    async fn ask_again(&self, first: &Response, request: &DialRequest) -> Option<Option<Heard>> {
        let again = match first.status {
            429 | 503 => self.has(Flaw::TriesOnceMore),
            500.. => self.has(Flaw::RetriesTheDial),
            _ => false,
        };
        if again {
            return Some(self.ask("/calls", request).await);
        }
        let target = first.location.as_ref().filter(|_| self.has(Flaw::FollowsRedirects))?;
        Some(self.ask(target, request).await)
    }

    fn classify(&self, request: &DialRequest, response: &Response) -> DialOutcome {
        let body: Option<Map<String, Value>> = serde_json::from_slice(&response.body).ok();
        let code = body.as_ref().and_then(|body| body.get("error")?.get("code")?.as_str());
        let refuses = match response.status {
            408 | 409 | 500..=599 => self.has(Flaw::TakesErrorsForRefusals),
            400..=499 => !self.has(Flaw::TakesRefusalsForUnknown),
            _ => false,
        };
        let succeeds = match response.status {
            200 => true,
            status => self.has(Flaw::TakesEverySuccessForPlaced) && status < 300,
        };
        match (&body, code) {
            (_, Some(code)) if refuses => self.rejected(code, response.retry_after),
            (_, None) if refuses && self.has(Flaw::BelievesTheStatusOfRefusals) => {
                self.rejected("refused", response.retry_after)
            }
            (None, _) if succeeds && self.has(Flaw::TrustsTheStatus) => {
                DialOutcome::Placed(ProviderReference::default())
            }
            (Some(body), _) if succeeds => match body.get("accepted").and_then(Value::as_bool) {
                Some(true) => self.placed(request, body),
                Some(false) => self.not_connected(body),
                None if self.has(Flaw::TakesAnyJsonForPlaced) => self.placed(request, body),
                None => self.unknown(UnknownCause::UnclearAnswer),
            },
            _ => self.unknown(UnknownCause::UnclearAnswer),
        }
    }

    fn rejected(&self, code: &str, retry_after: Option<Duration>) -> DialOutcome {
        let with_key = format!("{code}_{}", self.key);
        let code = if self.has(Flaw::PutsTheKeyIntoTheCode) { &with_key } else { code };
        let retry_after = retry_after.filter(|_| !self.has(Flaw::ForgetsTheWait));
        DialOutcome::NotDialled(NotDialledReason::rejected(ProviderCode::from_untrusted(code), retry_after))
    }

    fn placed(&self, request: &DialRequest, body: &Map<String, Value>) -> DialOutcome {
        let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
        let (call, leg) = match self.flaw {
            Some(Flaw::SwapsTheIds) => (text("leg"), None),
            Some(Flaw::QuotesTheNumber) => (Some(format!("call to {}", request.to.as_e164())), text("leg")),
            _ => (text("call"), text("leg")),
        };
        if call.is_none() && self.has(Flaw::InsistsOnIds) {
            return self.unknown(UnknownCause::UnclearAnswer);
        }
        DialOutcome::Placed(ProviderReference {
            conversation_id: call.and_then(|id| ConversationId::parse(&id).ok()),
            carrier_call_id: leg.and_then(|id| CarrierCallId::parse(&id).ok()),
        })
    }

    fn not_connected(&self, body: &Map<String, Value>) -> DialOutcome {
        let reason = match body.get("cause").and_then(Value::as_str) {
            _ if self.has(Flaw::FoldsTheReasons) => NotConnectedReason::Failed,
            Some("busy") => NotConnectedReason::Busy,
            Some("no-answer") => NotConnectedReason::NoAnswer,
            Some("declined") => NotConnectedReason::Declined,
            _ => NotConnectedReason::Failed,
        };
        DialOutcome::NotConnected { reference: ProviderReference::default(), reason, code: None }
    }

    fn unknown(&self, cause: UnknownCause) -> DialOutcome {
        match (self.flaw, cause) {
            (Some(Flaw::TakesTimeoutsForNotDialled), UnknownCause::TimedOut)
            | (Some(Flaw::FoldsUnknownIntoUnavailable), _) => {
                DialOutcome::NotDialled(NotDialledReason::Unavailable)
            }
            _ => DialOutcome::Unknown(cause),
        }
    }
}

#[async_trait]
impl VoiceProvider for Adapter {
    fn answer_time(&self) -> AnswerTime {
        if self.waits_for_the_callee || self.has(Flaw::ClaimsToWaitForTheCallee) {
            AnswerTime::AfterRinging
        } else {
            AnswerTime::BeforeRinging
        }
    }

    fn carriers(&self) -> &[Carrier] {
        if self.has(Flaw::StatesNoCarrier) { &[] } else { SERVED_CARRIERS }
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        if self.has(Flaw::LogsTheNumber) {
            tracing::debug!(to = request.to.as_e164(), "dialling");
        }
        let mut heard = self.ask("/calls", request).await;
        if let Some(Heard::Response(first)) = &heard
            && let Some(second) = self.ask_again(first, request).await
        {
            heard = second;
        }
        match heard {
            None => self.unknown(UnknownCause::TimedOut),
            Some(Heard::NoConnection) if self.has(Flaw::TakesNoConnectionForUnknown) => {
                DialOutcome::Unknown(UnknownCause::ConnectionLost)
            }
            Some(Heard::NoConnection) => DialOutcome::NotDialled(NotDialledReason::Unavailable),
            Some(Heard::Lost(Lost::Connection)) => self.unknown(UnknownCause::ConnectionLost),
            Some(Heard::Lost(Lost::TooLong)) if self.has(Flaw::TrustsTheStatus) => {
                DialOutcome::Placed(ProviderReference::default())
            }
            Some(Heard::Lost(Lost::TooLong)) => self.unknown(UnknownCause::UnclearAnswer),
            Some(Heard::Response(response)) => self.classify(request, &response),
        }
    }
}
