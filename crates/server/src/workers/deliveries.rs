use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{DeliverWebhooks, DueDelivery};
use tokio::sync::{Notify, Semaphore};

use super::{REST, Workers};

/// How often the queue is looked into without being told to, or as seldom as events are published: for what another replica
/// published, or what waited. An index is asked, which costs next to nothing.
const LOOK_INTO_THE_QUEUE_EVERY: Duration = Duration::from_secs(1);
/// How many events are on their way to receivers at once, and how many of these are taken from the queue at once.
const SENT_AT_ONCE: usize = 64;
const TAKEN_AT_ONCE: u32 = 32;
/// How long a stop waits for receivers. What they did not answer is sent again.
const RECEIVERS_ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Workers {
    /// Puts what happened in order for its readers, and sends it to those who asked for it.
    pub(crate) fn announce(&self, webhooks: &Arc<DeliverWebhooks>, publish_every: Duration) {
        let published = Arc::new(Notify::new());
        self.publish(webhooks.clone(), published.clone(), publish_every);
        self.deliver(webhooks.clone(), published, publish_every.max(LOOK_INTO_THE_QUEUE_EVERY));
    }

    fn publish(&self, webhooks: Arc<DeliverWebhooks>, published: Arc<Notify>, every: Duration) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match webhooks.publish().await {
                    Ok(0) => every,
                    Ok(_) => {
                        published.notify_one();
                        Duration::ZERO
                    }
                    Err(error) => {
                        tracing::warn!(%error, "events of calls were not published");
                        REST
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    fn deliver(&self, webhooks: Arc<DeliverWebhooks>, published: Arc<Notify>, every: Duration) {
        let stop = self.stop.clone();
        let sending = Sending {
            webhooks,
            seats: Arc::new(Semaphore::new(SENT_AT_ONCE)),
            tasks: self.tasks.clone(),
            stop: stop.clone(),
        };
        self.tasks.spawn(async move {
            loop {
                let pause = match sending.send_some().await {
                    Ok(0) => every,
                    Ok(_) => Duration::ZERO,
                    Err(error) => {
                        tracing::warn!(%error, "events wait in the queue");
                        REST
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = published.notified(), if !pause.is_zero() => {}
                    () = tokio::time::sleep(pause) => {}
                }
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
}

impl Sending {
    /// Starts an attempt at each due delivery, as far as there is room, and says at how many.
    async fn send_some(&self) -> Result<usize, PortUnavailable> {
        let mut seats = Arc::clone(&self.seats).acquire_owned().await.expect("the seats are never closed");
        let more = u32::try_from(self.seats.available_permits()).unwrap_or(0).min(TAKEN_AT_ONCE - 1);
        if let Ok(others) = Arc::clone(&self.seats).try_acquire_many_owned(more) {
            seats.merge(others);
        }
        let due = self.webhooks.claim(u32::try_from(seats.num_permits()).unwrap_or(1)).await?;
        let count = due.len();
        for delivery in due {
            let seat = seats.split(1).expect("no more were taken than there are seats");
            let (webhooks, stop) = (self.webhooks.clone(), self.stop.clone());
            self.tasks.spawn(async move {
                let overdue = async {
                    stop.cancelled().await;
                    tokio::time::sleep(RECEIVERS_ANSWER_WITHIN).await;
                };
                tokio::select! {
                    () = overdue => {}
                    () = attempt(&webhooks, &delivery) => {}
                }
                drop(seat);
            });
        }
        Ok(count)
    }
}

async fn attempt(webhooks: &DeliverWebhooks, delivery: &DueDelivery) {
    if let Err(error) = webhooks.deliver(delivery).await {
        tracing::warn!(%error, "what became of an event is not in the queue: it is sent again");
    }
}
