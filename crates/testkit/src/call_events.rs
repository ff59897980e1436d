//! Produces and reads call events, for the three suites about them.

use std::time::{Duration, SystemTime};

use domain::ports::{FeedQuery, RegistrationResult};
use domain::{
    Booking, CallEvent, CallEventKind, CallStatus, CallUpdate, EventSequence, Timestamp, WebhookEndpoint,
};

use crate::call_ledger::booking::book;
use crate::fixtures::{Tenant, webhook_endpoint};
use crate::harness::CallEventsHarness;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(120);
pub(crate) const A_SECOND: Duration = Duration::from_secs(1);
/// More than the difference between clocks on one machine plus the response time of a busy one.
const ABOUT: Duration = Duration::from_mins(1);

/// The time by this process's clock.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Whether the store's clock may have shown this just now.
pub(crate) fn is_about_now(time: Timestamp) -> bool {
    now().before(ABOUT) < time && time < now().after(ABOUT)
}

/// Publishes every written event. Returns their number.
pub(crate) async fn publish(harness: &impl CallEventsHarness) -> usize {
    harness.feed().publish(1000).await.expect("store is up")
}

/// The tenant's published events after a sequence.
pub(crate) async fn read_behind(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    after: EventSequence,
) -> Vec<CallEvent> {
    harness.feed().read(&query(tenant, after)).await.expect("store is up")
}

/// The tenant's published events.
pub(crate) async fn read(harness: &impl CallEventsHarness, tenant: &Tenant) -> Vec<CallEvent> {
    read_behind(harness, tenant, EventSequence::START).await
}

/// A query of the tenant's events after a sequence, without waiting.
pub(crate) fn query(tenant: &Tenant, after: EventSequence) -> FeedQuery {
    FeedQuery { organization_id: tenant.organization.id.clone(), after, limit: 1000, wait: Duration::ZERO }
}

/// A booked call, which writes one event.
pub(crate) async fn booked(harness: &impl CallEventsHarness, tenant: &Tenant) -> Booking {
    let booking = tenant.booking(LONG);
    book(harness, &booking).await;
    booking
}

pub(crate) async fn merge(harness: &impl CallEventsHarness, booking: &Booking, update: &CallUpdate) {
    harness.updater().merge(&booking.identity.call_id, update).await.expect("store is up");
}

/// The events of a call, in order, after publishing all.
pub(crate) async fn steps(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    booking: &Booking,
) -> Vec<(CallEventKind, CallStatus)> {
    publish(harness).await;
    let events = read(harness, tenant).await.into_iter();
    events
        .filter(|event| event.identity.call_id == booking.identity.call_id)
        .map(|event| (event.kind, event.status))
        .collect()
}

/// An endpoint of the tenant, registered for these kinds.
pub(crate) async fn endpoint(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    kinds: &[CallEventKind],
) -> WebhookEndpoint {
    let endpoint = WebhookEndpoint { kinds: kinds.to_vec(), ..webhook_endpoint(&tenant.organization.id) };
    assert_eq!(register(harness, &endpoint).await, RegistrationResult::Registered);
    endpoint
}

/// Registers an endpoint. The limit is higher than any case needs.
pub(crate) async fn register(
    harness: &impl CallEventsHarness,
    endpoint: &WebhookEndpoint,
) -> RegistrationResult {
    harness.endpoints().register(endpoint, 1000).await.expect("store is up")
}
