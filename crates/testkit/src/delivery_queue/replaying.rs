use std::time::Duration;

use domain::ports::{AttemptConclusion, ReplayQuery};
use domain::{
    CallEventKind, DeliveryRecord, DeliveryState, EventSequence, OrganizationId, WebhookEndpointId,
};

use super::{BRIEF, FAILURE, conclude, deliveries, lease, list, sequences};
use crate::call_events::{A_SECOND, LONG, booked, endpoint, publish};
use crate::call_ledger::booking::tenant;
use crate::fixtures::{Tenant, organization_id, webhook_endpoint_id};
use crate::harness::CallEventsHarness;

/// A replay queues dead deliveries as if they were new: of an organization, of an endpoint, after a
/// sequence, or all. Delivered, pending and leased ones stay the same.
pub async fn a_replay_revives_dead_deliveries(harness: &impl CallEventsHarness) {
    let ours = Past::new(harness).await;
    let theirs = Past::new(harness).await;
    let before = list(harness, &deliveries(&ours.tenant)).await;
    let nothing = ReplayQuery::default();
    let of_none = [
        ReplayQuery { organization_id: Some(organization_id()), ..nothing.clone() },
        ReplayQuery { endpoint_id: Some(webhook_endpoint_id()), ..nothing.clone() },
        ReplayQuery { after: Some(ours.dead[0].max(theirs.dead[0])), ..nothing.clone() },
        ReplayQuery {
            organization_id: Some(ours.organization_id()),
            endpoint_id: Some(theirs.endpoint_id.clone()),
            ..nothing.clone()
        },
    ];
    for query in of_none {
        assert_eq!(replay(harness, &query).await, 0, "{query:?}");
    }
    assert_eq!(list(harness, &deliveries(&ours.tenant)).await, before);

    // Long enough for every store's clock to show a later time.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let of_ours = ReplayQuery { organization_id: Some(ours.organization_id()), ..nothing.clone() };
    let newest_dead = ReplayQuery { after: Some(ours.dead[1]), ..of_ours.clone() };
    assert_eq!(replay(harness, &newest_dead).await, 1, "one is dead after the older one");
    assert_eq!(sequences(harness, &ours.tenant, DeliveryState::Dead).await, ours.dead[1..]);
    let of_endpoint = ReplayQuery { endpoint_id: Some(ours.endpoint_id.clone()), ..nothing.clone() };
    assert_eq!(replay(harness, &of_endpoint).await, 1);
    assert_eq!(replay(harness, &of_ours).await, 0, "no dead delivery is left");
    assert_eq!(
        sequences(harness, &theirs.tenant, DeliveryState::Dead).await,
        theirs.dead,
        "another tenant's"
    );
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
        assert!(replayed.queued_at > before.queued_at, "it is queued anew");
    }
    let mut revived = lease(harness, 10, LONG).await;
    revived.sort_by_key(|delivery| std::cmp::Reverse(delivery.event.sequence));
    let revived: Vec<_> =
        revived.iter().map(|delivery| (delivery.event.sequence, delivery.attempt)).collect();
    let expected: Vec<_> =
        [theirs.dead, ours.dead].concat().into_iter().map(|sequence| (sequence, 1)).collect();
    assert_eq!(revived, expected, "each immediately, as its first attempt");
}

/// A replay queues delivered events only if it is asked to. Pending and leased deliveries stay the
/// same.
pub async fn a_replay_can_send_delivered_events_again(harness: &impl CallEventsHarness) {
    let past = Past::new(harness).await;
    let of_all = ReplayQuery { organization_id: Some(past.organization_id()), ..ReplayQuery::default() };
    let delivered_too = ReplayQuery { delivered_too: true, ..of_all.clone() };
    assert_eq!(replay(harness, &of_all).await, 2);
    assert_eq!(sequences(harness, &past.tenant, DeliveryState::Delivered).await, [past.delivered]);
    assert_eq!(replay(harness, &delivered_too).await, 1);
    let leased = lease(harness, 10, LONG).await;
    let again = leased.iter().find(|delivery| delivery.event.sequence == past.delivered);
    assert_eq!(again.map(|delivery| delivery.attempt), Some(1));
    assert_eq!(leased.len(), 3, "leased and postponed ones stay the same");
    for delivery in &leased {
        conclude(harness, delivery, AttemptConclusion::Delivered).await;
    }
    let later = ReplayQuery { after: Some(past.dead[1]), ..delivered_too };
    let expected = leased.iter().filter(|delivery| delivery.event.sequence > past.dead[1]).count();
    assert_eq!(replay(harness, &later).await, expected as u64);
    harness.pass(BRIEF + A_SECOND).await;
    assert_eq!(lease(harness, 10, LONG).await.len(), expected + 1, "and the postponed one");
}

/// A tenant with an endpoint and five queued events: in order one is delivered, two are dead, one
/// is postponed and one has a long lease.
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
        let sequences: Vec<EventSequence> = leased.iter().map(|delivery| delivery.event.sequence).collect();
        Self { tenant, endpoint_id, delivered: sequences[0], dead: [sequences[2], sequences[1]] }
    }

    fn organization_id(&self) -> OrganizationId {
        self.tenant.organization.id.clone()
    }
}

async fn replay(harness: &impl CallEventsHarness, query: &ReplayQuery) -> u64 {
    harness.queue().replay(query).await.expect("store is up")
}
