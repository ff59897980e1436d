use std::time::Duration;

use domain::ports::{AttemptConclusion, ReplayQuery};
use domain::{
    CallEventKind, DeliveryRecord, DeliveryState, EventSequence, OrganizationId, WebhookEndpointId,
};

use super::{BRIEF, FAILURE, conclude, deliveries, lease, list, places};
use crate::call_events::{A_SECOND, LONG, booked, endpoint, publish};
use crate::call_ledger::booking::tenant;
use crate::fixtures::{Tenant, organization_id, webhook_endpoint_id};
use crate::harness::CallEventsHarness;

/// A replay queues dead deliveries as if they had just been told, of an organization, an endpoint or behind a place, or all
/// there are; those that were delivered, are pending or are out stay as they are.
pub async fn a_replay_revives_dead_deliveries(harness: &impl CallEventsHarness) {
    let ours = Past::new(harness).await;
    let theirs = Past::new(harness).await;
    let before = list(harness, &deliveries(&ours.tenant)).await;
    let nothing = ReplayQuery::default();
    let of_nobody = [
        ReplayQuery { organization_id: Some(organization_id()), ..nothing.clone() },
        ReplayQuery { endpoint_id: Some(webhook_endpoint_id()), ..nothing.clone() },
        ReplayQuery { after: Some(ours.dead[0].max(theirs.dead[0])), ..nothing.clone() },
        ReplayQuery {
            organization_id: Some(ours.organization_id()),
            endpoint_id: Some(theirs.endpoint_id.clone()),
            ..nothing.clone()
        },
    ];
    for query in of_nobody {
        assert_eq!(replay(harness, &query).await, 0, "{query:?}");
    }
    assert_eq!(list(harness, &deliveries(&ours.tenant)).await, before);

    // A moment that every clock of a store can tell from the one before.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let of_ours = ReplayQuery { organization_id: Some(ours.organization_id()), ..nothing.clone() };
    let newest_dead = ReplayQuery { after: Some(ours.dead[1]), ..of_ours.clone() };
    assert_eq!(replay(harness, &newest_dead).await, 1, "one is dead behind the older one");
    assert_eq!(places(harness, &ours.tenant, DeliveryState::Dead).await, ours.dead[1..]);
    let of_endpoint = ReplayQuery { endpoint_id: Some(ours.endpoint_id.clone()), ..nothing.clone() };
    assert_eq!(replay(harness, &of_endpoint).await, 1);
    assert_eq!(replay(harness, &of_ours).await, 0, "none is dead any more");
    assert_eq!(places(harness, &theirs.tenant, DeliveryState::Dead).await, theirs.dead, "another tenant's");
    assert_eq!(replay(harness, &nothing).await, 2, "of all organizations");

    for (replayed, before) in list(harness, &deliveries(&ours.tenant)).await.iter().zip(&before) {
        if before.state != DeliveryState::Dead {
            assert_eq!(replayed, before);
            continue;
        }
        let expected = DeliveryRecord {
            state: DeliveryState::Pending,
            attempts: 0,
            queued_at: replayed.queued_at,
            next_attempt_at: replayed.next_attempt_at,
            concluded_at: None,
            ..before.clone()
        };
        assert_eq!(*replayed, expected);
        assert!(replayed.queued_at > before.queued_at, "its time begins anew");
    }
    let mut revived = lease(harness, 10, LONG).await;
    revived.sort_by_key(|delivery| std::cmp::Reverse(delivery.event.sequence));
    let revived: Vec<_> =
        revived.iter().map(|delivery| (delivery.event.sequence, delivery.attempt)).collect();
    let expected: Vec<_> = [theirs.dead, ours.dead].concat().into_iter().map(|place| (place, 1)).collect();
    assert_eq!(revived, expected, "each at once, and as its first attempt");
}

/// A replay that asks for them queues delivered events as well, and only then; what is pending or out stays as it is.
pub async fn a_replay_can_send_delivered_events_again(harness: &impl CallEventsHarness) {
    let past = Past::new(harness).await;
    let of_all = ReplayQuery { organization_id: Some(past.organization_id()), ..ReplayQuery::default() };
    let delivered_too = ReplayQuery { delivered_too: true, ..of_all.clone() };
    assert_eq!(replay(harness, &of_all).await, 2);
    assert_eq!(places(harness, &past.tenant, DeliveryState::Delivered).await, [past.delivered]);
    assert_eq!(replay(harness, &delivered_too).await, 1);
    let leased = lease(harness, 10, LONG).await;
    let again = leased.iter().find(|delivery| delivery.event.sequence == past.delivered);
    assert_eq!(again.map(|delivery| delivery.attempt), Some(1));
    assert_eq!(leased.len(), 3, "what is out or postponed stays so");
    for delivery in &leased {
        conclude(harness, delivery, AttemptConclusion::Delivered).await;
    }
    let behind = ReplayQuery { after: Some(past.dead[1]), ..delivered_too };
    let expected = leased.iter().filter(|delivery| delivery.event.sequence > past.dead[1]).count();
    assert_eq!(replay(harness, &behind).await, expected as u64);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await.len(), expected + 1, "and the postponed one");
}

/// A tenant with an endpoint for which five events were queued: in their order one is delivered, two are dead, one is postponed
/// and one is out for long.
struct Past {
    tenant: Tenant,
    endpoint_id: WebhookEndpointId,
    delivered: EventSequence,
    /// The newer one first.
    dead: [EventSequence; 2],
}

impl Past {
    async fn new(harness: &impl CallEventsHarness) -> Self {
        let tenant = tenant(harness).await;
        let endpoint_id = endpoint(harness, &tenant, &CallEventKind::ALL).await.id;
        for _ in 0..5 {
            booked(harness, &tenant).await;
        }
        publish(harness).await;
        let mut leased = lease(harness, 10, LONG).await;
        assert_eq!(leased.len(), 5);
        leased.sort_by_key(|delivery| delivery.event.sequence);
        let dead = AttemptConclusion::GivenUp { failure: FAILURE };
        let postponed = AttemptConclusion::Postponed { failure: FAILURE, pause: BRIEF };
        for (delivery, conclusion) in leased.iter().zip([AttemptConclusion::Delivered, dead, dead, postponed])
        {
            conclude(harness, delivery, conclusion).await;
        }
        let places: Vec<EventSequence> = leased.iter().map(|delivery| delivery.event.sequence).collect();
        Self { tenant, endpoint_id, delivered: places[0], dead: [places[2], places[1]] }
    }

    fn organization_id(&self) -> OrganizationId {
        self.tenant.organization.id.clone()
    }
}

async fn replay(harness: &impl CallEventsHarness, query: &ReplayQuery) -> u64 {
    harness.queue().replay(query).await.expect("store is up")
}
