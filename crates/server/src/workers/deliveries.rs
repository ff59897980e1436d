use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::PortUnavailable;
use domain::{CallId, DeliverWebhooks, DueDelivery, WebhookEndpointId};
use tokio::sync::{Notify, Semaphore, oneshot};

use super::{REST, Workers};

/// How often the queue is looked into without being told to, or as seldom as events are published: for what another replica
/// published, or what waited. An index is asked, which costs next to nothing.
const LOOK_INTO_THE_QUEUE_EVERY: Duration = Duration::from_secs(1);
/// How many events are on their way to receivers at once, and how many of these are taken from the queue at once.
const SENT_AT_ONCE: usize = 64;
const TAKEN_AT_ONCE: u32 = 32;
/// How long the later events of a call wait for an earlier one. Of as many as are under way at once, the last still has the time
/// for its attempt within its lease.
const OTHERS_WAIT_FOR: Duration = Duration::from_millis(500);
/// How long a stop waits for receivers. What they did not answer is sent again.
const RECEIVERS_ANSWER_WITHIN: Duration = Duration::from_secs(5);

impl Workers {
    /// Puts what happened in order for its readers, and sends it to those who asked for it.
    pub(crate) fn announce(&self, webhooks: &Arc<DeliverWebhooks>, publish_every: Duration) {
        let may_be_due = Arc::new(Notify::new());
        self.publish(webhooks.clone(), may_be_due.clone(), publish_every);
        self.deliver(webhooks.clone(), may_be_due, publish_every.max(LOOK_INTO_THE_QUEUE_EVERY));
    }

    fn publish(&self, webhooks: Arc<DeliverWebhooks>, may_be_due: Arc<Notify>, every: Duration) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                let pause = match webhooks.publish().await {
                    Ok(0) => every,
                    Ok(_) => {
                        may_be_due.notify_one();
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

    fn deliver(&self, webhooks: Arc<DeliverWebhooks>, may_be_due: Arc<Notify>, every: Duration) {
        let stop = self.stop.clone();
        let sending = Sending {
            webhooks,
            seats: Arc::new(Semaphore::new(SENT_AT_ONCE)),
            tasks: self.tasks.clone(),
            stop: stop.clone(),
            may_be_due: may_be_due.clone(),
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
                    () = may_be_due.notified(), if !pause.is_zero() => {}
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
    may_be_due: Arc<Notify>,
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
        let mut queues = Queues::default();
        for delivery in due {
            let seat = seats.split(1).expect("no more were taken than there are seats");
            let (webhooks, stop) = (self.webhooks.clone(), self.stop.clone());
            let may_be_due = self.may_be_due.clone();
            let turn = queues.turn(&delivery);
            self.tasks.spawn(async move {
                let overdue = async {
                    stop.cancelled().await;
                    tokio::time::sleep(RECEIVERS_ANSWER_WITHIN).await;
                };
                tokio::select! {
                    () = overdue => {}
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
        let queue = (delivery.endpoint_id.clone(), delivery.event.call_id.clone());
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
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use domain::ports::{MockDeliveryQueue, MockEventFeed, MockWebhookSender, SendOutcome};
    use domain::{
        AgentId, CallEvent, CallEventKind, CallId, CallStatus, ContactId, DeliverWebhooksPorts,
        DeliveryPolicy, EventId, EventPosition, OrganizationId, PhoneNumber, Timestamp, UserId,
        WebhookEndpointId, WebhookSecret, WebhookUrl,
    };

    use super::*;
    use crate::system::SystemClock;

    fn delivery(number: i64) -> DueDelivery {
        delivery_of(&format!("call {number}"), number)
    }

    fn delivery_of(call: &str, number: i64) -> DueDelivery {
        let call_id = CallId::parse(call).expect("an id");
        let phone = PhoneNumber::parse("+14165550100").expect("a number");
        DueDelivery {
            endpoint_id: WebhookEndpointId::parse("endpoint").expect("an id"),
            url: WebhookUrl::parse("https://example.com").expect("a URL"),
            secrets: vec![WebhookSecret::mint([1; 32])],
            event: CallEvent {
                position: EventPosition::from_number(number).expect("positive"),
                id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Busy),
                organization_id: OrganizationId::parse("organization").expect("an id"),
                kind: CallEventKind::Ended,
                call_id,
                status: CallStatus::Busy,
                conversation_id: None,
                user_id: UserId::parse("user").expect("an id"),
                contact_id: ContactId::parse("contact").expect("an id"),
                agent_id: AgentId::parse("agent").expect("an id"),
                from: phone.clone(),
                to: phone,
                happened_at: Timestamp::from_unix_millis(0),
            },
            attempt: 1,
            queued_at: Timestamp::from_unix_millis(0),
        }
    }

    /// A queue that has this many deliveries of one endpoint, of which two are handed out at once; it notifies when it is empty.
    fn queue(deliveries: i64, emptied: Arc<Notify>) -> MockDeliveryQueue {
        struct Queue {
            due: VecDeque<DueDelivery>,
            out: usize,
        }
        let queued = Arc::new(Mutex::new(Queue { due: (1..=deliveries).map(delivery).collect(), out: 0 }));
        let mut queue = MockDeliveryQueue::new();
        let claimed = queued.clone();
        queue.expect_claim().returning(move |claim| {
            assert!(claim.limit > 0, "nothing is asked for");
            let mut queue = claimed.lock().expect("no panic");
            let free = (2 - queue.out).min(queue.due.len()).min(claim.limit as usize);
            queue.out += free;
            Ok(queue.due.drain(..free).collect())
        });
        queue.expect_conclude().returning(move |_, _| {
            let mut queue = queued.lock().expect("no panic");
            queue.out -= 1;
            if queue.out == 0 && queue.due.is_empty() {
                emptied.notify_one();
            }
            Ok(())
        });
        queue
    }

    /// Time stands still but for those who wait for it: a queue that was looked into by the clock alone would take a second for
    /// every two.
    #[tokio::test(start_paused = true)]
    async fn a_queue_is_emptied_without_waiting_for_the_next_look() {
        let mut feed = MockEventFeed::new();
        feed.expect_publish().returning(|_| Ok(0));
        let mut sender = MockWebhookSender::new();
        sender.expect_send().return_const(SendOutcome::Accepted);
        let emptied = Arc::new(Notify::new());
        let ports = DeliverWebhooksPorts {
            feed: Arc::new(feed),
            queue: Arc::new(queue(100, emptied.clone())),
            sender: Arc::new(sender),
            clock: Arc::new(SystemClock::start()),
        };
        let second = Duration::from_secs(1);
        let policy = DeliveryPolicy {
            first_pause: second,
            longest_pause: second,
            given_up_after: second,
            attempt_within: second,
        };
        let workers = Workers::new();
        let began = tokio::time::Instant::now();
        workers.announce(&Arc::new(DeliverWebhooks::new(ports, policy)), second);
        emptied.notified().await;
        assert!(began.elapsed() < second, "{:?}", began.elapsed());
        workers.stop().await;
    }

    /// The places of four events of one call, as a receiver gets them that takes this long to answer the first.
    async fn received(first_takes: Duration) -> Vec<i64> {
        let mut queues = Queues::default();
        let received = Arc::new(Mutex::new(Vec::new()));
        let sending: Vec<_> = (1..=4)
            .map(|number| {
                let (received, mut turn) = (received.clone(), queues.turn(&delivery_of("one call", number)));
                async move {
                    turn.come().await;
                    received.lock().expect("no panic").push(number);
                    tokio::time::sleep(if number == 1 { first_takes } else { Duration::from_millis(5) })
                        .await;
                }
            })
            .collect();
        // The last is asked first.
        futures_util::future::join_all(sending.into_iter().rev()).await;
        received.lock().expect("no panic").clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_who_answers_gets_the_events_of_a_call_in_their_order() {
        assert_eq!(received(Duration::from_millis(50)).await, [1, 2, 3, 4]);
        let began = tokio::time::Instant::now();
        assert_eq!(received(Duration::from_secs(60)).await, [1, 2, 3, 4], "one that hangs keeps nobody back");
        assert!(began.elapsed() < Duration::from_secs(61), "the others were sent meanwhile");
    }

    #[test]
    fn calls_and_endpoints_do_not_wait_for_each_other() {
        let mut queues = Queues::default();
        let first = queues.turn(&delivery_of("one call", 1));
        let other_call = queues.turn(&delivery_of("another call", 2));
        let elsewhere = WebhookEndpointId::parse("elsewhere").expect("an id");
        let other_endpoint =
            queues.turn(&DueDelivery { endpoint_id: elsewhere, ..delivery_of("one call", 3) });
        let second = queues.turn(&delivery_of("one call", 4));
        let waits = [first, other_call, other_endpoint, second].map(|turn| turn.before.is_some());
        assert_eq!(waits, [false, false, false, true]);
    }
}
