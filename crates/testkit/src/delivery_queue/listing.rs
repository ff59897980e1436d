use domain::ports::{AttemptConclusion, DeliveryListQuery};
use domain::{
    CallEvent, CallEventKind, DeliveryFailure, DeliveryFilter, DeliveryRecord, DeliveryState,
    WebhookEndpointId,
};

use super::{BRIEF, conclude, deliveries, filtered, lease, list, publish_call};
use crate::call_events::{LONG, booked, endpoint, is_about_now, publish, read};
use crate::call_ledger::booking::tenant;
use crate::fixtures::{Tenant, moment, organization_id, webhook_endpoint_id};
use crate::harness::CallEventsHarness;

/// Deliveries are listed with every field, the newest event first, and of one event the greater
/// endpoint; by endpoint and state, alone and together; page by page.
pub async fn deliveries_are_listed_by_state_and_page(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let mut endpoints = Vec::new();
    for _ in 0..2 {
        endpoints.push(endpoint(harness, &tenant, &CallEventKind::ALL).await.id);
    }
    let expected = past(harness, &tenant).await;
    let listed = list(harness, &deliveries(&tenant)).await;
    assert_eq!(listed.len(), expected.len());
    for (listed, expected) in listed.iter().zip(&expected) {
        let times = DeliveryRecord {
            queued_at: listed.queued_at,
            next_attempt_at: listed.next_attempt_at,
            concluded_at: listed.concluded_at,
            ..expected.clone()
        };
        assert!(*listed == times, "expected {expected:?}, listed {listed:?}");
        let is_pending = listed.state == DeliveryState::Pending;
        assert_eq!(
            (listed.next_attempt_at.is_some(), listed.concluded_at.is_none()),
            (is_pending, is_pending)
        );
        assert!(is_about_now(listed.queued_at) && listed.concluded_at.is_none_or(is_about_now));
    }

    for endpoint_id in [None, Some(&endpoints[0]), Some(&endpoints[1])] {
        for state in [None].into_iter().chain(DeliveryState::ALL.map(Some)) {
            let query = filtered(
                &tenant,
                DeliveryFilter { endpoint_id: endpoint_id.cloned(), state, ..deliveries(&tenant).filter },
            );
            let matching: Vec<DeliveryRecord> = listed
                .iter()
                .filter(|one| endpoint_id.is_none_or(|id| one.endpoint_id == *id))
                .filter(|one| state.is_none_or(|state| one.state == state))
                .cloned()
                .collect();
            assert!(!matching.is_empty(), "no delivery matches the filter");
            let whole = list(harness, &query).await;
            assert!(whole == matching, "{query:?} gives {whole:?}");
            let mut pages = Vec::new();
            let mut page = query;
            page.filter.limit = 3;
            loop {
                let next = list(harness, &page).await;
                assert!(next.len() <= 3, "a page exceeds its limit");
                let Some(last) = next.last() else { break };
                page.filter.before = Some((last.sequence, last.endpoint_id.clone()));
                pages.extend(next);
            }
            assert!(pages == matching, "page by page {page:?} gives {pages:?}");
        }
    }
    let unknown = filtered(
        &tenant,
        DeliveryFilter { endpoint_id: Some(webhook_endpoint_id()), ..deliveries(&tenant).filter },
    );
    assert_eq!(list(harness, &unknown).await, []);
}

/// No delivery of another tenant is listed, also if the filter names its endpoint.
pub async fn deliveries_are_the_tenants_own(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let our_endpoint = endpoint(harness, &ours, &CallEventKind::ALL).await.id;
    let their_endpoint = endpoint(harness, &theirs, &CallEventKind::ALL).await.id;
    let sequence = publish_call(harness, &ours).await;
    publish_call(harness, &theirs).await;
    let listed = list(harness, &deliveries(&ours)).await;
    let listed: Vec<_> = listed.iter().map(|one| (one.sequence, &one.endpoint_id)).collect();
    assert_eq!(listed, [(sequence, &our_endpoint)]);
    let of_theirs = [
        filtered(&ours, DeliveryFilter { endpoint_id: Some(their_endpoint), ..deliveries(&ours).filter }),
        DeliveryListQuery { organization_id: organization_id(), ..deliveries(&ours) },
    ];
    for query in of_theirs {
        assert_eq!(list(harness, &query).await, []);
    }
}

/// Six events for each of the tenant's two endpoints, in different states, as they are listed
/// except for the times.
async fn past(harness: &impl CallEventsHarness, tenant: &Tenant) -> Vec<DeliveryRecord> {
    for _ in 0..4 {
        booked(harness, tenant).await;
    }
    publish(harness).await;
    let mut leased = lease(harness, 10, LONG).await;
    leased.sort_by(|a, b| (&a.endpoint_id, a.event.sequence).cmp(&(&b.endpoint_id, b.event.sequence)));
    let dead = |failure| (AttemptConclusion::GivenUp { failure }, DeliveryState::Dead, Some(failure));
    let delivered = (AttemptConclusion::Delivered, DeliveryState::Delivered, None);
    let postponed = |failure| {
        let conclusion = AttemptConclusion::Postponed { failure, pause: BRIEF };
        (conclusion, DeliveryState::Pending, Some(failure))
    };
    let conclusions = [
        dead(DeliveryFailure::Status(599)),
        delivered,
        dead(DeliveryFailure::TimedOut),
        postponed(DeliveryFailure::Status(404)),
        dead(DeliveryFailure::Unreachable),
        postponed(DeliveryFailure::TimedOut),
        dead(DeliveryFailure::ForbiddenAddress),
        delivered,
    ];
    assert_eq!(leased.len(), conclusions.len());
    let mut expected = Vec::new();
    for (delivery, (conclusion, state, last_failure)) in leased.iter().zip(conclusions) {
        conclude(harness, delivery, conclusion).await;
        let queued = queued(&delivery.event, &delivery.endpoint_id);
        expected.push(DeliveryRecord { state, last_failure, attempts: 1, ..queued });
    }
    for _ in 0..2 {
        publish_call(harness, tenant).await;
    }
    for event in &read(harness, tenant).await[4..] {
        expected.push(queued(event, &leased[0].endpoint_id));
        expected.push(queued(event, &leased[4].endpoint_id));
    }
    expected.sort_by(|a, b| (b.sequence, &b.endpoint_id).cmp(&(a.sequence, &a.endpoint_id)));
    expected
}

/// A delivery that was just queued.
fn queued(event: &CallEvent, endpoint_id: &WebhookEndpointId) -> DeliveryRecord {
    DeliveryRecord {
        endpoint_id: endpoint_id.clone(),
        sequence: event.sequence,
        event_id: event.id.clone(),
        kind: event.kind,
        call_id: event.identity.call_id.clone(),
        state: DeliveryState::Pending,
        attempts: 0,
        queued_at: moment(),
        next_attempt_at: None,
        concluded_at: None,
        last_failure: None,
    }
}
