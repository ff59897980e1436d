use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DueDelivery, TestEvent, Timestamp, WebhookUrl};
use metrics::{Counter, Histogram};

use super::Registry;
use super::table::{DELIVERIES, DELIVERY_DURATION};

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
