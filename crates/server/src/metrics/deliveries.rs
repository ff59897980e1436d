use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::ports::{
    AttemptConclusion, DeliveryLease, DeliveryListQuery, DeliveryQueue, PortUnavailable, ReplayQuery,
    SendOutcome, UrlRefusal, WebhookSender,
};
use domain::{DeliveryRecord, DueDelivery, TestEvent, Timestamp, WebhookUrl};
use metrics::{Counter, Histogram};

use super::Registry;
use super::table::{DEAD_LETTERS, DELIVERIES, DELIVERY_DURATION};

/// Counts and measures attempts of deliveries. Test events do not count.
pub(crate) struct MeasuredSender {
    sender: Arc<dyn WebhookSender>,
    accepted: (Counter, Histogram),
    failed: (Counter, Histogram),
}

impl MeasuredSender {
    pub(crate) fn new(sender: Arc<dyn WebhookSender>, registry: &Registry) -> Self {
        let result = |result| {
            (registry.counter(&DELIVERIES, &[result]), registry.histogram(&DELIVERY_DURATION, &[result]))
        };
        Self { sender, accepted: result("accepted"), failed: result("failed") }
    }
}

#[async_trait]
impl WebhookSender for MeasuredSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal> {
        self.sender.check(url).await
    }

    async fn send(&self, delivery: &DueDelivery, now: Timestamp) -> SendOutcome {
        let began = Instant::now();
        let outcome = self.sender.send(delivery, now).await;
        let (counter, duration) = match outcome {
            SendOutcome::Accepted => &self.accepted,
            SendOutcome::Failed { .. } => &self.failed,
        };
        counter.increment(1);
        duration.record(began.elapsed());
        outcome
    }

    async fn send_test(&self, event: &TestEvent, now: Timestamp) -> SendOutcome {
        self.sender.send_test(event, now).await
    }
}

/// Counts the deliveries that become dead letters. One whose last attempts ended in two processes may
/// count twice.
pub(crate) struct MeasuredQueue {
    queue: Arc<dyn DeliveryQueue>,
    dead: Counter,
}

impl MeasuredQueue {
    pub(crate) fn new(queue: Arc<dyn DeliveryQueue>, registry: &Registry) -> Self {
        Self { queue, dead: registry.counter(&DEAD_LETTERS, &[]) }
    }
}

#[async_trait]
impl DeliveryQueue for MeasuredQueue {
    async fn lease(&self, lease: &DeliveryLease) -> Result<Vec<DueDelivery>, PortUnavailable> {
        self.queue.lease(lease).await
    }

    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        self.queue.conclude(delivery, conclusion).await?;
        match conclusion {
            AttemptConclusion::GivenUp { .. } | AttemptConclusion::ReceiverGone { .. } => {
                self.dead.increment(1);
            }
            AttemptConclusion::Delivered | AttemptConclusion::Postponed { .. } => {}
        }
        Ok(())
    }

    async fn expire(&self, queued_for: Duration, limit: u32) -> Result<u64, PortUnavailable> {
        let expired = self.queue.expire(queued_for, limit).await?;
        self.dead.increment(expired);
        Ok(expired)
    }

    async fn list(&self, query: &DeliveryListQuery) -> Result<Vec<DeliveryRecord>, PortUnavailable> {
        self.queue.list(query).await
    }

    async fn replay(&self, query: &ReplayQuery) -> Result<u64, PortUnavailable> {
        self.queue.replay(query).await
    }
}
