use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    AttemptConclusion, MockClock, MockDeliveryQueue, MockEventFeed, MockWebhookSender, PortUnavailable,
    SendOutcome,
};
use domain::{
    AgentId, CallEvent, CallEventKind, CallId, CallIdentity, CallStatus, ContactId, DeliverWebhooks,
    DeliverWebhooksPorts, DeliveryFailure, DeliveryPolicy, DueDelivery, EventId, EventSequence,
    OrganizationId, PhoneNumber, Timestamp, UserId, WebhookEndpointId, WebhookSecret, WebhookUrl,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);
const POLICY: DeliveryPolicy = DeliveryPolicy {
    first_pause: Duration::from_secs(5),
    longest_pause: Duration::from_hours(6),
    given_up_after: Duration::from_hours(72),
    attempt_within: Duration::from_secs(15),
};

pub(crate) fn call_event() -> CallEvent {
    let call_id = CallId::mint(1, [1; 8]);
    CallEvent {
        identity: CallIdentity {
            organization_id: OrganizationId::parse("organization").expect("an id"),
            call_id: call_id.clone(),
            user_id: UserId::parse("user").expect("an id"),
            contact_id: ContactId::parse("contact").expect("an id"),
            agent_id: AgentId::parse("agent").expect("an id"),
            from: PhoneNumber::parse("+14165550100").expect("a number"),
            to: PhoneNumber::parse("+14165550110").expect("a number"),
        },
        sequence: EventSequence::from_number(7).expect("positive"),
        id: EventId::of(&call_id, CallEventKind::Ended, CallStatus::Busy),
        kind: CallEventKind::Ended,
        status: CallStatus::Busy,
        conversation_id: None,
        happened_at: NOW,
    }
}

fn delivery(queued_before: Duration) -> DueDelivery {
    DueDelivery {
        endpoint_id: WebhookEndpointId::parse("endpoint").expect("an id"),
        url: WebhookUrl::parse("https://example.com/hook").expect("a URL"),
        secrets: vec![WebhookSecret::mint([7; 32])],
        event: call_event(),
        attempt: 1,
        queued_at: NOW.before(queued_before),
    }
}

/// What is said in the queue of an attempt that went so.
async fn concluded(outcome: SendOutcome, queued_before: Duration) -> Vec<AttemptConclusion> {
    let concluded = Arc::new(Mutex::new(Vec::new()));
    let mut sender = MockWebhookSender::new();
    sender.expect_send().withf(|_, now| *now == NOW).times(1).return_const(outcome);
    let mut queue = MockDeliveryQueue::new();
    let noted = concluded.clone();
    queue.expect_conclude().returning(move |_, conclusion| {
        noted.lock().expect("no panic").push(conclusion);
        Ok(())
    });
    use_case(MockEventFeed::new(), queue, sender).deliver(&delivery(queued_before)).await.expect("concluded");
    let concluded = concluded.lock().expect("no panic");
    concluded.clone()
}

fn use_case(feed: MockEventFeed, queue: MockDeliveryQueue, sender: MockWebhookSender) -> DeliverWebhooks {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    let ports = DeliverWebhooksPorts {
        feed: Arc::new(feed),
        queue: Arc::new(queue),
        sender: Arc::new(sender),
        clock: Arc::new(clock),
    };
    DeliverWebhooks::new(ports, POLICY)
}

#[tokio::test]
async fn what_the_receiver_takes_is_delivered() {
    let said = concluded(SendOutcome::Accepted, Duration::ZERO).await;
    assert_eq!(said, [AttemptConclusion::Delivered]);
}

#[tokio::test]
async fn what_fails_is_tried_again_until_its_time_is_over() {
    let failure = DeliveryFailure::Status(500);
    let failed = SendOutcome::Failed { failure, retry_after: None };
    let [AttemptConclusion::Postponed { failure: told, pause }] = concluded(failed, Duration::ZERO).await[..]
    else {
        panic!("it is to be tried again");
    };
    assert_eq!(told, failure);
    assert!((Duration::from_secs(5)..=Duration::from_secs(6)).contains(&pause), "{pause:?}");
    let said = concluded(failed, Duration::from_hours(72)).await;
    assert_eq!(said, [AttemptConclusion::GivenUp { failure }]);
}

#[tokio::test]
async fn a_receiver_is_left_alone_for_as_long_as_it_asks() {
    let asked = Some(Duration::from_mins(10));
    let failed = SendOutcome::Failed { failure: DeliveryFailure::Status(429), retry_after: asked };
    let [AttemptConclusion::Postponed { pause, .. }] = concluded(failed, Duration::ZERO).await[..] else {
        panic!("it is to be tried again");
    };
    assert!(pause >= Duration::from_mins(10));
}

#[tokio::test]
async fn publishing_says_how_much_there_was() {
    let away = PortUnavailable::new("store", "away");
    for answer in [Ok(0), Ok(200), Err(away)] {
        let mut feed = MockEventFeed::new();
        feed.expect_publish().withf(|limit| *limit > 0).return_const(answer.clone());
        let use_case = use_case(feed, MockDeliveryQueue::new(), MockWebhookSender::new());
        assert_eq!(use_case.publish().await, answer);
    }
}

#[tokio::test]
async fn what_waited_for_its_whole_time_is_given_up_unattempted() {
    let mut queue = MockDeliveryQueue::new();
    queue.expect_expire().withf(|queued_for, _| *queued_for == POLICY.given_up_after).return_const(Ok(7));
    let use_case = use_case(MockEventFeed::new(), queue, MockWebhookSender::new());
    assert_eq!(use_case.expire().await, Ok(7));
}

/// An attempt that outlives its lease would be made twice at once.
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
    let use_case = use_case(MockEventFeed::new(), queue, MockWebhookSender::new());
    assert_eq!(use_case.lease(3).await, Ok(vec![]));
}
