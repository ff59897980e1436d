//! A provider that follows the script of each request, whatever becomes of the process that asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    Clock as _, DialRequest, PortUnavailable, ProviderLookup, ProviderRecords, VoiceProvider,
};
use domain::{
    AnswerTime, CallId, CallStatus, CallUpdate, Carrier, ConversationId, ConversationRecord, DialOutcome,
    NotConnectedReason, NotDialledReason, ProviderReference, UnknownCause, UpdateContent,
};
use testkit::clock::ManualClock;
use testkit::fixtures::SERVED_CARRIERS;

use crate::gate::{Gate, Op, Side};
use crate::history::{Dial, History, Process, Ring};
use crate::script::{self, Response};
use crate::stores::Stores;

/// How long a callee who answered talks.
const TALK: Duration = Duration::from_secs(60);

/// The provider as all processes and the person who is called see it.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) time: Arc<ManualClock>,
    pub(crate) answers: AnswerTime,
    pub(crate) history: History,
    pub(crate) stores: Stores,
}

/// The connection of one process to the provider.
pub(crate) struct Line {
    pub(crate) provider: Provider,
    pub(crate) gate: Gate,
    pub(crate) process: Process,
}

impl Provider {
    /// Takes a request, and returns its place in the history.
    fn take(&self, request: &DialRequest, process: Process, was_paused_before: bool) -> (usize, Dial) {
        let reason = request.reason.as_ref().and_then(|reason| script::read(reason.as_str()));
        let (faults_before_request, script) = reason.expect("each request of the model has such a reason");
        let sent_at = self.time.monotonic();
        let accepted_at = sent_at + Duration::from_secs(script.acts_after);
        let ring = Ring { accepted_at, ends_at: accepted_at + Duration::from_secs(script.rings_for) };
        let held = self.stores.held_by(&request.call_id);
        let decided_before = self.stores.decided_calls();
        let mut events = self.history.events();
        let broken = held.broken_at_the_send(&events);
        events.broken.extend(broken);
        let dial = Dial {
            call_id: request.call_id.clone(),
            process,
            script,
            booked: held.position,
            faults_before_request,
            faults_before_send: events.faults.len(),
            decided_before,
            sent_at,
            was_paused_before,
            ring: (script.response != Response::Refused).then_some(ring),
            is_in_flight: true,
        };
        events.dials.push(dial.clone());
        (events.dials.len() - 1, dial)
    }

    async fn respond(&self, dial: &Dial) -> DialOutcome {
        let Some(ring) = dial.ring else {
            return DialOutcome::NotDialled(NotDialledReason::Unavailable);
        };
        match dial.script.response {
            Response::Reset => return DialOutcome::Unknown(UnknownCause::ConnectionLost),
            Response::Silence => std::future::pending().await,
            Response::Delivered | Response::Refused => {}
        }
        let responds_at = match self.answers {
            AnswerTime::AfterRinging => ring.ends_at,
            AnswerTime::BeforeRinging => ring.accepted_at,
        };
        self.time.sleep(responds_at - dial.sent_at).await;
        let conversation_id = ConversationId::parse(dial.call_id.as_str()).expect("an id");
        let reference = ProviderReference { conversation_id: Some(conversation_id), carrier_call_id: None };
        if dial.script.is_answered || self.answers == AnswerTime::BeforeRinging {
            DialOutcome::Placed(reference)
        } else {
            DialOutcome::NotConnected { reference, reason: NotConnectedReason::NoAnswer, code: None }
        }
    }

    fn record(&self, call_id: &CallId) -> Option<CallUpdate> {
        let now = self.time.monotonic();
        let events = self.history.events();
        let dial = events.dials.iter().find(|dial| dial.call_id == *call_id)?;
        let ring = dial.ring.filter(|ring| ring.accepted_at <= now)?;
        let status = match dial.script.is_answered {
            _ if now < ring.ends_at => CallStatus::Ringing,
            false => CallStatus::NoAnswer,
            true if now < ring.ends_at + TALK => CallStatus::InProgress,
            true => CallStatus::Completed,
        };
        let record = ConversationRecord::new(status);
        let content = UpdateContent::Conversation(record);
        Some(CallUpdate { conversation_id: None, carrier_call_id: None, content })
    }
}

#[async_trait]
impl VoiceProvider for Line {
    fn answer_time(&self) -> AnswerTime {
        self.provider.answers
    }

    fn carriers(&self) -> &[Carrier] {
        SERVED_CARRIERS
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let checked_at = self.provider.time.monotonic();
        self.gate.pass(Op::Dial, Side::Before).await;
        let was_paused_before = checked_at < self.provider.time.monotonic();
        let (index, dial) = self.provider.take(request, self.process, was_paused_before);
        let _in_flight = InFlight { history: &self.provider.history, index };
        let outcome = self.provider.respond(&dial).await;
        self.gate.pass(Op::Dial, Side::After).await;
        outcome
    }
}

#[async_trait]
impl ProviderRecords for Provider {
    async fn find(&self, lookup: &ProviderLookup) -> Result<Option<CallUpdate>, PortUnavailable> {
        Ok(self.record(&lookup.call_id))
    }
}

/// A dial whose response its process waits for, until it is dropped.
struct InFlight<'a> {
    history: &'a History,
    index: usize,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.history.events().dials[self.index].is_in_flight = false;
    }
}
