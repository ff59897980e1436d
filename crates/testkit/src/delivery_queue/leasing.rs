use domain::ports::{AttemptConclusion, DeliveryLease};
use domain::{CallEventKind, DueDelivery, EventSequence};

use super::{BRIEF, FAILURE, conclude, lease, publish_call, with_events};
use crate::call_events::{A_SECOND, LONG, booked, endpoint, publish, read};
use crate::call_ledger::booking::tenant;
use crate::expect::{CROWD, all_at_once};
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
        let lease = DeliveryLease { limit: 2, per_endpoint: 1000, lease_for: LONG };
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

    let lease = DeliveryLease { limit: 5, per_endpoint: 2, lease_for: BRIEF };
    let lease_some = || async move { harness.queue().lease(&lease).await.expect("store is up") };
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
    let one = DeliveryLease { limit: 1, ..lease };
    let crowd = (0..CROWD).map(|_| {
        let queue = harness.queue();
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

fn sequences(deliveries: &[DueDelivery]) -> Vec<EventSequence> {
    deliveries.iter().map(|delivery| delivery.event.sequence).collect()
}
