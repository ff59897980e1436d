//! The decision, the lock and the dial.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallingRules, DayLimit, DialRequest, HoldResult, IdempotencyLock, LockRequest, LockSettlement, Ownership,
    PortUnavailable, Proximity, RuleQuestion, SettleResult, VoiceProvider,
};
use domain::{
    AnswerTime, AppliedRules, Carrier, DialOutcome, IntentKey, LocalMoment, OwnerToken, Pace, PhoneNumber,
    Region, RuleId, Slot, Timestamp, UnknownCause, ZoneName,
};
use opentelemetry::trace::SpanKind;

use super::{Spans, Step};

/// Traces the dial as a request to another service.
pub(crate) struct TracedProvider {
    provider: Arc<dyn VoiceProvider>,
    spans: Spans,
    name: &'static str,
    /// The host of the provider's API.
    host: String,
}

impl TracedProvider {
    pub(crate) fn new(
        provider: Arc<dyn VoiceProvider>,
        spans: Spans,
        name: &'static str,
        host: String,
    ) -> Self {
        Self { provider, spans, name, host }
    }
}

const OUTCOME: &str = "outdial.outcome";

/// The span of a dial. If the dial is dropped, because its time is over, its outcome is unknown.
struct Dial(Step);

impl Drop for Dial {
    fn drop(&mut self) {
        if self.0.is_unfinished() {
            self.0.set(OUTCOME, DialOutcome::Unknown(UnknownCause::TimedOut).as_str());
        }
    }
}

#[async_trait]
impl VoiceProvider for TracedProvider {
    fn answer_time(&self) -> AnswerTime {
        self.provider.answer_time()
    }

    fn carriers(&self) -> &[Carrier] {
        self.provider.carriers()
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let step = self.spans.start("dial", SpanKind::Client);
        step.set("server.address", self.host.clone());
        step.set("outdial.provider", self.name);
        step.set("outdial.call.id", request.call_id.to_string());
        let dial = Dial(step);
        let Dial(step) = &dial;
        // The client of the provider adds the status of the response.
        let outcome = step.run(self.provider.dial(request)).await;
        step.set(OUTCOME, outcome.as_str());
        match &outcome {
            DialOutcome::Placed(_) | DialOutcome::NotConnected { .. } => {}
            DialOutcome::NotDialled(_) | DialOutcome::Unknown(_) => step.fail(outcome.as_str()),
        }
        outcome
    }
}

/// Traces taking the lock, and settling it. Renewals are not traced: there may be many.
pub(crate) struct TracedLock {
    lock: Arc<dyn IdempotencyLock>,
    spans: Spans,
}

impl TracedLock {
    pub(crate) fn new(lock: Arc<dyn IdempotencyLock>, spans: Spans) -> Self {
        Self { lock, spans }
    }
}

#[async_trait]
impl IdempotencyLock for TracedLock {
    async fn acquire<'a>(&self, request: &LockRequest<'a>) -> Result<HoldResult, PortUnavailable> {
        let step = self.spans.start("lock", SpanKind::Internal);
        let result = step.check(step.run(self.lock.acquire(request)).await)?;
        step.set("outdial.result", name(&result));
        Ok(result)
    }

    async fn renew(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        hold_for: Duration,
    ) -> Result<Ownership, PortUnavailable> {
        self.lock.renew(key, token, hold_for).await
    }

    async fn settle<'a>(&self, settlement: &LockSettlement<'a>) -> Result<SettleResult, PortUnavailable> {
        let step = self.spans.start("settle lock", SpanKind::Internal);
        step.check(step.run(self.lock.settle(settlement)).await)
    }

    async fn release(
        &self,
        key: &IntentKey,
        token: &OwnerToken,
        limits: &[DayLimit],
    ) -> Result<Ownership, PortUnavailable> {
        self.lock.release(key, token, limits).await
    }

    async fn next_slot(&self, paces: &[Pace], longest_wait: Duration) -> Result<Slot, PortUnavailable> {
        let step = self.spans.start("next slot", SpanKind::Internal);
        step.check(step.run(self.lock.next_slot(paces, longest_wait)).await)
    }
}

/// What a request for an intent got.
pub(super) const fn name(result: &HoldResult) -> &'static str {
    match result {
        HoldResult::Granted | HoldResult::GrantedAfter { .. } => "granted",
        HoldResult::TooFast { .. } => "too-fast",
        HoldResult::InFlight { .. } => "in-flight",
        HoldResult::Undecided { .. } => "undecided",
        HoldResult::Settled(_) => "settled",
        HoldResult::Refused(_) => "refused",
        HoldResult::Uncounted(_) => "uncounted",
        HoldResult::KeyTaken => "key-taken",
    }
}

/// Traces the question which rules apply, which is what a decision spends its time on.
pub(crate) struct TracedRules {
    rules: Arc<dyn CallingRules>,
    spans: Spans,
}

impl TracedRules {
    pub(crate) fn new(rules: Arc<dyn CallingRules>, spans: Spans) -> Self {
        Self { rules, spans }
    }
}

impl CallingRules for TracedRules {
    fn apply(&self, question: &RuleQuestion<'_>) -> AppliedRules {
        let _step = self.spans.start("decide", SpanKind::Internal);
        self.rules.apply(question)
    }

    fn local_time(&self, zone: &ZoneName, at: Timestamp) -> Option<LocalMoment> {
        self.rules.local_time(zone, at)
    }

    fn start_of_day(&self, zone: &ZoneName, at: Timestamp) -> Option<Timestamp> {
        self.rules.start_of_day(zone, at)
    }

    fn proximity(&self, one: &PhoneNumber, other: &PhoneNumber) -> Proximity {
        self.rules.proximity(one, other)
    }

    fn states(&self, number: &PhoneNumber) -> Vec<Region> {
        self.rules.states(number)
    }

    fn knows(&self, id: &RuleId) -> bool {
        self.rules.knows(id)
    }

    fn knows_zone(&self, zone: &ZoneName) -> bool {
        self.rules.knows_zone(zone)
    }
}
