//! The order of a call's deliveries when several replicas lease them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_postgres::PostgresStore;
use domain::ports::{
    AttemptConclusion, CallLedger, CallUpdater, DeliveryLease, DeliveryQueue, EventFeed, RegistrationResult,
    Settlement, WebhookEndpoints,
};
use domain::{
    AnswerTime, CallStatus, CallUpdate, ConversationRecord, DeliveryFailure, DialOutcome, DueDelivery,
    UpdateContent,
};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::PostgresHarness;

const MINUTE: Duration = Duration::from_secs(60);
const CALLS: usize = 20;
const ENDPOINTS: usize = 2;
const EVENTS_OF_A_CALL: usize = 3;

/// What all replicas did.
#[derive(Default)]
struct Log {
    /// In the order in which the attempts were made.
    attempts: Mutex<Vec<DueDelivery>>,
    /// How many deliveries need no further attempt.
    concluded: AtomicUsize,
}

/// Three replicas publish and deliver while calls are placed. Whatever the outcome of each attempt,
/// the first attempts of a call's events to an endpoint are made in the order of the events.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_attempt_the_events_of_a_call_in_order() {
    for seed in 1..=3 {
        let harness = PostgresHarness::new().await;
        let tenant = Tenant::new();
        harness.store(&tenant.records()).await;
        for _ in 0..ENDPOINTS {
            let endpoint = fixtures::webhook_endpoint(&tenant.organization.id);
            let registered = harness.adapter().register(&endpoint, 10).await;
            assert_eq!(registered, Ok(RegistrationResult::Registered));
        }
        let log = Arc::new(Log::default());
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let replica = harness.database().open().await;
            for _ in 0..4 {
                tasks.spawn(deliver(replica.clone(), log.clone(), seed));
            }
        }
        for _ in 0..CALLS {
            place_and_complete(&harness.adapter(), &tenant).await;
        }
        while let Some(worker) = tasks.join_next().await {
            worker.expect("no worker panics");
        }
        let attempts = log.attempts.lock().expect("no worker panics");
        let mut first_attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for one in attempts.iter().filter(|one| one.attempt == 1) {
            let queue = (one.endpoint_id.clone(), one.event.identity.call_id.clone());
            first_attempts.entry(queue).or_default().push(one.event.sequence);
        }
        assert_eq!(first_attempts.len(), CALLS * ENDPOINTS);
        for (queue, sequences) in &first_attempts {
            assert_eq!(sequences.len(), EVENTS_OF_A_CALL);
            assert!(sequences.is_sorted(), "seed {seed}: {queue:?} was attempted as {sequences:?}");
        }
    }
}

/// Publishes and delivers until every delivery is concluded.
async fn deliver(store: PostgresStore, log: Arc<Log>, seed: u64) {
    let lease = DeliveryLease {
        limit: 5,
        per_endpoint: 8,
        per_organization: 1000,
        running: BTreeMap::new(),
        lease_for: MINUTE,
    };
    let deadline = Instant::now() + MINUTE;
    let mut random = seed;
    while log.concluded.load(Ordering::SeqCst) < CALLS * ENDPOINTS * EVENTS_OF_A_CALL {
        assert!(Instant::now() < deadline, "deliveries stay in the queue");
        store.publish(7).await.expect("the server responds");
        let due = DeliveryQueue::lease(&store, &lease).await.expect("the server responds");
        // Like a receiver, it gets the deliveries of one lease in any order.
        for delivery in due.into_iter().rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let failure = DeliveryFailure::TimedOut;
            let conclusion = match (random >> 33) % 4 {
                0 if delivery.attempt < 3 => {
                    AttemptConclusion::Postponed { failure, pause: Duration::from_millis(random >> 60) }
                }
                1 => AttemptConclusion::GivenUp { failure },
                _ => AttemptConclusion::Delivered,
            };
            log.attempts.lock().expect("no worker panics").push(delivery.clone());
            sleep(Duration::from_millis(random >> 62)).await;
            store.conclude(&delivery, conclusion).await.expect("the server responds");
            if !matches!(conclusion, AttemptConclusion::Postponed { .. }) {
                log.concluded.fetch_add(1, Ordering::SeqCst);
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// A call with three events: it is booked, answered and completed.
async fn place_and_complete(store: &PostgresStore, tenant: &Tenant) {
    let booking = tenant.booking(MINUTE);
    store.book(&booking).await.expect("the server responds");
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    let settlement = Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome: &outcome,
        status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
        hold_for: MINUTE,
        settled_at: booking.booked_at.after(MINUTE),
    };
    store.settle(&settlement).await.expect("the server responds");
    let record =
        ConversationRecord { duration_secs: Some(7), ..ConversationRecord::new(CallStatus::Completed) };
    let content = UpdateContent::Conversation(record);
    let completed = CallUpdate { conversation_id: None, carrier_call_id: None, content };
    store.merge(&booking.identity.call_id, &completed).await.expect("the server responds");
}
