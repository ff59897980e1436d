use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{CallId, DeliverWebhooks, DueDelivery, WebhookEndpointId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::{RETRY_PAUSE, Schedule, Workers, stop_timeout};

/// Finds deliveries that another replica queued, or that were postponed. Longer if events are
/// published less often. The query reads an index only.
const QUEUE_POLL_INTERVAL: Duration = Duration::from_secs(1);
const EXPIRE_INTERVAL: Duration = Duration::from_mins(5);
/// The maximum number of attempts at the same time, and of deliveries in one lease.
const MAX_ATTEMPTS: usize = 64;
const MAX_LEASED: u32 = 32;
/// How long a later event of a call waits for each earlier one. Even the last of [`MAX_LEASED`]
/// events then has time for its attempt within its lease.
const WAIT_FOR_EARLIER: Duration = Duration::from_millis(500);

impl Workers {
    /// Publishes call events, delivers them to webhook endpoints, and expires old deliveries.
    pub(crate) fn publish_and_deliver(&self, webhooks: &Arc<DeliverWebhooks>, publish_every: Duration) {
        let queued = Arc::new(Notify::new());
        self.expire(webhooks.clone());
        self.publish(webhooks.clone(), queued.clone(), publish_every);
        self.deliver(webhooks.clone(), queued, publish_every.max(QUEUE_POLL_INTERVAL));
    }

    fn expire(&self, webhooks: Arc<DeliverWebhooks>) {
        self.repeat(Schedule::every(EXPIRE_INTERVAL), "could not expire old deliveries; trying again later", move || {
            let webhooks = webhooks.clone();
            async move { webhooks.expire().await.map(|events| usize::try_from(events).unwrap_or(usize::MAX)) }
        });
    }

    fn publish(&self, webhooks: Arc<DeliverWebhooks>, queued: Arc<Notify>, every: Duration) {
        let schedule = Schedule { retry_pause: RETRY_PAUSE, ..Schedule::every(every) };
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

    fn deliver(&self, webhooks: Arc<DeliverWebhooks>, queued: Arc<Notify>, every: Duration) {
        let sending = Arc::new(Sending {
            webhooks,
            permits: Arc::new(Semaphore::new(MAX_ATTEMPTS)),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            queued: queued.clone(),
        });
        let schedule = Schedule { poll_interval: every, retry_pause: RETRY_PAUSE, woken_by: queued };
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
        let due = self.webhooks.lease(u32::try_from(permits.num_permits()).unwrap_or(1)).await?;
        let count = due.len();
        let mut queues = Queues::default();
        for delivery in due {
            let permit = permits.split(1).expect("at most one delivery was leased for each permit");
            let (webhooks, stop) = (self.webhooks.clone(), self.stop.clone());
            let queued = self.queued.clone();
            let turn = queues.turn(&delivery);
            self.tasks.spawn(async move {
                // An attempt without a response by then is repeated after its lease.
                tokio::select! {
                    () = stop_timeout(&stop) => {}
                    () = attempt(&webhooks, &delivery, turn) => {}
                }
                drop(permit);
                // Another delivery to the same endpoint may be leased now.
                queued.notify_one();
            });
        }
        Ok(count)
    }
}

/// Each event of a call waits for the one before it, so that a receiver that responds soon gets
/// them in order. A slow receiver gets all of them too, but not in order.
#[derive(Default)]
struct Queues(HashMap<(WebhookEndpointId, CallId), (u32, oneshot::Receiver<()>)>);

/// A position in a queue. Dropping it releases the next one.
struct Turn {
    before: Option<(u32, oneshot::Receiver<()>)>,
    _done: oneshot::Sender<()>,
}

impl Queues {
    fn turn(&mut self, delivery: &DueDelivery) -> Turn {
        let (done, is_done) = oneshot::channel();
        let queue = (delivery.endpoint_id.clone(), delivery.event.identity.call_id.clone());
        let before = self.0.remove(&queue);
        let position = before.as_ref().map_or(0, |(position, _)| *position) + 1;
        self.0.insert(queue, (position, is_done));
        Turn { before, _done: done }
    }
}

impl Turn {
    /// Returns when the event before is done, or when all events before have used their time.
    async fn wait(&mut self) {
        if let Some((position, is_done)) = self.before.take() {
            let _late = tokio::time::timeout(WAIT_FOR_EARLIER * position, is_done).await;
        }
    }
}

async fn attempt(webhooks: &DeliverWebhooks, delivery: &DueDelivery, mut turn: Turn) {
    turn.wait().await;
    if let Err(error) = webhooks.deliver(delivery).await {
        tracing::warn!(%error, "could not record the result of a delivery attempt; the delivery is sent again");
    }
}

#[cfg(test)]
mod tests;
