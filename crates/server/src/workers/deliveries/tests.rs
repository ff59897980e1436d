use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ports::{
    MockDeliveryQueue, MockEventFeed, MockWebhookSender, SendOutcome, UrlRefusal, WebhookSender,
};
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, DeliverWebhooksPorts,
    DeliveryPolicy, EventId, EventSequence, OrganizationId, PhoneNumber, Timestamp, UserId,
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
            identity: CallIdentity {
                organization_id: OrganizationId::parse("organization").expect("an id"),
                call_id: call_id.clone(),
                user_id: UserId::parse("user").expect("an id"),
                contact_id: ContactId::parse("contact").expect("an id"),
                agent_id: AgentId::parse("agent").expect("an id"),
                from: phone.clone(),
                to: phone,
            },
            sequence: EventSequence::from_number(number).expect("positive"),
            id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Busy),
            kind: CallEventKind::Ended,
            status: CallStatus::Busy,
            conversation_id: None,
            happened_at: Timestamp::from_unix_millis(0),
        },
        attempt: 1,
        queued_at: Timestamp::from_unix_millis(0),
    }
}

/// A queue with this many deliveries to one endpoint, which leases two at a time and notifies when
/// it is empty.
fn queue(deliveries: i64, emptied: Arc<Notify>) -> MockDeliveryQueue {
    struct Queue {
        due: VecDeque<DueDelivery>,
        leased: usize,
    }
    let queued = Arc::new(Mutex::new(Queue { due: (1..=deliveries).map(delivery).collect(), leased: 0 }));
    let mut queue = MockDeliveryQueue::new();
    queue.expect_expire().returning(|_, _| Ok(0));
    let leased = queued.clone();
    queue.expect_lease().returning(move |lease| {
        assert!(lease.limit > 0, "the limit is zero");
        let mut queue = leased.lock().expect("no panic");
        let free = (2 - queue.leased).min(queue.due.len()).min(lease.limit as usize);
        queue.leased += free;
        Ok(queue.due.drain(..free).collect())
    });
    queue.expect_conclude().returning(move |_, _| {
        let mut queue = queued.lock().expect("no panic");
        queue.leased -= 1;
        if queue.leased == 0 && queue.due.is_empty() {
            emptied.notify_one();
        }
        Ok(())
    });
    queue
}

/// Paused time advances only while every task waits for it: a queue that is only polled would need
/// a second for every two deliveries.
#[tokio::test(start_paused = true)]
async fn a_queue_is_emptied_without_waiting_for_the_next_poll() {
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
    workers.publish_and_deliver(&Arc::new(DeliverWebhooks::new(ports, policy)), second);
    emptied.notified().await;
    assert!(began.elapsed() < second, "{:?}", began.elapsed());
    workers.stop().await;
}

/// The order in which a receiver gets four events of one call, if it takes this long to respond to
/// the first.
async fn received(first_takes: Duration) -> Vec<i64> {
    let mut queues = Queues::default();
    let received = Arc::new(Mutex::new(Vec::new()));
    let sending: Vec<_> = (1..=4)
        .map(|number| {
            let (received, mut turn) = (received.clone(), queues.turn(&delivery_of("one call", number)));
            async move {
                turn.wait().await;
                received.lock().expect("no panic").push(number);
                tokio::time::sleep(if number == 1 { first_takes } else { Duration::from_millis(5) }).await;
            }
        })
        .collect();
    // The last one is polled first.
    futures_util::future::join_all(sending.into_iter().rev()).await;
    received.lock().expect("no panic").clone()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_responds_gets_the_events_of_a_call_in_order() {
    assert_eq!(received(Duration::from_millis(50)).await, [1, 2, 3, 4]);
    let began = tokio::time::Instant::now();
    assert_eq!(
        received(Duration::from_secs(60)).await,
        [1, 2, 3, 4],
        "a receiver that hangs delays only its own events"
    );
    assert!(began.elapsed() < Duration::from_secs(61), "the others were sent in the meantime");
}

#[test]
fn calls_and_endpoints_do_not_wait_for_each_other() {
    let mut queues = Queues::default();
    let first = queues.turn(&delivery_of("one call", 1));
    let other_call = queues.turn(&delivery_of("another call", 2));
    let elsewhere = WebhookEndpointId::parse("elsewhere").expect("an id");
    let other_endpoint = queues.turn(&DueDelivery { endpoint_id: elsewhere, ..delivery_of("one call", 3) });
    let second = queues.turn(&delivery_of("one call", 4));
    let waits = [first, other_call, other_endpoint, second].map(|turn| turn.before.is_some());
    assert_eq!(waits, [false, false, false, true]);
}

/// Receivers that never answer.
struct Hanging;

#[async_trait::async_trait]
impl WebhookSender for Hanging {
    async fn check(&self, _: &WebhookUrl) -> Result<(), UrlRefusal> {
        Ok(())
    }

    async fn send(&self, _: &DueDelivery, _: Timestamp) -> SendOutcome {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_stop_leases_no_more_deliveries() {
    let leased = Arc::new(AtomicUsize::new(0));
    let mut queue = MockDeliveryQueue::new();
    queue.expect_expire().returning(|_, _| Ok(0));
    let counted = leased.clone();
    queue.expect_lease().returning(move |lease| {
        let limit = usize::try_from(lease.limit).expect("a small number");
        let before = counted.fetch_add(limit, Ordering::SeqCst);
        Ok((before..before + limit).map(|number| delivery(i64::try_from(number).expect("small"))).collect())
    });
    let mut feed = MockEventFeed::new();
    feed.expect_publish().returning(|_| Ok(0));
    let ports = DeliverWebhooksPorts {
        feed: Arc::new(feed),
        queue: Arc::new(queue),
        sender: Arc::new(Hanging),
        clock: Arc::new(SystemClock::start()),
    };
    let second = Duration::from_secs(1);
    let policy = DeliveryPolicy {
        first_pause: second,
        longest_pause: second,
        given_up_after: second,
        attempt_within: Duration::from_secs(30),
    };
    let workers = Workers::new();
    workers.publish_and_deliver(&Arc::new(DeliverWebhooks::new(ports, policy)), second);
    while leased.load(Ordering::SeqCst) < MAX_ATTEMPTS {
        tokio::task::yield_now().await;
    }
    // Now the worker waits for a permit.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), workers.stop()).await;
    assert!(stopped.is_ok(), "the stop waits for receivers that never respond");
    assert_eq!(leased.load(Ordering::SeqCst), MAX_ATTEMPTS);
}
