use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{AttemptConclusion, DeliveryLease, DeliveryQueue};
use domain::{Booking, CallEventKind, CallStatus, DialOutcome, DueDelivery, EventSequence};
use tokio::time::Instant;

use super::{BRIEF, FAILURE, conclude, lease, publish_call, unshared, with_events};
use crate::call_events::{A_SECOND, LONG, booked, endpoint, merge, publish, read};
use crate::call_ledger::booking::{settle, tenant};
use crate::call_updates::conversation;
use crate::expect::{CROWD, all_at_once};
use crate::fixtures::{Tenant, provider_reference};
use crate::harness::CallEventsHarness;

/// The delivery that has been due the longest comes first, of an older event or of a newer one.
pub async fn the_longest_due_comes_first(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 1).await;
    let postponed = lease(harness, 10, LONG).await;
    assert_eq!(postponed.len(), 1);
    let pause = AttemptConclusion::Postponed { failure: FAILURE, pause: BRIEF };
    conclude(harness, &postponed[0], pause).await;
    harness.pass(BRIEF / 2).await;
    let second = publish_call(harness, &tenant).await;
    harness.pass(BRIEF).await;
    let third = publish_call(harness, &tenant).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.extend(lease(harness, 1, LONG).await.iter().map(|delivery| delivery.event.sequence));
    }
    assert_eq!(order, [second, postponed[0].event.sequence, third]);
}

/// Fifty concurrent workers lease each delivery once in total, and none gets more than its limit.
pub async fn a_delivery_is_leased_to_one_worker(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 7).await;
    let crowd = (0..CROWD).map(|_| {
        let queue = harness.queue();
        let lease = unshared(2, 1000, LONG);
        async move { queue.lease(&lease).await.expect("store is up") }
    });
    let shares = all_at_once(crowd).await;
    assert!(shares.iter().all(|share| share.len() <= 2), "a worker got more than its limit");
    let mut leased: Vec<DueDelivery> = shares.into_iter().flatten().collect();
    // A concurrent worker may get nothing although a delivery is due: the next one gets it.
    leased.extend(lease(harness, 10, LONG).await);
    let mut leased = sequences(&leased);
    leased.sort();
    let all: Vec<EventSequence> = read(harness, &tenant).await.iter().map(|event| event.sequence).collect();
    assert_eq!(leased, all, "the deliveries of all workers");
    assert_eq!(lease(harness, 10, LONG).await, []);
}

/// A delivery whose worker died is leased again, as the next attempt, when its lease has expired,
/// and not before.
pub async fn an_abandoned_delivery_is_leased_again(harness: &impl CallEventsHarness) {
    with_events(harness, 1).await;
    let first = lease(harness, 10, BRIEF).await;
    assert_eq!(first.len(), 1);
    assert_eq!(lease(harness, 10, BRIEF).await, []);
    harness.pass(BRIEF + A_SECOND).await;
    let second = lease(harness, 10, LONG).await;
    assert_eq!(second, [DueDelivery { attempt: 2, ..first[0].clone() }]);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await, [], "the last worker chose the lease");
}

/// An endpoint with a long queue has at most `per_endpoint` leases, also with fifty concurrent
/// workers, and the deliveries of another endpoint are leased though they were queued last. A
/// concluded or abandoned delivery frees its lease.
pub async fn a_slow_endpoint_does_not_delay_the_others(harness: &impl CallEventsHarness) {
    let (slow, quick) = (tenant(harness).await, tenant(harness).await);
    let mut slow_endpoints = Vec::new();
    for _ in 0..2 {
        slow_endpoints.push(endpoint(harness, &slow, &CallEventKind::ALL).await.id);
    }
    for _ in 0..5 {
        booked(harness, &slow).await;
    }
    publish(harness).await;
    let quick_endpoint = endpoint(harness, &quick, &CallEventKind::ALL).await.id;
    publish_call(harness, &quick).await;

    let lease = unshared(5, 2, BRIEF);
    let lease_some = async || harness.queue().lease(&lease).await.expect("store is up");
    let out = lease_some().await;
    let mut of_each: Vec<_> = out.iter().map(|delivery| &delivery.endpoint_id).collect();
    of_each.sort();
    let expected =
        [&slow_endpoints[0], &slow_endpoints[0], &slow_endpoints[1], &slow_endpoints[1], &quick_endpoint];
    assert_eq!(of_each, expected);
    assert_eq!(lease_some().await, [], "every endpoint has its maximum of leases");
    let concluded =
        out.iter().find(|delivery| delivery.endpoint_id == slow_endpoints[0]).expect("two are leased");
    conclude(harness, concluded, AttemptConclusion::Delivered).await;
    let next = lease_some().await;
    let of_each: Vec<_> = next.iter().map(|delivery| &delivery.endpoint_id).collect();
    assert_eq!(of_each, [&slow_endpoints[0]], "one lease is free");

    harness.pass(BRIEF + A_SECOND).await;
    let crowd = (0..CROWD).map(|_| {
        let (queue, one) = (harness.queue(), DeliveryLease { limit: 1, ..lease.clone() });
        async move { queue.lease(&one).await.expect("store is up") }
    });
    let mut leased: Vec<DueDelivery> = all_at_once(crowd).await.into_iter().flatten().collect();
    leased.extend(lease_some().await);
    for endpoint in &slow_endpoints {
        let out = leased.iter().filter(|delivery| delivery.endpoint_id == *endpoint).count();
        assert_eq!(out, 2, "leases of one endpoint at the same time");
    }
    let quick = leased.iter().filter(|delivery| delivery.endpoint_id == quick_endpoint).count();
    assert_eq!(quick, 1, "the delivery of the other endpoint was abandoned too");
    assert_eq!(leased.len(), 5);
}

/// If many endpoints have long queues and leases, and a worker has a small limit, a delivery to an
/// endpoint without a lease is next, though it was queued last.
pub async fn the_endpoint_with_the_fewest_leases_is_first(harness: &impl CallEventsHarness) {
    let (slow, quick) = (tenant(harness).await, tenant(harness).await);
    for _ in 0..2 {
        endpoint(harness, &slow, &CallEventKind::ALL).await;
    }
    for _ in 0..3 {
        booked(harness, &slow).await;
    }
    publish(harness).await;
    let quick_endpoint = endpoint(harness, &quick, &CallEventKind::ALL).await.id;
    let out = lease(harness, 3, LONG).await;
    assert_eq!(out.len(), 3);
    publish_call(harness, &quick).await;
    let next = lease(harness, 1, LONG).await;
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].endpoint_id, quick_endpoint, "the other endpoints have leases");
    let rest = lease(harness, 1, LONG).await;
    let of_it = |deliveries: &[DueDelivery]| {
        deliveries.iter().filter(|delivery| delivery.endpoint_id == rest[0].endpoint_id).count()
    };
    assert_eq!(of_it(&out), 1, "the other endpoint has two leases");
}

/// A worker that runs no attempt yet leases at most `per_organization` deliveries of an organization
/// with many endpoints and long queues, and then those of another one, though they were queued last.
/// The attempts that it runs count, and those of other workers do not.
pub async fn one_organization_leaves_attempts_for_the_others(harness: &impl CallEventsHarness) {
    let (large, small) = (tenant(harness).await, tenant(harness).await);
    for _ in 0..3 {
        endpoint(harness, &large, &CallEventKind::ALL).await;
    }
    for _ in 0..5 {
        booked(harness, &large).await;
    }
    publish(harness).await;
    endpoint(harness, &small, &CallEventKind::ALL).await;
    publish_call(harness, &small).await;

    let lease_with = async |running: &[(&Tenant, u32)], limit| {
        let running = running.iter().map(|(tenant, attempts)| (tenant.organization.id.clone(), *attempts));
        let lease = unshared(limit, 4, LONG);
        let lease = DeliveryLease { per_organization: 3, running: running.collect(), ..lease };
        let leased = harness.queue().lease(&lease).await.expect("store is up");
        let of = |tenant: &Tenant| {
            let is_its = |one: &&DueDelivery| one.event.identity.organization_id == tenant.organization.id;
            leased.iter().filter(is_its).count()
        };
        (of(&large), of(&small))
    };
    assert_eq!(lease_with(&[(&large, 3)], 1).await, (0, 1), "of the only one that may have more");
    publish_call(harness, &small).await;
    assert_eq!(lease_with(&[], 10).await, (3, 1), "without running attempts");
    assert_eq!(lease_with(&[(&large, 3), (&small, 1)], 10).await, (0, 0), "with all of these running");
    assert_eq!(lease_with(&[(&large, 4)], 10).await, (0, 0), "with more than the maximum running");
    assert_eq!(lease_with(&[(&large, 2), (&small, 3)], 10).await, (1, 0), "with one attempt left");
    assert_eq!(lease_with(&[(&small, 3)], 2).await, (2, 0), "by another worker, with a small limit");
}

/// The events of a call are leased one after another for each endpoint: the next one when the one
/// before is delivered, has expired, or its lease has. Other calls and other endpoints do not wait. The
/// order holds for many concurrent workers, whatever the outcome of each attempt.
pub async fn the_events_of_a_call_are_leased_in_order(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    for _ in 0..2 {
        endpoint(harness, &tenant, &CallEventKind::ALL).await;
    }
    let (call, other) = (ended(harness, &tenant).await, booked(harness, &tenant).await);
    publish(harness).await;
    let first = lease(harness, 10, LONG).await;
    assert_eq!(first.len(), 4, "for each endpoint, the first event of each call");
    for delivery in first.iter().filter(|one| one.event.identity.call_id == other.identity.call_id) {
        conclude(harness, delivery, AttemptConclusion::Delivered).await;
    }
    assert_eq!(lease(harness, 10, LONG).await, [], "the first events of the other call are leased");
    let mut earlier: Vec<_> =
        first.into_iter().filter(|one| one.event.identity.call_id == call.identity.call_id).collect();
    let (one, another) = (earlier.remove(0), earlier.remove(0));
    assert_eq!(one.event.sequence, another.event.sequence, "one delivery for each endpoint");
    conclude(harness, &one, AttemptConclusion::Delivered).await;
    let second = lease(harness, 10, BRIEF).await;
    assert_eq!(second.len(), 1, "for the endpoint that has the first event");
    assert_eq!(second[0].endpoint_id, one.endpoint_id);
    assert!(second[0].event.sequence > one.event.sequence);
    conclude(harness, &another, AttemptConclusion::GivenUp { failure: FAILURE }).await;
    let second_of_another = lease(harness, 10, BRIEF).await;
    assert_eq!(second_of_another.len(), 1);
    assert_eq!(second_of_another[0].event.sequence, second[0].event.sequence);
    harness.pass(BRIEF + A_SECOND).await;
    let again = lease(harness, 10, LONG).await;
    assert_eq!(
        sequences(&again),
        [second[0].event.sequence; 2],
        "the abandoned ones, before the third event"
    );
    for delivery in &again {
        conclude(harness, delivery, AttemptConclusion::Delivered).await;
    }
    for delivery in lease(harness, 10, LONG).await {
        conclude(harness, &delivery, AttemptConclusion::Delivered).await;
    }

    for _ in 0..8 {
        ended(harness, &tenant).await;
    }
    publish(harness).await;
    let attempts: Arc<Mutex<Vec<DueDelivery>>> = Arc::default();
    let workers = (0..CROWD / 2).map(|_| deliver_all(harness.queue(), attempts.clone()));
    all_at_once(workers).await;
    let mut attempts = attempts.lock().expect("no worker panics").clone();
    attempts.retain(|delivery| delivery.attempt == 1);
    assert_eq!(attempts.len(), 8 * 3 * 2);
    for (place, later) in attempts.iter().enumerate() {
        let overtaken = attempts[place..].iter().find(|earlier| {
            earlier.endpoint_id == later.endpoint_id
                && earlier.event.identity.call_id == later.event.identity.call_id
                && earlier.event.sequence < later.event.sequence
        });
        assert_eq!(overtaken, None, "it was first attempted after {later:?}");
    }
}

/// A worker that leases until 8 calls of three events are concluded for both endpoints. Every fourth
/// attempt fails, half of these for ever.
async fn deliver_all(queue: Arc<dyn DeliveryQueue>, attempts: Arc<Mutex<Vec<DueDelivery>>>) {
    let lease = unshared(3, 6, LONG);
    let deadline = Instant::now() + LONG;
    while attempts.lock().expect("no worker panics").iter().filter(|one| is_concluded(one)).count() < 48 {
        assert!(Instant::now() < deadline, "deliveries stay in the queue");
        for delivery in queue.lease(&lease).await.expect("the store is up") {
            attempts.lock().expect("no worker panics").push(delivery.clone());
            let conclusion = match (delivery.attempt, delivery.event.sequence.number() % 4) {
                (1, 0) => AttemptConclusion::GivenUp { failure: FAILURE },
                (1, 1) => AttemptConclusion::Postponed { failure: FAILURE, pause: Duration::ZERO },
                _ => AttemptConclusion::Delivered,
            };
            tokio::task::yield_now().await;
            queue.conclude(&delivery, conclusion).await.expect("the store is up");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn is_concluded(delivery: &DueDelivery) -> bool {
    delivery.attempt > 1 || delivery.event.sequence.number() % 4 != 1
}

/// A delivery that failed and waits for its next attempt holds no later event of its call back. When
/// both are due for another attempt, they are leased one after another again.
pub async fn a_failed_delivery_holds_nothing_back(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    endpoint(harness, &tenant, &CallEventKind::ALL).await;
    ended(harness, &tenant).await;
    publish(harness).await;
    let mut failed = Vec::new();
    for attempted in 0..3 {
        let mut leased = lease(harness, 10, LONG).await;
        assert_eq!(leased.len(), 1, "after {attempted} of three events have failed");
        failed.append(&mut leased);
        let pause = AttemptConclusion::Postponed { failure: FAILURE, pause: BRIEF };
        conclude(harness, &failed[attempted], pause).await;
    }
    assert_eq!(lease(harness, 10, LONG).await, [], "all wait for their next attempt");
    harness.pass(BRIEF + A_SECOND).await;
    for first in &failed {
        let leased = lease(harness, 10, LONG).await;
        assert_eq!(leased, [DueDelivery { attempt: 2, ..first.clone() }]);
        conclude(harness, &leased[0], AttemptConclusion::Delivered).await;
    }
}

/// A call with three events: it was booked, answered and completed.
async fn ended(harness: &impl CallEventsHarness, tenant: &Tenant) -> Booking {
    let booking = booked(harness, tenant).await;
    settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    booking
}

fn sequences(deliveries: &[DueDelivery]) -> Vec<EventSequence> {
    deliveries.iter().map(|delivery| delivery.event.sequence).collect()
}
