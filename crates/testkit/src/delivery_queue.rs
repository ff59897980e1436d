//! The suite of [`DeliveryQueue`](domain::ports::DeliveryQueue).

mod concluding;
mod leasing;
mod listing;
mod queueing;
mod replaying;
mod suspending;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ports::{AttemptConclusion, DeliveryLease, DeliveryListQuery, ReplayQuery};
use domain::{
    CallEventKind, DeliveryFailure, DeliveryFilter, DeliveryRecord, DeliveryState, DueDelivery,
    EventSequence, WebhookEndpoint,
};

use crate::call_events::{LONG, booked, endpoint, publish, read};
use crate::call_ledger::booking::tenant;
use crate::eventually;
use crate::expect::{LOST_DATABASE_BOUND, unavailable_within};
use crate::fixtures::Tenant;
use crate::harness::CallEventsHarness;

pub use self::concluding::{
    a_concluded_delivery_is_not_leased, a_delivery_queued_for_too_long_is_expired,
    a_postponed_delivery_waits, an_attempt_before_a_replay_concludes_nothing,
    only_the_newest_attempt_concludes,
};
pub use self::leasing::{
    a_delivery_is_leased_to_one_worker, a_failed_delivery_holds_nothing_back,
    a_slow_endpoint_does_not_delay_the_others, an_abandoned_delivery_is_leased_again,
    one_organization_leaves_attempts_for_the_others, the_endpoint_with_the_fewest_leases_is_first,
    the_events_of_a_call_are_leased_in_order, the_longest_due_comes_first,
};
pub use self::listing::{deliveries_are_listed_by_state_and_page, deliveries_are_the_tenants_own};
pub use self::queueing::{
    a_delivery_is_leased_with_every_field, a_replaced_secret_signs_for_its_time,
    an_event_is_queued_for_each_endpoint_that_asked,
};
pub use self::replaying::{a_replay_can_send_delivered_events_again, a_replay_revives_dead_deliveries};
pub use self::suspending::{
    a_late_attempt_suspends_nothing, a_receiver_that_is_gone_suspends_its_endpoint,
    a_replay_leaves_suspended_endpoints_alone, a_suspended_endpoint_gets_nothing,
};

suite! {
    $ delivery_queue_suite of delivery_queue:
    an_event_is_queued_for_each_endpoint_that_asked,
    a_delivery_is_leased_with_every_field,
    a_replaced_secret_signs_for_its_time,
    the_longest_due_comes_first,
    a_delivery_is_leased_to_one_worker,
    an_abandoned_delivery_is_leased_again,
    a_slow_endpoint_does_not_delay_the_others,
    the_endpoint_with_the_fewest_leases_is_first,
    one_organization_leaves_attempts_for_the_others,
    the_events_of_a_call_are_leased_in_order,
    a_failed_delivery_holds_nothing_back,
    a_suspended_endpoint_gets_nothing,
    a_receiver_that_is_gone_suspends_its_endpoint,
    a_late_attempt_suspends_nothing,
    a_postponed_delivery_waits,
    a_concluded_delivery_is_not_leased,
    only_the_newest_attempt_concludes,
    a_delivery_queued_for_too_long_is_expired,
    an_attempt_before_a_replay_concludes_nothing,
    deliveries_are_listed_by_state_and_page,
    deliveries_are_the_tenants_own,
    a_replay_revives_dead_deliveries,
    a_replay_can_send_delivered_events_again,
    a_replay_leaves_suspended_endpoints_alone,
    deliveries_survive_a_crash,
    a_lost_queue_is_unavailable,
}

/// A lease that expires during a test, and a pause.
const BRIEF: Duration = Duration::from_secs(20);
const FAILURE: DeliveryFailure = DeliveryFailure::Status(503);

/// After a crash every delivery is in its state: pending, leased, delivered or dead. Pending ones
/// can be leased, and leased ones when their lease has expired.
pub async fn deliveries_survive_a_crash(harness: &impl CallEventsHarness) {
    let (tenant, _) = with_events(harness, 4).await;
    let out = lease(harness, 3, BRIEF).await;
    conclude(harness, &out[0], AttemptConclusion::Delivered).await;
    conclude(harness, &out[1], AttemptConclusion::GivenUp { failure: FAILURE }).await;
    let before = list(harness, &deliveries(&tenant)).await;
    harness.crash().await;
    // A connection from before the crash may fail first.
    let after =
        eventually("the queue recovers", async || harness.queue().list(&deliveries(&tenant)).await.ok());
    assert_eq!(after.await, before);
    assert_eq!(before.len(), 4);
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 1, "one is pending and not leased");
    assert_eq!(leased[0].attempt, 1);
    harness.pass(BRIEF + Duration::from_secs(1)).await;
    let abandoned = lease(harness, 10, LONG).await;
    assert_eq!(abandoned, [DueDelivery { attempt: 2, ..out[2].clone() }]);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a URL, a
/// secret or a number.
pub async fn a_lost_queue_is_unavailable(harness: &impl CallEventsHarness) {
    let (tenant, endpoint) = with_events(harness, 2).await;
    let out = lease(harness, 1, LONG).await;
    let queue = harness.queue();
    let query = deliveries(&tenant);
    harness.lose().await;
    let private =
        [endpoint.url.as_str(), out[0].event.identity.from.as_e164(), out[0].event.identity.to.as_e164()];
    let lease = unshared(10, 10, LONG);
    unavailable_within(LOST_DATABASE_BOUND, queue.lease(&lease), &private).await;
    let concluding = queue.conclude(&out[0], AttemptConclusion::Delivered);
    unavailable_within(LOST_DATABASE_BOUND, concluding, &private).await;
    unavailable_within(LOST_DATABASE_BOUND, queue.list(&query), &private).await;
    let replay = ReplayQuery { delivered_too: true, ..ReplayQuery::default() };
    unavailable_within(LOST_DATABASE_BOUND, queue.replay(&replay), &private).await;
}

/// A tenant with an endpoint for which this many events are queued, published together.
async fn with_events(harness: &impl CallEventsHarness, events: usize) -> (Tenant, WebhookEndpoint) {
    let tenant = tenant(harness).await;
    let endpoint = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    for _ in 0..events {
        booked(harness, &tenant).await;
    }
    assert_eq!(publish(harness).await, events);
    (tenant, endpoint)
}

/// Books and publishes one more call. Returns the sequence of its event.
async fn publish_call(harness: &impl CallEventsHarness, tenant: &Tenant) -> EventSequence {
    let booking = booked(harness, tenant).await;
    publish(harness).await;
    let events = read(harness, tenant).await;
    let event = events.iter().find(|event| event.identity.call_id == booking.identity.call_id);
    event.expect("it was published").sequence
}

/// All of the tenant's deliveries.
pub(crate) fn deliveries(tenant: &Tenant) -> DeliveryListQuery {
    filtered(tenant, DeliveryFilter { endpoint_id: None, state: None, before: None, limit: 1000 })
}

/// The tenant's deliveries that match a filter.
fn filtered(tenant: &Tenant, filter: DeliveryFilter) -> DeliveryListQuery {
    DeliveryListQuery { organization_id: tenant.organization.id.clone(), filter }
}

/// Leases due deliveries, of one endpoint as many as of all.
pub(crate) async fn lease(
    harness: &impl CallEventsHarness,
    limit: u32,
    lease_for: Duration,
) -> Vec<DueDelivery> {
    harness.queue().lease(&unshared(limit, 1000, lease_for)).await.expect("store is up")
}

/// A lease that one organization may fill.
pub(crate) fn unshared(limit: u32, per_endpoint: u32, lease_for: Duration) -> DeliveryLease {
    DeliveryLease { limit, per_endpoint, per_organization: u32::MAX, running: BTreeMap::new(), lease_for }
}

pub(crate) async fn conclude(
    harness: &impl CallEventsHarness,
    delivery: &DueDelivery,
    conclusion: AttemptConclusion,
) {
    harness.queue().conclude(delivery, conclusion).await.expect("store is up");
}

async fn list(harness: &impl CallEventsHarness, query: &DeliveryListQuery) -> Vec<DeliveryRecord> {
    harness.queue().list(query).await.expect("store is up")
}

/// The tenant's only delivery.
async fn only(harness: &impl CallEventsHarness, tenant: &Tenant) -> DeliveryRecord {
    let mut deliveries = list(harness, &deliveries(tenant)).await;
    assert_eq!(deliveries.len(), 1, "there is one delivery");
    deliveries.remove(0)
}

/// The sequences of the tenant's deliveries in this state, newest first.
async fn sequences(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    state: DeliveryState,
) -> Vec<EventSequence> {
    let query = filtered(tenant, DeliveryFilter { state: Some(state), ..deliveries(tenant).filter });
    list(harness, &query).await.iter().map(|delivery| delivery.sequence).collect()
}
