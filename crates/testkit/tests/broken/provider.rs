//! A voice provider and its adapter, with a scripted connection between them. It is honest, but for
//! the one flaw that it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{
    AnswerTime, Carrier, ConversationId, DialOutcome, NotConnectedReason, NotDialledReason, ProviderCode,
    ProviderReference, UnknownCause,
};
use testkit::fixtures::{SERVED_CARRIERS, provider_reference};
use testkit::harness::{SentDial, Upstream, VoiceProviderHarness};

use crate::flaw::Flaw;

/// The adapter, its harness and the provider in one; clones share the connection.
#[derive(Clone)]
pub(crate) struct Line {
    flaw: Option<Flaw>,
    waits_for_the_callee: bool,
    upstream: Arc<Mutex<Upstream>>,
    requests: Arc<Mutex<Vec<SentDial>>>,
}

/// What arrives over the connection.
enum Heard {
    NoConnection,
    Nothing,
    ConnectionLost,
    Redirected,
    /// A status, and the content of the body if it can be read.
    Answer(u16, Option<Body>),
}

enum Body {
    Placed(ProviderReference),
    Failed(NotConnectedReason),
    Refused(&'static str, Option<Duration>),
}

impl Line {
    pub(crate) fn honest() -> Self {
        Self::new(None, true)
    }

    /// For a provider that responds when a call is queued.
    pub(crate) fn honest_and_hasty() -> Self {
        Self::new(None, false)
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self::new(Some(flaw), flaw != Flaw::ClaimsToWaitForTheCallee)
    }

    fn new(flaw: Option<Flaw>, waits_for_the_callee: bool) -> Self {
        let upstream = Arc::new(Mutex::new(Upstream::AcceptsWithIds));
        Self { flaw, waits_for_the_callee, upstream, requests: Arc::default() }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The provider's side.
    fn hear(&self, request: &DialRequest) -> Heard {
        let upstream = *lock(&self.upstream);
        let not_connected = |reason| match self.waits_for_the_callee {
            true => Body::Failed(reason),
            false => Body::Placed(provider_reference()),
        };
        let heard = match upstream {
            Upstream::AcceptsWithIds => Heard::Answer(200, Some(Body::Placed(provider_reference()))),
            Upstream::AcceptsWithoutIds => {
                Heard::Answer(200, Some(Body::Placed(ProviderReference::default())))
            }
            Upstream::Busy => Heard::Answer(200, Some(not_connected(NotConnectedReason::Busy))),
            Upstream::Silent => Heard::Answer(200, Some(not_connected(NotConnectedReason::NoAnswer))),
            Upstream::Declines => Heard::Answer(200, Some(not_connected(NotConnectedReason::Declined))),
            Upstream::Refuses => Heard::Answer(404, Some(Body::Refused("agent_not_found", None))),
            Upstream::RefusesForNow => {
                Heard::Answer(429, Some(Body::Refused("too_many_calls", Some(Duration::from_secs(7)))))
            }
            Upstream::RefusesConnection => return Heard::NoConnection,
            Upstream::NeverResponds => Heard::Nothing,
            Upstream::BreaksConnection => Heard::ConnectionLost,
            Upstream::ServerError => Heard::Answer(500, Some(Body::Refused("internal_error", None))),
            Upstream::ForeignResponse | Upstream::OversizeResponse | Upstream::CutResponse => {
                Heard::Answer(200, None)
            }
            Upstream::Redirects => Heard::Redirected,
        };
        let answered = match &heard {
            Heard::Answer(_, Some(Body::Placed(reference))) => reference.clone(),
            _ => ProviderReference::default(),
        };
        lock(&self.requests).push(self.sent(request, answered));
        heard
    }

    fn sent(&self, request: &DialRequest, answered: ProviderReference) -> SentDial {
        let reason = request.reason.as_ref().map(|reason| reason.as_str());
        let mut variables = BTreeMap::new();
        if reason.is_some() && !self.has(Flaw::DropsTheReasonVariable)
            || reason.is_none() && !self.has(Flaw::OmitsAnAbsentReason)
        {
            variables.insert("call_reason".to_owned(), reason.unwrap_or_default().to_owned());
        }
        variables.insert("org_name".to_owned(), request.organization_name.as_str().to_owned());
        if let Some(callee) = &request.callee_name {
            variables.insert("caller_name".to_owned(), callee.as_str().to_owned());
        }
        let call_id = if self.has(Flaw::SendsNoCallId) { "" } else { request.call_id.as_str() };
        SentDial {
            call_id: call_id.to_owned(),
            provider_agent_id: request.provider_agent_id.as_str().to_owned(),
            provider_number_id: request.provider_number_id.as_str().to_owned(),
            to: request.to.as_e164().to_owned(),
            variables,
            answered,
        }
    }

    /// A request with its time limit.
    async fn ask(&self, request: &DialRequest) -> Option<Heard> {
        let heard = async {
            match self.hear(request) {
                Heard::Nothing => std::future::pending().await,
                heard => heard,
            }
        };
        if self.has(Flaw::WaitsForEver) {
            return Some(heard.await);
        }
        tokio::time::timeout(request.answer_within, heard).await.ok()
    }

    fn placed(&self, request: &DialRequest, reference: ProviderReference) -> DialOutcome {
        let ProviderReference { conversation_id, carrier_call_id } = reference.clone();
        match self.flaw {
            Some(Flaw::SwapsTheIds) => {
                let swapped = carrier_call_id.and_then(|id| ConversationId::parse(id.as_str()).ok());
                DialOutcome::Placed(ProviderReference { conversation_id: swapped, carrier_call_id: None })
            }
            Some(Flaw::InsistsOnIds) if conversation_id.is_none() => {
                DialOutcome::Unknown(UnknownCause::UnclearAnswer)
            }
            Some(Flaw::QuotesTheNumber) => {
                let quoted = ConversationId::parse(&format!("call to {}", request.to.as_e164())).ok();
                DialOutcome::Placed(ProviderReference { conversation_id: quoted, carrier_call_id })
            }
            _ => DialOutcome::Placed(reference),
        }
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
impl VoiceProvider for Line {
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
        let mut heard = self.ask(request).await;
        if self.has(Flaw::RetriesTheDial) && matches!(heard, Some(Heard::Answer(500.., _))) {
            heard = self.ask(request).await;
        }
        let Some(heard) = heard else { return self.unknown(UnknownCause::TimedOut) };
        match heard {
            Heard::NoConnection if self.has(Flaw::TakesNoConnectionForUnknown) => {
                DialOutcome::Unknown(UnknownCause::ConnectionLost)
            }
            Heard::NoConnection => DialOutcome::NotDialled(NotDialledReason::Unavailable),
            Heard::Redirected if self.has(Flaw::FollowsRedirects) => {
                *lock(&self.upstream) = Upstream::AcceptsWithIds;
                self.dial(request).await
            }
            Heard::Answer(200, Some(Body::Placed(reference))) => self.placed(request, reference),
            Heard::Answer(200, Some(Body::Failed(reason))) => {
                let folded = self.has(Flaw::FoldsTheReasons);
                let reason = if folded { NotConnectedReason::Failed } else { reason };
                DialOutcome::NotConnected { reference: ProviderReference::default(), reason }
            }
            Heard::Answer(200, None) if self.has(Flaw::TrustsTheStatus) => {
                DialOutcome::Placed(ProviderReference::default())
            }
            Heard::Answer(400..=499, Some(Body::Refused(code, retry_after)))
                if !self.has(Flaw::TakesRefusalsForUnknown) =>
            {
                let code = ProviderCode::from_untrusted(code);
                let retry_after = retry_after.filter(|_| !self.has(Flaw::ForgetsTheWait));
                DialOutcome::NotDialled(NotDialledReason::rejected(code, retry_after))
            }
            Heard::ConnectionLost | Heard::Nothing => self.unknown(UnknownCause::ConnectionLost),
            Heard::Redirected | Heard::Answer(..) => self.unknown(UnknownCause::UnclearAnswer),
        }
    }
}

#[async_trait]
impl VoiceProviderHarness for Line {
    fn provider(&self) -> Arc<dyn VoiceProvider> {
        Arc::new(self.clone())
    }

    async fn upstream(&self, upstream: Upstream) {
        *lock(&self.upstream) = upstream;
    }

    async fn requests(&self) -> Vec<SentDial> {
        lock(&self.requests).clone()
    }

    fn waits_for_the_callee(&self) -> bool {
        self.waits_for_the_callee
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while it is locked")
}
