//! Leased work after a short failure of a store: it is given back, and does not wait for the end of
//! its lease.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    AttemptConclusion, CallLookup, EventOrigin, MockCallUpdater, MockClock, MockContextCache,
    MockDeliveryQueue, MockEventFeed, MockEventInbox, MockProviderWebhook, MockWebhookSender, OpenEvent,
    PortUnavailable, ProviderEvent, SendOutcome,
};
use domain::{
    CallFailure, CallId, CallUpdate, DeliverWebhooks, DeliverWebhooksPorts, DeliveryFailure, DeliveryPolicy,
    DueDelivery, NotConnectedReason, ReceiveEvent, ReceiveEventPorts, Timestamp, UpdateContent,
    WebhookEndpointId, WebhookSecret, WebhookUrl,
};

use testkit::fixtures::call_event;

use crate::world::no_opt_outs;

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

fn unavailable() -> PortUnavailable {
    PortUnavailable::new("store", "unavailable")
}

/// The steps of applying an event that can fail because a store is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Locate,
    Merge,
    Close,
}

struct Inbox {
    /// The keys of the leased events, in the order in which they are applied.
    events: Vec<&'static str>,
    /// How long the events have waited.
    waited: Duration,
    /// The step that fails, for the event with the key `failing`.
    fails: Step,
    /// The result of giving the event back.
    postponed: Result<(), PortUnavailable>,
    /// How long after the lease the failure is seen.
    takes: Duration,
}

impl Inbox {
    fn with_one_event(fails: Step) -> Self {
        Self {
            events: vec!["failing"],
            waited: Duration::ZERO,
            fails,
            postponed: Ok(()),
            takes: Duration::ZERO,
        }
    }

    /// Applies the events; the result, and the events that were closed or postponed.
    async fn apply(self) -> (Result<usize, PortUnavailable>, Vec<String>) {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let note = |steps: &Arc<Mutex<Vec<String>>>, step: String| {
            steps.lock().expect("no panic").push(step);
        };
        let Self { events, waited, fails, postponed, takes } = self;
        let mut inbox = MockEventInbox::new();
        inbox.expect_lease().returning(move |_| {
            let open = |(index, key): (usize, &&str)| OpenEvent {
                key: (*key).to_owned(),
                body: vec![b' '; index],
                received_at: NOW.before(waited),
                organization_id: None,
            };
            Ok(events.iter().enumerate().map(open).collect())
        });
        let (closing, failing) = (steps.clone(), fails == Step::Close);
        inbox.expect_close().returning(move |key, _, _| {
            if failing && key == "failing" {
                return Err(unavailable());
            }
            note(&closing, format!("close {key}"));
            Ok(())
        });
        let postponing = steps.clone();
        inbox.expect_postpone().returning(move |key, pause| {
            note(&postponing, format!("postpone {key} {} s", pause.as_secs()));
            postponed.clone()
        });
        // The first event is the one that fails.
        let mut updater = MockCallUpdater::new();
        let located = if fails == Step::Locate { Err(unavailable()) } else { Ok(Some(call_id())) };
        updater.expect_locate().times(1).return_const(located);
        updater.expect_locate().return_const(Ok(Some(call_id())));
        let merged = if fails == Step::Merge { Err(unavailable()) } else { Ok(()) };
        if fails != Step::Locate {
            updater.expect_merge().times(1).return_const(merged);
        }
        updater.expect_merge().return_const(Ok(()));
        let mut webhook = MockProviderWebhook::new();
        webhook.expect_read().returning(|_, _| Ok(event()));
        let mut clock = MockClock::new();
        clock.expect_now().times(1).return_const(NOW);
        clock.expect_now().return_const(NOW.after(takes));
        let ports = ReceiveEventPorts {
            webhook: Arc::new(webhook),
            inbox: Arc::new(inbox),
            updater: Arc::new(updater),
            contexts: Arc::new(MockContextCache::new()),
            opt_outs: no_opt_outs(),
            recordings: None,
            clock: Arc::new(clock),
        };
        let result = ReceiveEvent::new(ports).apply_open().await;
        let steps = steps.lock().expect("no panic").clone();
        (result, steps)
    }
}

fn call_id() -> CallId {
    CallId::mint(1, [1; 8])
}

fn event() -> ProviderEvent {
    let failure = CallFailure::new(NotConnectedReason::Busy, NOW);
    let content = UpdateContent::Failure(failure);
    ProviderEvent {
        key: "an event".to_owned(),
        kind: "failure".to_owned(),
        lookup: CallLookup { call_id: Some(call_id()), conversation_id: None, parties: None },
        origin: EventOrigin::default(),
        update: Some(CallUpdate { conversation_id: None, carrier_call_id: None, content }),
        recording: None,
    }
}

#[tokio::test]
async fn an_event_that_meets_an_unavailable_store_is_given_back_after_each_step() {
    for fails in [Step::Locate, Step::Merge, Step::Close] {
        let applied = Inbox::with_one_event(fails).apply().await;
        assert_eq!(applied, (Err(unavailable()), vec!["postpone failing 1 s".to_owned()]), "{fails:?}");
    }
}

#[tokio::test]
async fn an_event_is_given_back_for_as_long_as_it_has_waited_up_to_10_s() {
    for (waited, step) in [
        (Duration::from_secs(4), "postpone failing 4 s"),
        (Duration::from_secs(30), "postpone failing 10 s"),
        (Duration::from_hours(2), "postpone failing 10 s"),
    ] {
        let inbox = Inbox { waited, ..Inbox::with_one_event(Step::Merge) };
        assert_eq!(inbox.apply().await.1, [step]);
    }
}

#[tokio::test]
async fn giving_back_is_attempted_once() {
    let inbox = Inbox { postponed: Err(unavailable()), ..Inbox::with_one_event(Step::Merge) };
    assert_eq!(inbox.apply().await, (Err(unavailable()), vec!["postpone failing 1 s".to_owned()]));
}

#[tokio::test]
async fn a_lease_that_has_expired_is_not_given_back() {
    for (secs, is_given_back) in [(59, true), (60, false)] {
        let inbox = Inbox { takes: Duration::from_secs(secs), ..Inbox::with_one_event(Step::Merge) };
        assert_eq!(inbox.apply().await.1.len(), usize::from(is_given_back), "after {secs} s");
    }
}

#[tokio::test]
async fn an_event_that_is_given_back_does_not_delay_the_others() {
    for fails in [Step::Locate, Step::Merge, Step::Close] {
        let inbox = Inbox { events: vec!["failing", "good"], ..Inbox::with_one_event(fails) };
        let steps = ["postpone failing 1 s", "close good"].map(str::to_owned);
        assert_eq!(inbox.apply().await, (Err(unavailable()), steps.to_vec()), "{fails:?}");
    }
}

/// Concludes an attempt while the queue fails `failures` times; the result, and the conclusions.
async fn concluded(failures: usize) -> (Result<(), PortUnavailable>, Vec<AttemptConclusion>) {
    concluded_after(SendOutcome::Accepted, failures).await
}

async fn concluded_after(
    outcome: SendOutcome,
    failures: usize,
) -> (Result<(), PortUnavailable>, Vec<AttemptConclusion>) {
    let conclusions = Arc::new(Mutex::new(Vec::new()));
    let noted = conclusions.clone();
    let mut queue = MockDeliveryQueue::new();
    queue.expect_conclude().returning(move |_, conclusion| {
        let mut noted = noted.lock().expect("no panic");
        noted.push(conclusion);
        if noted.len() > failures { Ok(()) } else { Err(unavailable()) }
    });
    let mut sender = MockWebhookSender::new();
    sender.expect_send().times(1).return_const(outcome);
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    clock.expect_sleep().return_const(());
    let ports = DeliverWebhooksPorts {
        feed: Arc::new(MockEventFeed::new()),
        queue: Arc::new(queue),
        sender: Arc::new(sender),
        clock: Arc::new(clock),
    };
    let policy = DeliveryPolicy {
        first_pause: Duration::from_secs(5),
        longest_pause: Duration::from_hours(6),
        given_up_after: Duration::from_hours(72),
        attempt_within: Duration::from_secs(15),
    };
    let delivery = DueDelivery {
        endpoint_id: WebhookEndpointId::parse("endpoint").expect("an id"),
        url: WebhookUrl::parse("https://example.com/hook").expect("a URL"),
        secrets: vec![WebhookSecret::mint([7; 32])],
        event: call_event(),
        attempt: 1,
        queued_at: NOW,
    };
    let result = DeliverWebhooks::new(ports, policy).deliver(&delivery).await;
    let conclusions = conclusions.lock().expect("no panic").clone();
    (result, conclusions)
}

#[tokio::test]
async fn the_result_of_a_delivery_is_recorded_again_after_a_failure_and_the_event_is_not_sent_again() {
    let twice = vec![AttemptConclusion::Delivered; 2];
    assert_eq!(concluded(0).await, (Ok(()), vec![AttemptConclusion::Delivered]));
    assert_eq!(concluded(1).await, (Ok(()), twice.clone()));
    assert_eq!(concluded(2).await, (Err(unavailable()), twice), "the lease expires");
}

#[tokio::test]
async fn only_a_receiver_that_is_gone_disables_its_endpoint() {
    let after = |status| {
        let failure = DeliveryFailure::Status(status);
        (failure, concluded_after(SendOutcome::Failed { failure, retry_after: None }, 0))
    };
    let (failure, concluded) = after(410);
    let gone = AttemptConclusion::ReceiverGone { failure, at: NOW };
    assert_eq!(concluded.await, (Ok(()), vec![gone]));
    for status in [404, 409, 411, 500] {
        let (_, concluded) = after(status);
        let (_, conclusions) = concluded.await;
        assert!(matches!(conclusions[..], [AttemptConclusion::Postponed { .. }]), "{status}");
    }
}
