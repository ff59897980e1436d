use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{CallId, DeliverWebhooks, DueDelivery, WebhookEndpointId};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::{Pace, REST, Workers, overdue};

/// How often the queue is looked into without being told to, or as seldom as events are published: for what another replica
/// published, or what waited. An index is asked, which costs next to nothing.
const LOOK_INTO_THE_QUEUE_EVERY: Duration = Duration::from_secs(1);
/// How often there may be deliveries that nobody came to in all their time.
const GIVE_UP_EVERY: Duration = Duration::from_mins(5);
/// How many events are on their way to receivers at once, and how many of these are taken from the queue at once.
const SENT_AT_ONCE: usize = 64;
const TAKEN_AT_ONCE: u32 = 32;
/// How long the later events of a call wait for an earlier one. Of as many as are under way at once, the last still has the time
/// for its attempt within its lease.
const OTHERS_WAIT_FOR: Duration = Duration::from_millis(500);

impl Workers {
    /// Puts what happened in order for its readers, and sends it to those who asked for it.
    pub(crate) fn announce(&self, webhooks: &Arc<DeliverWebhooks>, publish_every: Duration) {
        let may_be_due = Arc::new(Notify::new());
        self.expire(webhooks.clone());
        self.publish(webhooks.clone(), may_be_due.clone(), publish_every);
        self.deliver(webhooks.clone(), may_be_due, publish_every.max(LOOK_INTO_THE_QUEUE_EVERY));
    }

    fn expire(&self, webhooks: Arc<DeliverWebhooks>) {
        self.repeat(Pace::steady(GIVE_UP_EVERY), "events that wait too long were not given up", move || {
            let webhooks = webhooks.clone();
            async move { webhooks.expire().await.map(|events| usize::try_from(events).unwrap_or(usize::MAX)) }
        });
    }

    fn publish(&self, webhooks: Arc<DeliverWebhooks>, may_be_due: Arc<Notify>, every: Duration) {
        let pace = Pace { after_failure: REST, ..Pace::steady(every) };
        self.repeat(pace, "events of calls were not published", move || {
            let (webhooks, may_be_due) = (webhooks.clone(), may_be_due.clone());
            async move {
                let published = webhooks.publish().await?;
                if published > 0 {
                    may_be_due.notify_one();
                }
                Ok(published)
            }
        });
    }

    fn deliver(&self, webhooks: Arc<DeliverWebhooks>, may_be_due: Arc<Notify>, every: Duration) {
        let sending = Arc::new(Sending {
            webhooks,
            seats: Arc::new(Semaphore::new(SENT_AT_ONCE)),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            may_be_due: may_be_due.clone(),
        });
        let pace = Pace { every, after_failure: REST, woken_by: may_be_due };
        self.repeat(pace, "events wait in the queue", move || {
            let sending = sending.clone();
            async move {
                // What a stop finds waiting for receivers takes nothing more when these are given up.
                let seats = tokio::select! {
                    biased;
                    () = sending.stop.cancelled() => return Ok(0),
                    seats = sending.free_seats() => seats,
                };
                sending.send_some(seats).await
            }
        });
    }
}

/// Attempts that are under way.
struct Sending {
    webhooks: Arc<DeliverWebhooks>,
    seats: Arc<Semaphore>,
    tasks: tokio_util::task::TaskTracker,
    stop: tokio_util::sync::CancellationToken,
    may_be_due: Arc<Notify>,
}

impl Sending {
    /// Room for some attempts, as soon as there is room for one.
    async fn free_seats(&self) -> OwnedSemaphorePermit {
        let mut seats = Arc::clone(&self.seats).acquire_owned().await.expect("the seats are never closed");
        let more = u32::try_from(self.seats.available_permits()).unwrap_or(0).min(TAKEN_AT_ONCE - 1);
        if let Ok(others) = Arc::clone(&self.seats).try_acquire_many_owned(more) {
            seats.merge(others);
        }
        seats
    }

    /// Starts an attempt at each due delivery, as far as there is room, and says at how many.
    async fn send_some(&self, mut seats: OwnedSemaphorePermit) -> Result<usize, PortUnavailable> {
        let due = self.webhooks.lease(u32::try_from(seats.num_permits()).unwrap_or(1)).await?;
        let count = due.len();
        let mut queues = Queues::default();
        for delivery in due {
            let seat = seats.split(1).expect("no more were taken than there are seats");
            let (webhooks, stop) = (self.webhooks.clone(), self.stop.clone());
            let may_be_due = self.may_be_due.clone();
            let turn = queues.turn(&delivery);
            self.tasks.spawn(async move {
                // What a receiver did not answer by then is sent again.
                tokio::select! {
                    () = overdue(&stop) => {}
                    () = attempt(&webhooks, &delivery, turn) => {}
                }
                drop(seat);
                // One more of the same endpoint may be under way now.
                may_be_due.notify_one();
            });
        }
        Ok(count)
    }
}

/// Of one call, each event waits for the one before it, so that a receiver who answers soon gets them in their order. One who
/// does not gets them all the same.
#[derive(Default)]
struct Queues(HashMap<(WebhookEndpointId, CallId), (u32, oneshot::Receiver<()>)>);

/// A place in a queue. Dropped, it lets the next one go.
struct Turn {
    before: Option<(u32, oneshot::Receiver<()>)>,
    _done: oneshot::Sender<()>,
}

impl Queues {
    fn turn(&mut self, delivery: &DueDelivery) -> Turn {
        let (done, is_done) = oneshot::channel();
        let queue = (delivery.endpoint_id.clone(), delivery.event.identity.call_id.clone());
        let before = self.0.remove(&queue);
        let place = before.as_ref().map_or(0, |(place, _)| *place) + 1;
        self.0.insert(queue, (place, is_done));
        Turn { before, _done: done }
    }
}

impl Turn {
    /// Returns when the one before is done, or when all before have had their time.
    async fn come(&mut self) {
        if let Some((place, is_done)) = self.before.take() {
            let _late = tokio::time::timeout(OTHERS_WAIT_FOR * place, is_done).await;
        }
    }
}

async fn attempt(webhooks: &DeliverWebhooks, delivery: &DueDelivery, mut turn: Turn) {
    turn.come().await;
    if let Err(error) = webhooks.deliver(delivery).await {
        tracing::warn!(%error, "what became of an event is not in the queue: it is sent again");
    }
}

#[cfg(test)]
mod tests;
