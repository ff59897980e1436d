use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::ports::{
    MockDeliveryQueue, MockEventFeed, MockWebhookSender, SendOutcome, UrlRefusal, WebhookSender,
};
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, DeliverWebhooksPorts,
    DeliveryPolicy, EventId, EventSequence, OrganizationId, PhoneNumber, TestEvent, Timestamp, UserId,
    WebhookEndpointId, WebhookSecret, WebhookUrl,
};

use super::*;
use crate::system::SystemClock;

fn delivery(number: i64) -> DueDelivery {
    let call_id = CallId::parse(&format!("call {number}")).expect("an id");
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
            end_reason: None,
            conversation_id: None,
            metadata: None,
            happened_at: Timestamp::from_unix_millis(0),
        },
        attempt: 1,
        queued_at: Timestamp::from_unix_millis(0),
    }
}

/// A queue with this many deliveries to one endpoint, which leases so many at the same time and
/// notifies when it is empty.
fn queue(deliveries: i64, at_the_same_time: usize, emptied: Arc<Notify>) -> MockDeliveryQueue {
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
        let free = (at_the_same_time - queue.leased).min(queue.due.len()).min(lease.limit as usize);
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

fn every(time: Duration) -> PublishTimes {
    PublishTimes { every: time, pause: Duration::from_millis(20) }
}

fn without_receivers(feed: MockEventFeed) -> DeliverWebhooksPorts {
    let mut queue = MockDeliveryQueue::new();
    queue.expect_expire().returning(|_, _| Ok(0));
    queue.expect_lease().returning(|_| Ok(Vec::new()));
    DeliverWebhooksPorts {
        feed: Arc::new(feed),
        queue: Arc::new(queue),
        sender: Arc::new(MockWebhookSender::new()),
        clock: Arc::new(SystemClock),
    }
}

const POLICY: DeliveryPolicy = DeliveryPolicy {
    first_pause: Duration::from_secs(1),
    longest_pause: Duration::from_secs(1),
    given_up_after: Duration::from_secs(1),
    attempt_within: Duration::from_secs(1),
};

/// Publishes what was written, and records when.
fn publisher(
    written: Arc<AtomicUsize>,
    batches: Arc<Mutex<Vec<(tokio::time::Instant, usize)>>>,
) -> MockEventFeed {
    let mut feed = MockEventFeed::new();
    feed.expect_publish().returning(move |_| {
        let published = written.swap(0, Ordering::SeqCst);
        batches.lock().expect("no panic").push((tokio::time::Instant::now(), published));
        Ok(published)
    });
    feed
}

/// Paused time: the poll would be an hour later.
#[tokio::test(start_paused = true)]
async fn the_publisher_is_woken_by_each_write_and_rests_between_two_batches() {
    let (written, batches) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let ports = without_receivers(publisher(written.clone(), batches.clone()));
    let (workers, hour) = (Workers::new(), Duration::from_secs(3600));
    workers.publish_and_deliver(
        &Arc::new(DeliverWebhooks::new(ports, POLICY)),
        every(hour),
        MaxShare::default(),
    );
    let began = tokio::time::Instant::now();
    for _ in 0..1000 {
        written.fetch_add(1, Ordering::SeqCst);
        workers.written().notify_one();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(began.elapsed() < hour);
    let batches = batches.lock().expect("no panic").clone();
    assert_eq!(batches.iter().map(|(_, published)| published).sum::<usize>(), 1000);
    assert!(
        batches.is_sorted_by(|(one, _), (next, _)| *next - *one >= Duration::from_millis(20)),
        "{batches:?}"
    );
    assert!(batches.len() > 10, "the events wait for each other: {batches:?}");
    workers.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_publisher_finds_what_another_process_left_and_repeats_no_error_with_each_wake_up() {
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = failures.clone();
    let mut feed = MockEventFeed::new();
    feed.expect_publish().times(1).returning(|_| Ok(0));
    let (found, is_found) = tokio::sync::oneshot::channel();
    let mut found = Some(found);
    feed.expect_publish().returning(move |_| {
        if let Some(found) = found.take() {
            found.send(()).expect("the test waits");
        }
        counted.fetch_add(1, Ordering::SeqCst);
        Err(PortUnavailable::new("feed", "down"))
    });
    let workers = Workers::new();
    let two_seconds = Duration::from_secs(2);
    workers.publish_and_deliver(
        &Arc::new(DeliverWebhooks::new(without_receivers(feed), POLICY)),
        every(two_seconds),
        MaxShare::default(),
    );
    let began = tokio::time::Instant::now();
    is_found.await.expect("the publisher polls");
    assert!(began.elapsed() >= two_seconds);
    for _ in 0..100 {
        workers.written().notify_one();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(failures.load(Ordering::SeqCst), 1, "in a second after the first error");
    workers.stop().await;
}

/// One at a time: the events of one call. Paused time advances only while every task waits for it:
/// a queue that is only polled would need a second for every one or two deliveries.
#[tokio::test(start_paused = true)]
async fn a_queue_is_emptied_without_waiting_for_the_next_poll() {
    for at_the_same_time in [1, 2] {
        let mut feed = MockEventFeed::new();
        feed.expect_publish().returning(|_| Ok(0));
        let mut sender = MockWebhookSender::new();
        sender.expect_send().return_const(SendOutcome::Accepted);
        let emptied = Arc::new(Notify::new());
        let ports = DeliverWebhooksPorts {
            feed: Arc::new(feed),
            queue: Arc::new(queue(100, at_the_same_time, emptied.clone())),
            sender: Arc::new(sender),
            clock: Arc::new(SystemClock),
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
        workers.publish_and_deliver(
            &Arc::new(DeliverWebhooks::new(ports, policy)),
            every(second),
            MaxShare::default(),
        );
        emptied.notified().await;
        assert!(began.elapsed() < second, "{:?} with {at_the_same_time} leases", began.elapsed());
        workers.stop().await;
    }
}

/// Receivers that never answer.
struct Hanging;

#[async_trait::async_trait]
impl WebhookSender for Hanging {
    async fn check(&self, _: &WebhookUrl) -> Result<(), UrlRefusal> {
        Ok(())
    }

    async fn send_test(&self, _: &TestEvent, _: Timestamp) -> SendOutcome {
        std::future::pending().await
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
        clock: Arc::new(SystemClock),
    };
    let second = Duration::from_secs(1);
    let policy = DeliveryPolicy {
        first_pause: second,
        longest_pause: second,
        given_up_after: second,
        attempt_within: Duration::from_secs(30),
    };
    let workers = Workers::new();
    workers.publish_and_deliver(
        &Arc::new(DeliverWebhooks::new(ports, policy)),
        every(second),
        MaxShare::default(),
    );
    while leased.load(Ordering::SeqCst) < MAX_ATTEMPTS {
        tokio::task::yield_now().await;
    }
    // Now the worker waits for a permit.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), workers.stop()).await;
    assert!(stopped.is_ok(), "the stop waits for receivers that never respond");
    assert_eq!(leased.load(Ordering::SeqCst), MAX_ATTEMPTS);
}
