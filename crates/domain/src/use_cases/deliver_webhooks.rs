//! Sending events to those who asked for them.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{
    AttemptConclusion, Clock, DeliveryLease, DeliveryQueue, EventFeed, PortUnavailable, SendOutcome,
    WebhookSender,
};
use crate::{DeliveryPolicy, DueDelivery};

/// Publishes events and sends them: each at least once, until the receiver takes it or its time is over, however often this
/// process dies. To be run by any number of processes at once.
pub struct DeliverWebhooks {
    ports: DeliverWebhooksPorts,
    policy: DeliveryPolicy,
}

/// What delivering needs of the world.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, whose documentation says everything")]
pub struct DeliverWebhooksPorts {
    pub feed: Arc<dyn EventFeed>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub sender: Arc<dyn WebhookSender>,
    pub clock: Arc<dyn Clock>,
}

/// How many events are published at once.
const PUBLISHED_AT_ONCE: u32 = 200;
/// How many deliveries are given up at once for having waited.
const GIVEN_UP_AT_ONCE: u32 = 1000;
/// How many deliveries of one endpoint are under way at once.
const PER_ENDPOINT: u32 = 8;
/// How much longer than an attempt a delivery is in one pair of hands: time to write what it came to, which a store does within
/// 5 s or not at all.
const CONCLUDED_WITHIN: Duration = Duration::from_secs(10);

impl DeliverWebhooks {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: DeliverWebhooksPorts, policy: DeliveryPolicy) -> Self {
        Self { ports, policy }
    }

    /// Publishes some of what was written; says how many events. To be called until there are none.
    pub async fn publish(&self) -> Result<usize, PortUnavailable> {
        self.ports.feed.publish(PUBLISHED_AT_ONCE).await
    }

    /// Gives up some deliveries whose time is over though nobody came to attempt them; says how many. To be called until there
    /// are none.
    pub async fn give_up(&self) -> Result<u64, PortUnavailable> {
        let given_up = self.ports.queue.give_up(self.policy.given_up_after, GIVEN_UP_AT_ONCE).await?;
        if given_up > 0 {
            tracing::warn!(events = given_up, "events were given up that waited too long: dead letters");
        }
        Ok(given_up)
    }

    /// Takes up to `limit` due deliveries. Each is to be handed to [`DeliverWebhooks::deliver`], at once.
    pub async fn lease(&self, limit: u32) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let lease_for = self.policy.attempt_within + CONCLUDED_WITHIN;
        self.ports.queue.lease(&DeliveryLease { limit, per_endpoint: PER_ENDPOINT, lease_for }).await
    }

    /// Makes one attempt, and says in the queue what it came to.
    pub async fn deliver(&self, delivery: &DueDelivery) -> Result<(), PortUnavailable> {
        let outcome = self.ports.sender.send(delivery, self.ports.clock.now()).await;
        let conclusion = match outcome {
            SendOutcome::Accepted => AttemptConclusion::Delivered,
            SendOutcome::Failed { failure, retry_after } => {
                match self.policy.pause_after(delivery, retry_after, self.ports.clock.now()) {
                    Some(pause) => AttemptConclusion::Postponed { failure, pause },
                    None => {
                        let (endpoint, event) = (&delivery.endpoint_id, &delivery.event.id);
                        tracing::warn!(webhook.endpoint = %endpoint, event.id = %event, %failure, "an event was given up: a dead letter");
                        AttemptConclusion::GivenUp { failure }
                    }
                }
            }
        };
        self.ports.queue.conclude(delivery, conclusion).await
    }
}
