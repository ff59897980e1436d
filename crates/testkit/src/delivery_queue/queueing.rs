use std::collections::BTreeSet;

use domain::ports::{AttemptConclusion, DeliveryListQuery};
use domain::{
    CallEventKind, CallStatus, DeliveryState, DialOutcome, DueDelivery, WebhookEndpoint, WebhookSecret,
};

use super::{BRIEF, FAILURE, conclude, deliveries, lease, list, publish_call};
use crate::call_events::{
    A_SECOND, LONG, booked, endpoint, is_about_now, merge, now, publish, read, register,
};
use crate::call_ledger::booking::{settle, tenant};
use crate::call_updates::conversation;
use crate::fixtures::{provider_reference, webhook_endpoint, webhook_secret};
use crate::harness::CallEventsHarness;

/// Each event is queued once for each endpoint of its organization that wants its kind: not for an
/// endpoint that is registered after publishing, not for another tenant's, and not again by a later
/// publishing.
pub async fn an_event_is_queued_for_each_endpoint_that_asked(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let ends = [CallEventKind::Answered, CallEventKind::Ended];
    let asked = [CallEventKind::ALL.as_slice(), &ends, &[CallEventKind::RecordingReady]];
    let mut endpoints = Vec::new();
    for kinds in asked {
        endpoints.push(endpoint(harness, &ours, kinds).await);
    }
    endpoint(harness, &theirs, &CallEventKind::ALL).await;
    let booking = booked(harness, &ours).await;
    // An endpoint that is registered between writing and publishing gets the event.
    endpoints.push(endpoint(harness, &ours, &[CallEventKind::Initiated]).await);
    settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
    merge(harness, &booking, &conversation(CallStatus::Completed)).await;
    assert_eq!(publish(harness).await, 3);
    endpoint(harness, &ours, &CallEventKind::ALL).await;
    assert_eq!(publish(harness).await, 0);

    let mut expected = BTreeSet::new();
    for event in read(harness, &ours).await {
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.kinds.contains(&event.kind)) {
            expected.insert((event.id.clone(), endpoint.id.clone()));
        }
    }
    assert_eq!(expected.len(), 6);
    let queued = list(harness, &deliveries(&ours)).await;
    assert_eq!(queued.len(), expected.len(), "{queued:?}");
    assert!(queued.iter().all(|delivery| delivery.state == DeliveryState::Pending));
    let queued: BTreeSet<_> =
        queued.into_iter().map(|delivery| (delivery.event_id, delivery.endpoint_id)).collect();
    assert_eq!(queued, expected);
    let all: DeliveryListQuery = deliveries(&theirs);
    assert_eq!(list(harness, &all).await, [], "another tenant's events");
}

/// A leased delivery has its event, as readers get it, the URL, the secret and the number of the
/// attempt.
pub async fn a_delivery_is_leased_with_every_field(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let endpoint = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    let booking = booked(harness, &tenant).await;
    settle(harness, &booking, &DialOutcome::Placed(provider_reference()), LONG).await;
    publish(harness).await;
    let events = read(harness, &tenant).await;
    assert_eq!(events.len(), 2);
    for event in events {
        // The second event of the call is leased after the first one.
        let mut leased = lease(harness, 10, LONG).await;
        assert_eq!(leased.len(), 1);
        let delivery = leased.remove(0);
        conclude(harness, &delivery, AttemptConclusion::Delivered).await;
        assert!(is_about_now(delivery.queued_at), "queued at {:?}", delivery.queued_at);
        let expected = DueDelivery {
            endpoint_id: endpoint.id.clone(),
            url: endpoint.url.clone(),
            secrets: vec![endpoint.secret.clone()],
            event,
            attempt: 1,
            queued_at: delivery.queued_at,
        };
        assert!(delivery == expected, "expected {expected:?}, leased {delivery:?}");
    }
}

/// A replaced secret signs together with the new one until its end, and then the new one signs
/// alone. A secret that was replaced before it does not sign.
pub async fn a_replaced_secret_signs_for_its_time(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let endpoint: WebhookEndpoint = webhook_endpoint(&tenant.organization.id);
    register(harness, &endpoint).await;
    publish_call(harness, &tenant).await;
    let (between, newest) = (webhook_secret(), webhook_secret());
    for (secret, until) in [(&between, now().after(LONG)), (&newest, now().after(BRIEF))] {
        let endpoints = harness.endpoints();
        let replaced = endpoints.replace_secret(&tenant.organization.id, &endpoint.id, secret, until).await;
        assert!(replaced.expect("store is up"));
    }
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 1);
    assert!(are(&leased[0].secrets, &[&newest, &between]), "both secrets sign until the end of the old one");
    conclude(harness, &leased[0], AttemptConclusion::Postponed { failure: FAILURE, pause: BRIEF }).await;
    harness.pass(BRIEF + A_SECOND).await;
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 1);
    assert!(are(&leased[0].secrets, &[&newest]), "the new secret signs alone");
}

fn are(secrets: &[WebhookSecret], expected: &[&WebhookSecret]) -> bool {
    secrets.len() == expected.len() && expected.iter().all(|secret| secrets.contains(secret))
}
