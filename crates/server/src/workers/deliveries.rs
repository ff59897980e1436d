use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{DeliverWebhooks, DueDelivery, MaxShare, OrganizationId, Shares};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{RETRY_PAUSE, Schedule, Workers, stop_timeout};

/// Finds deliveries that another replica queued and did not send, or that were postponed. Longer if
/// the publisher polls less often. The query reads an index only.
const QUEUE_POLL_INTERVAL: Duration = Duration::from_secs(1);
const EXPIRE_INTERVAL: Duration = Duration::from_mins(5);
/// The maximum number of attempts at the same time, and of deliveries in one lease.
const MAX_ATTEMPTS: usize = 64;
const MAX_LEASED: u32 = 32;

/// When the publisher looks for call events.
#[derive(Clone, Copy)]
pub(crate) struct PublishTimes {
    /// How often it looks for events that another process left.
    pub(crate) every: Duration,
    /// The pause after each batch. The events that this process writes in the meantime share the
    /// next one.
    pub(crate) pause: Duration,
}

impl Workers {
    /// Publishes call events, delivers them to webhook endpoints, and expires old deliveries. One
    /// organization has at most `max_share` of the attempts.
    pub(crate) fn publish_and_deliver(
        &self,
        webhooks: &Arc<DeliverWebhooks>,
        publish: PublishTimes,
        max_share: MaxShare,
    ) {
        let queued = Arc::new(Notify::new());
        self.expire(webhooks.clone());
        self.publish(webhooks.clone(), queued.clone(), publish);
        self.deliver(webhooks.clone(), queued, publish.every.max(QUEUE_POLL_INTERVAL), max_share);
    }

    fn expire(&self, webhooks: Arc<DeliverWebhooks>) {
        self.repeat(Schedule::every(EXPIRE_INTERVAL), "could not expire old deliveries; trying again later", move || {
            let webhooks = webhooks.clone();
            async move { webhooks.expire().await.map(|events| usize::try_from(events).unwrap_or(usize::MAX)) }
        });
    }

    /// Publishes immediately after this process has written events. After a batch it looks once
    /// more: a replica that was woken while this one published has skipped its turn.
    fn publish(&self, webhooks: Arc<DeliverWebhooks>, queued: Arc<Notify>, times: PublishTimes) {
        let schedule = Schedule {
            poll_interval: times.every,
            retry_pause: RETRY_PAUSE,
            woken_by: self.written.clone(),
            rest: times.pause,
        };
        self.repeat(schedule, "could not publish call events; trying again later", move || {
            let (webhooks, queued) = (webhooks.clone(), queued.clone());
            async move {
                let published = webhooks.publish().await?;
                if published > 0 {
                    queued.notify_one();
                }
                Ok(published)
            }
        });
    }

    fn deliver(
        &self,
        webhooks: Arc<DeliverWebhooks>,
        queued: Arc<Notify>,
        every: Duration,
        max_share: MaxShare,
    ) {
        let sending = Arc::new(Sending {
            webhooks,
            permits: Arc::new(Semaphore::new(MAX_ATTEMPTS)),
            shares: Arc::new(Shares::new(MAX_ATTEMPTS, max_share.of(MAX_ATTEMPTS))),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            queued: queued.clone(),
        });
        let schedule = Schedule {
            poll_interval: every,
            retry_pause: RETRY_PAUSE,
            woken_by: queued,
            rest: Duration::ZERO,
        };
        self.repeat(schedule, "could not lease deliveries; they stay in the queue", move || {
            let sending = sending.clone();
            async move {
                // After a stop no new delivery is leased, even if a permit becomes free.
                let permits = tokio::select! {
                    biased;
                    () = sending.stop.cancelled() => return Ok(0),
                    permits = sending.free_permits() => permits,
                };
                sending.send_some(permits).await
            }
        });
    }
}

/// The running attempts.
struct Sending {
    webhooks: Arc<DeliverWebhooks>,
    permits: Arc<Semaphore>,
    shares: Arc<Shares<OrganizationId>>,
    tasks: tokio_util::task::TaskTracker,
    stop: tokio_util::sync::CancellationToken,
    queued: Arc<Notify>,
}

impl Sending {
    /// Waits for one permit, and takes more if they are free.
    async fn free_permits(&self) -> OwnedSemaphorePermit {
        let mut permits =
            Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        let more = u32::try_from(self.permits.available_permits()).unwrap_or(0).min(MAX_LEASED - 1);
        if let Ok(others) = Arc::clone(&self.permits).try_acquire_many_owned(more) {
            permits.merge(others);
        }
        permits
    }

    /// Starts an attempt for each due delivery, as far as permits allow, and returns how many.
    async fn send_some(&self, mut permits: OwnedSemaphorePermit) -> Result<usize, PortUnavailable> {
        let limit = u32::try_from(permits.num_permits()).unwrap_or(1);
        let due = self.webhooks.lease(limit, &self.shares).await?;
        let count = due.len();
        for delivery in due {
            let permit = permits.split(1).expect("at most one delivery was leased for each permit");
            // The lease left room for it: only this loop takes shares.
            let share = self.shares.take(&delivery.event.identity.organization_id);
            let (webhooks, stop) = (self.webhooks.clone(), self.stop.clone());
            let queued = self.queued.clone();
            self.tasks.spawn(async move {
                // An attempt without a response by then is repeated after its lease.
                tokio::select! {
                    () = stop_timeout(&stop) => {}
                    () = attempt(&webhooks, &delivery) => {}
                }
                drop((permit, share));
                // The next event of the call, or another delivery to the endpoint, may be leased now.
                queued.notify_one();
            });
        }
        Ok(count)
    }
}

async fn attempt(webhooks: &DeliverWebhooks, delivery: &DueDelivery) {
    if let Err(error) = webhooks.deliver(delivery).await {
        tracing::warn!(%error, "could not record the result of a delivery attempt; the delivery is sent again");
    }
}

#[cfg(test)]
mod tests;
