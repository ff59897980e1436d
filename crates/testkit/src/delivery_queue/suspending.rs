use std::time::Duration;

use domain::ports::{AttemptConclusion, ReplayQuery};
use domain::{
    CallEventKind, DeliveryFailure, DeliveryState, EndpointChange, EndpointSuspension, Sending,
    SuspensionReason, Timestamp, WebhookEndpoint,
};

use super::{BRIEF, FAILURE, conclude, lease, publish_call, sequences, with_events};
use crate::call_events::{A_SECOND, LONG, endpoint, now};
use crate::fixtures::{Tenant, webhook_endpoint};
use crate::harness::CallEventsHarness;
use crate::webhook_endpoints::change;

const GONE: DeliveryFailure = DeliveryFailure::Status(410);

/// Nothing of a suspended endpoint is leased, whatever suspended it: neither what was queued before
/// nor what is queued meanwhile. Other endpoints of the organization get theirs. Once it is active,
/// everything is leased.
pub async fn a_suspended_endpoint_gets_nothing(harness: &impl CallEventsHarness) {
    for reason in SuspensionReason::ALL {
        let (tenant, suspended) = with_events(harness, 1).await;
        let other = endpoint(harness, &tenant, &CallEventKind::ALL).await;
        suspend(harness, &tenant, &suspended, reason).await;
        publish_call(harness, &tenant).await;
        let leased = lease(harness, 10, LONG).await;
        assert!(leased.len() == 1 && leased[0].endpoint_id == other.id, "{reason:?}: {leased:?}");
        conclude(harness, &leased[0], AttemptConclusion::Delivered).await;
        resume(harness, &tenant, &suspended).await;
        let leased = lease(harness, 10, LONG).await;
        assert_eq!(leased.len(), 2, "{reason:?}");
        for delivery in leased {
            assert_eq!((&delivery.endpoint_id, delivery.attempt), (&suspended.id, 1));
            conclude(harness, &delivery, AttemptConclusion::Delivered).await;
        }
    }
}

/// The delivery is dead, and the endpoint is suspended since that time. Its other deliveries stay
/// pending and are leased once it is active. A second attempt with the same end, and one that was
/// sent to an earlier URL, leave the suspension as it is.
pub async fn a_receiver_that_is_gone_suspends_its_endpoint(harness: &impl CallEventsHarness) {
    let (tenant, gone) = with_events(harness, 3).await;
    let leased = lease(harness, 2, LONG).await;
    let at = now();
    conclude(harness, &leased[0], receiver_gone(at)).await;
    let expected = Some(EndpointSuspension { reason: SuspensionReason::Gone, since: at });
    assert_eq!(suspension(harness, &tenant, &gone).await, expected);
    let dead = [leased[0].event.sequence];
    assert_eq!(sequences(harness, &tenant, DeliveryState::Dead).await, dead);
    let failures: Vec<_> = super::list(harness, &super::deliveries(&tenant)).await;
    let failure = failures.iter().find(|delivery| delivery.sequence == dead[0]);
    assert_eq!(failure.and_then(|delivery| delivery.last_failure), Some(GONE));
    assert_eq!(lease(harness, 10, LONG).await, []);
    conclude(harness, &leased[1], receiver_gone(at.after(A_SECOND))).await;
    assert_eq!(suspension(harness, &tenant, &gone).await, expected);

    resume(harness, &tenant, &gone).await;
    let to_the_old_url = lease(harness, 10, LONG).await;
    assert_eq!(to_the_old_url.len(), 1);
    let moved = EndpointChange {
        url: Some(webhook_endpoint(&tenant.organization.id).url),
        ..EndpointChange::default()
    };
    change(harness, &tenant.organization.id, &gone.id, &moved).await;
    conclude(harness, &to_the_old_url[0], receiver_gone(at)).await;
    assert_eq!(suspension(harness, &tenant, &gone).await, None);
    assert_eq!(sequences(harness, &tenant, DeliveryState::Dead).await.len(), 3);
}

/// An attempt whose lease expired, and whose delivery another worker has, suspends nothing.
pub async fn a_late_attempt_suspends_nothing(harness: &impl CallEventsHarness) {
    let (tenant, endpoint) = with_events(harness, 1).await;
    let late = lease(harness, 10, BRIEF).await;
    harness.pass(BRIEF + A_SECOND).await;
    let newest = lease(harness, 10, LONG).await;
    assert_eq!((late.len(), newest.len()), (1, 1));
    conclude(harness, &late[0], receiver_gone(now())).await;
    assert_eq!(suspension(harness, &tenant, &endpoint).await, None);
    assert_eq!(super::only(harness, &tenant).await.state, DeliveryState::Pending);
}

/// The dead letters of a suspended endpoint stay what they are. Once it is active, a replay queues
/// them.
pub async fn a_replay_leaves_suspended_endpoints_alone(harness: &impl CallEventsHarness) {
    let (tenant, suspended) = with_events(harness, 1).await;
    let active = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    publish_call(harness, &tenant).await;
    let dead = AttemptConclusion::GivenUp { failure: FAILURE };
    for delivery in lease(harness, 10, LONG).await {
        conclude(harness, &delivery, dead).await;
    }
    assert_eq!(sequences(harness, &tenant, DeliveryState::Dead).await.len(), 3);
    suspend(harness, &tenant, &suspended, SuspensionReason::Gone).await;
    let organization_id = Some(tenant.organization.id.clone());
    let all = ReplayQuery { organization_id, ..ReplayQuery::default() };
    let of_endpoint = ReplayQuery { endpoint_id: Some(suspended.id.clone()), ..all.clone() };
    let replay = async |query| harness.queue().replay(query).await.expect("store is up");
    assert_eq!(replay(&of_endpoint).await, 0);
    assert_eq!(replay(&all).await, 1, "that of the active endpoint");
    let leased = lease(harness, 10, LONG).await;
    assert!(leased.len() == 1 && leased[0].endpoint_id == active.id, "{leased:?}");
    resume(harness, &tenant, &suspended).await;
    // Long enough for every store's clock to show a later time.
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(replay(&of_endpoint).await, 2);
    assert_eq!(lease(harness, 10, LONG).await.len(), 2);
}

const fn receiver_gone(at: Timestamp) -> AttemptConclusion {
    AttemptConclusion::ReceiverGone { failure: GONE, at }
}

async fn suspend(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    endpoint: &WebhookEndpoint,
    reason: SuspensionReason,
) {
    let sending = Sending::Suspended(EndpointSuspension { reason, since: now() });
    set(harness, tenant, endpoint, sending).await;
}

async fn resume(harness: &impl CallEventsHarness, tenant: &Tenant, endpoint: &WebhookEndpoint) {
    set(harness, tenant, endpoint, Sending::Active).await;
}

async fn set(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    endpoint: &WebhookEndpoint,
    sending: Sending,
) {
    let sending = EndpointChange { sending: Some(sending), ..EndpointChange::default() };
    change(harness, &tenant.organization.id, &endpoint.id, &sending).await;
}

async fn suspension(
    harness: &impl CallEventsHarness,
    tenant: &Tenant,
    endpoint: &WebhookEndpoint,
) -> Option<EndpointSuspension> {
    let listed = harness.endpoints().list(&tenant.organization.id).await.expect("store is up");
    let stored = listed.into_iter().find(|stored| stored.id == endpoint.id);
    stored.expect("it is registered").suspension
}
