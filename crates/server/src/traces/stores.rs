//! The statements of the database on the way of a call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    CallLedger, CountQuery, HoldResult, OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable,
    Settlement, UndecidedCall,
};
use domain::{Booking, IntentKey};
use opentelemetry::trace::SpanKind;

use super::calls::name;
use super::{Spans, is_traced};

/// Traces how the parties are found.
pub(crate) struct TracedDirectory {
    directory: Arc<dyn OutboundDirectory>,
    spans: Spans,
}

impl TracedDirectory {
    pub(crate) fn new(directory: Arc<dyn OutboundDirectory>, spans: Spans) -> Self {
        Self { directory, spans }
    }
}

#[async_trait]
impl OutboundDirectory for TracedDirectory {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let step = self.spans.start("resolve", SpanKind::Internal);
        step.check(step.run(self.directory.resolve(query)).await)
    }
}

/// Traces bookings and settlements. A booking stores its span, to which later work is linked.
pub(crate) struct TracedLedger {
    ledger: Arc<dyn CallLedger>,
    spans: Spans,
}

impl TracedLedger {
    pub(crate) fn new(ledger: Arc<dyn CallLedger>, spans: Spans) -> Self {
        Self { ledger, spans }
    }
}

#[async_trait]
impl CallLedger for TracedLedger {
    async fn book(&self, booking: &Booking) -> Result<HoldResult, PortUnavailable> {
        let step = self.spans.start("book", SpanKind::Internal);
        step.set("outdial.call.id", booking.identity.call_id.to_string());
        let booking = Booking { trace: step.parent_of_links(), ..booking.clone() };
        let result = step.check(step.run(self.ledger.book(&booking)).await)?;
        step.set("outdial.result", name(&result));
        Ok(result)
    }

    async fn undecided(&self, key: &IntentKey) -> Result<Option<UndecidedCall>, PortUnavailable> {
        self.ledger.undecided(key).await
    }

    async fn settle<'a>(&self, settlement: &Settlement<'a>) -> Result<(), PortUnavailable> {
        // A booking that is given back after its response.
        if !is_traced() {
            return self.ledger.settle(settlement).await;
        }
        let step = self.spans.start("settle", SpanKind::Internal);
        step.set("outdial.call.id", settlement.call_id.to_string());
        step.set("outdial.outcome", settlement.outcome.as_str());
        step.check(step.run(self.ledger.settle(settlement)).await)
    }

    async fn remove_expired(&self, expired_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        self.ledger.remove_expired(expired_for, limit).await
    }

    async fn count_since<'a>(&self, query: &CountQuery<'a>) -> Result<u32, PortUnavailable> {
        self.ledger.count_since(query).await
    }
}
