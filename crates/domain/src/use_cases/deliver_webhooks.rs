//! Publishing call events and delivering them to webhook endpoints.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{
    AttemptConclusion, Clock, DeliveryLease, DeliveryQueue, EventFeed, PortUnavailable, SendOutcome,
    WebhookSender,
};
use crate::{DeliveryPolicy, DueDelivery, OrganizationId, Shares};

/// Publishes call events and delivers them: each at least once, until the receiver accepts it or it
/// expires, however often this process dies. Any number of processes may run it at the same time.
pub struct DeliverWebhooks {
    ports: DeliverWebhooksPorts,
    policy: DeliveryPolicy,
}

/// The ports that delivering needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is named for its port, which documents it")]
pub struct DeliverWebhooksPorts {
    pub feed: Arc<dyn EventFeed>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub sender: Arc<dyn WebhookSender>,
    pub clock: Arc<dyn Clock>,
}

/// The maximum number of events in one publication.
const PUBLISH_BATCH: u32 = 200;
/// The maximum number of deliveries that expire in one statement.
const EXPIRE_BATCH: u32 = 1000;
/// The maximum number of deliveries of one endpoint at the same time.
const PER_ENDPOINT: u32 = 8;
/// How much longer than an attempt its lease lasts: time to record the result twice, which a store
/// does within 5 s or fails.
const CONCLUDE_WITHIN: Duration = Duration::from_secs(12);
/// The pause before the result of an attempt is recorded a second time, after a store failed.
const CONCLUDE_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl DeliverWebhooks {
    /// The use case on these ports.
    #[must_use]
    pub const fn new(ports: DeliverWebhooksPorts, policy: DeliveryPolicy) -> Self {
        Self { ports, policy }
    }

    /// Publishes some written events and returns how many. Call it until it returns 0.
    pub async fn publish(&self) -> Result<usize, PortUnavailable> {
        self.ports.feed.publish(PUBLISH_BATCH).await
    }

    /// Expires some deliveries that are too old, attempted or not, and returns how many. Call it
    /// until it returns 0.
    pub async fn expire(&self) -> Result<u64, PortUnavailable> {
        let expired = self.ports.queue.expire(self.policy.given_up_after, EXPIRE_BATCH).await?;
        if expired > 0 {
            tracing::warn!(
                events = expired,
                "deliveries expired before they were delivered; they are dead letters now"
            );
        }
        Ok(expired)
    }

    /// Leases at most `limit` due deliveries, and of each organization no more than `shares` have
    /// left. Take a share for each, and pass it to [`DeliverWebhooks::deliver`] immediately.
    pub async fn lease(
        &self,
        limit: u32,
        shares: &Shares<OrganizationId>,
    ) -> Result<Vec<DueDelivery>, PortUnavailable> {
        let number = |permits| u32::try_from(permits).unwrap_or(u32::MAX);
        let running = shares.held_by_each().into_iter();
        let lease = DeliveryLease {
            limit,
            per_endpoint: PER_ENDPOINT,
            per_organization: number(shares.of_one()),
            running: running.map(|(organization_id, attempts)| (organization_id, number(attempts))).collect(),
            lease_for: self.policy.attempt_within + CONCLUDE_WITHIN,
        };
        self.ports.queue.lease(&lease).await
    }

    /// Makes one attempt and records its result in the queue.
    pub async fn deliver(&self, delivery: &DueDelivery) -> Result<(), PortUnavailable> {
        let outcome = self.ports.sender.send(delivery, self.ports.clock.now()).await;
        let conclusion = match outcome {
            SendOutcome::Accepted => AttemptConclusion::Delivered,
            SendOutcome::Failed { failure, .. } if failure.is_gone() => {
                let (endpoint, event) = (&delivery.endpoint_id, &delivery.event.id);
                tracing::warn!(webhook.endpoint = %endpoint, event.id = %event, %failure, "a receiver does not exist any more; its endpoint is disabled, and its events wait until it is enabled");
                AttemptConclusion::ReceiverGone { failure, at: self.ports.clock.now() }
            }
            SendOutcome::Failed { failure, retry_after } => {
                match self.policy.pause_after(delivery, retry_after, self.ports.clock.now()) {
                    Some(pause) => AttemptConclusion::Postponed { failure, pause },
                    None => {
                        let (endpoint, event) = (&delivery.endpoint_id, &delivery.event.id);
                        tracing::warn!(webhook.endpoint = %endpoint, event.id = %event, %failure, "a delivery expired; it is a dead letter now");
                        AttemptConclusion::GivenUp { failure }
                    }
                }
            }
        };
        self.conclude(delivery, conclusion).await
    }

    /// Attempted twice: without its result, the delivery waits for the end of its lease and is then
    /// sent again. A conclusion that was recorded although its response was lost does no harm: the
    /// queue ignores all but the newest attempt's, and a repetition changes nothing but the time of
    /// the next attempt.
    async fn conclude(
        &self,
        delivery: &DueDelivery,
        conclusion: AttemptConclusion,
    ) -> Result<(), PortUnavailable> {
        let concluded = self.ports.queue.conclude(delivery, conclusion).await;
        if concluded.is_ok() {
            return concluded;
        }
        self.ports.clock.sleep(CONCLUDE_AGAIN_AFTER).await;
        self.ports.queue.conclude(delivery, conclusion).await
    }
}
