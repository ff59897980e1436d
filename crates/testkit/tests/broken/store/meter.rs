use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{LedgerFigures, LedgerMeter, MeasuringLease, PortUnavailable};
use domain::{DeliveryState, EventSequence, Timestamp};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl LedgerMeter for BrokenStore {
    async fn lease_measuring(
        &self,
        held: Option<MeasuringLease>,
        lease_for: Duration,
    ) -> Result<Option<MeasuringLease>, PortUnavailable> {
        self.reach("").await?;
        let current = self.memory.tables().measuring;
        if self.has(Flaw::GrantsTwice) {
            let is_free = current.is_none_or(|MeasuringLease(until)| until <= self.now());
            tokio::task::yield_now().await;
            let lease = MeasuringLease(self.now().after(lease_for));
            self.memory.tables().measuring = Some(lease);
            return Ok(is_free.then_some(lease));
        }
        let held = match self.flaw {
            Flaw::RenewsForNoOne => None,
            Flaw::RenewsForEveryone => held.and(current),
            _ => held,
        };
        self.memory.lease_measuring(held, self.lease_time(lease_for)).await
    }

    async fn measure(&self, limit: u32) -> Result<LedgerFigures, PortUnavailable> {
        self.reach("").await?;
        let limit = if self.has(Flaw::MeasuresWithoutALimit) { u32::MAX } else { limit };
        let flaw = self.flaw;
        let seen = self.copy_with(|tables| match flaw {
            Flaw::CountsGivenUpCalls => {
                tables.calls.iter_mut().for_each(|call| call.progress.given_up = None);
            }
            Flaw::CountsClosedEvents => tables.inbox.iter_mut().for_each(|event| event.closed = None),
            Flaw::CountsPostponedEventsAsDue => {
                tables.inbox.iter_mut().for_each(|event| event.open_at = Timestamp::from_unix_millis(0));
            }
            Flaw::CountsPublishedEvents => {
                tables.events.iter_mut().for_each(|event| event.sequence = EventSequence::START);
            }
            Flaw::CountsEveryDelivery => {
                tables.deliveries.iter_mut().for_each(|it| it.state = DeliveryState::Pending);
            }
            _ => {}
        });
        if self.memory.is_lost() { self.memory.measure(limit).await } else { seen.measure(limit).await }
    }
}
