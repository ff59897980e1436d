use async_trait::async_trait;
use domain::ports::{LedgerFigures, LedgerMeter, PortUnavailable};
use domain::{DeliveryState, EventSequence, Timestamp};

use super::BrokenStore;
use crate::flaw::Flaw;

#[async_trait]
impl LedgerMeter for BrokenStore {
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
