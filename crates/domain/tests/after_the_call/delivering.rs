use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{MockDeliveryQueue, MockEventFeed, MockWebhookSender, SendOutcome};
use domain::{
    DeliverWebhooks, DeliverWebhooksPorts, DeliveryFailure, DeliveryPolicy, DeliveryState, DueDelivery,
    OrganizationId, Shares,
};
use testkit::clock::ManualClock;
use testkit::memory::QueuedDelivery;

use crate::world::{World, unavailable};

const POLICY: DeliveryPolicy = DeliveryPolicy {
    first_pause: Duration::from_secs(5),
    longest_pause: Duration::from_hours(6),
    given_up_after: Duration::from_hours(72),
    attempt_within: Duration::from_secs(15),
};

/// The use case on a store in memory, with a sender whose attempts have this outcome.
fn use_case(world: &World, outcome: SendOutcome) -> DeliverWebhooks {
    let mut sender = MockWebhookSender::new();
    sender.expect_send().return_const(outcome);
    let ports = DeliverWebhooksPorts {
        feed: Arc::new(world.memory.clone()),
        queue: Arc::new(world.memory.clone()),
        sender: Arc::new(sender),
        clock: world.clock.clone(),
    };
    DeliverWebhooks::new(ports, POLICY)
}

fn with_mocks(feed: MockEventFeed, queue: MockDeliveryQueue) -> DeliverWebhooks {
    let ports = DeliverWebhooksPorts {
        feed: Arc::new(feed),
        queue: Arc::new(queue),
        sender: Arc::new(MockWebhookSender::new()),
        clock: Arc::new(ManualClock::new()),
    };
    DeliverWebhooks::new(ports, POLICY)
}

/// One event, published and leased for its first attempt.
async fn leased(world: &World, use_case: &DeliverWebhooks) -> DueDelivery {
    world.endpoint();
    world.book().await;
    assert_eq!(use_case.publish().await, Ok(1));
    let mut leased = use_case.lease(10, &Shares::new(10, 10)).await.expect("the store is not lost");
    leased.pop().expect("one delivery is due")
}

/// The state of the delivery after one attempt with this outcome, `age` after it was queued.
async fn attempted(outcome: SendOutcome, age: Duration) -> (QueuedDelivery, Duration) {
    let world = World::new();
    let use_case = use_case(&world, outcome);
    let delivery = leased(&world, &use_case).await;
    world.clock.advance(age).await;
    use_case.deliver(&delivery).await.expect("the store is not lost");
    let stored = world.memory.tables().deliveries[0].clone();
    let pause = stored.due.since(ManualClock::START.after(age));
    (stored, pause)
}

#[tokio::test]
async fn what_the_receiver_takes_is_delivered() {
    let (delivery, _) = attempted(SendOutcome::Accepted, Duration::ZERO).await;
    assert_eq!((delivery.state, delivery.last_failure), (DeliveryState::Delivered, None));
    assert_eq!(delivery.concluded_at, Some(ManualClock::START));
}

#[tokio::test]
async fn what_fails_is_tried_again_until_its_time_is_over() {
    let failure = DeliveryFailure::Status(500);
    let failed = SendOutcome::Failed { failure, retry_after: None };
    let (delivery, pause) = attempted(failed, Duration::ZERO).await;
    assert_eq!((delivery.state, delivery.last_failure), (DeliveryState::Pending, Some(failure)));
    assert!((Duration::from_secs(5)..=Duration::from_secs(6)).contains(&pause), "{pause:?}");
    let (delivery, _) = attempted(failed, Duration::from_hours(72)).await;
    assert_eq!((delivery.state, delivery.last_failure), (DeliveryState::Dead, Some(failure)));
}

#[tokio::test]
async fn a_receiver_gets_the_pause_that_it_asks_for() {
    let asked = Some(Duration::from_mins(10));
    let failed = SendOutcome::Failed { failure: DeliveryFailure::Status(429), retry_after: asked };
    let (delivery, pause) = attempted(failed, Duration::ZERO).await;
    assert_eq!(delivery.state, DeliveryState::Pending);
    assert!(pause >= Duration::from_mins(10), "{pause:?}");
}

#[tokio::test]
async fn publishing_returns_the_number_of_events() {
    for answer in [Ok(0), Ok(200), Err(unavailable())] {
        let mut feed = MockEventFeed::new();
        feed.expect_publish().withf(|limit| *limit > 0).return_const(answer.clone());
        assert_eq!(with_mocks(feed, MockDeliveryQueue::new()).publish().await, answer);
    }
}

#[tokio::test]
async fn what_waited_for_its_whole_time_is_given_up_unattempted() {
    let world = World::new();
    let use_case = use_case(&world, SendOutcome::Accepted);
    world.endpoint();
    world.book().await;
    use_case.publish().await.expect("the store is not lost");
    world.clock.advance(POLICY.given_up_after - Duration::from_secs(1)).await;
    assert_eq!(use_case.expire().await, Ok(0));
    world.clock.advance(Duration::from_secs(1)).await;
    assert_eq!(use_case.expire().await, Ok(1));
    assert_eq!(world.memory.tables().deliveries[0].state, DeliveryState::Dead);
}

/// A second worker would repeat an attempt whose lease ends before it does.
#[tokio::test]
async fn a_lease_outlasts_every_attempt() {
    let mut queue = MockDeliveryQueue::new();
    queue
        .expect_lease()
        .withf(|lease| {
            let attempt_and_writes = POLICY.attempt_within + Duration::from_secs(5);
            lease.limit == 3 && lease.per_endpoint < 16 && lease.lease_for > attempt_and_writes
        })
        .returning(|_| Ok(vec![]));
    let leased = with_mocks(MockEventFeed::new(), queue).lease(3, &Shares::new(4, 3)).await;
    assert_eq!(leased, Ok(vec![]));
}

#[tokio::test]
async fn a_lease_counts_the_shares_that_are_taken() {
    let organization_id = OrganizationId::parse("organization").expect("an id");
    let mut queue = MockDeliveryQueue::new();
    let running = BTreeMap::from([(organization_id.clone(), 2)]);
    queue
        .expect_lease()
        .withf(move |lease| lease.per_organization == 3 && lease.running == running)
        .returning(|_| Ok(vec![]));
    let shares = Arc::new(Shares::new(4, 3));
    let taken = [shares.take(&organization_id), shares.take(&organization_id)];
    assert_eq!(with_mocks(MockEventFeed::new(), queue).lease(2, &shares).await, Ok(vec![]));
    drop(taken);
}
