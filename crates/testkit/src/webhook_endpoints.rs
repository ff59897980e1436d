//! The suite of [`WebhookEndpoints`](domain::ports::WebhookEndpoints).

use std::slice::from_ref;

use domain::ports::{ChangeResult, RegistrationResult};
use domain::{
    CallEventKind, EndpointChange, EndpointSuspension, OrganizationId, Sending, SuspensionReason, Timestamp,
    WebhookEndpoint, WebhookEndpointId, WebhookSecret, WebhookUrl,
};

use crate::call_events::{A_SECOND, LONG, booked, endpoint, now, publish, register};
use crate::call_ledger::booking::tenant;
use crate::delivery_queue::{conclude, deliveries, lease};
use crate::expect::{CROWD, LOST_DATABASE_BOUND, all_at_once, unavailable_within};
use crate::fixtures::{Tenant, organization_id, webhook_endpoint, webhook_endpoint_id, webhook_secret};
use crate::harness::CallEventsHarness;

suite! {
    $ webhook_endpoints_suite of webhook_endpoints:
    a_registered_endpoint_is_listed_whole,
    another_tenants_endpoints_are_absent,
    an_organization_has_so_many_endpoints,
    a_url_is_registered_once,
    a_change_changes_what_it_names,
    a_url_of_another_endpoint_is_taken,
    a_removed_endpoint_gets_nothing,
    a_replaced_secret_is_kept_for_a_while,
    another_tenants_endpoint_is_left_alone,
    lost_endpoints_are_unavailable,
}

/// Endpoints are listed with every field, oldest first whatever their ids: all kinds of events and
/// single ones, the longest URL, the shortest and the longest secret.
pub async fn a_registered_endpoint_is_listed_whole(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    assert_eq!(list(harness, &tenant).await, []);
    let new = || webhook_endpoint(&tenant.organization.id);
    let longest = format!("http://a.example/{:x<width$}", "", width = WebhookUrl::MAX_LEN - 17);
    let mut endpoints = vec![
        WebhookEndpoint { url: WebhookUrl::parse(&longest).expect("as long as URLs can be"), ..new() },
        WebhookEndpoint { secret: secret(&[0xfe; 24]), ..new() },
        WebhookEndpoint { secret: secret(&[b'\''; 64]), kinds: CallEventKind::ALL[1..3].to_vec(), ..new() },
        new(),
    ];
    endpoints.extend(CallEventKind::ALL.map(|kind| WebhookEndpoint { kinds: vec![kind], ..new() }));
    endpoints.extend(SuspensionReason::ALL.map(|reason| WebhookEndpoint {
        suspension: Some(EndpointSuspension { reason, since: now() }),
        ..new()
    }));
    endpoints.reverse();
    for (endpoint, secs) in endpoints.iter_mut().zip(0..) {
        endpoint.created_at = endpoint.created_at.after(A_SECOND * secs);
        assert_eq!(register(harness, endpoint).await, RegistrationResult::Registered);
    }
    let listed = list(harness, &tenant).await;
    assert!(listed == endpoints, "registered {endpoints:?}, listed are {listed:?}");
}

/// Each organization lists its own endpoints. An organization without endpoints lists none.
pub async fn another_tenants_endpoints_are_absent(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let our_endpoint = endpoint(harness, &ours, &CallEventKind::ALL).await;
    let their_endpoint = endpoint(harness, &theirs, &CallEventKind::ALL).await;
    assert_eq!(list(harness, &ours).await, [our_endpoint]);
    assert_eq!(list(harness, &theirs).await, [their_endpoint]);
    let strangers = harness.endpoints().list(&organization_id()).await;
    assert_eq!(strangers.expect("store is up"), []);
}

/// Of fifty concurrent registrations as many succeed as an organization may have endpoints. After a
/// removal another one succeeds. The endpoints of other organizations do not count.
pub async fn an_organization_has_so_many_endpoints(harness: &impl CallEventsHarness) {
    const MOST: u32 = 3;
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    for _ in 0..MOST {
        endpoint(harness, &theirs, &CallEventKind::ALL).await;
    }
    let endpoints: Vec<_> = (0..CROWD).map(|_| webhook_endpoint(&ours.organization.id)).collect();
    let crowd = endpoints.iter().cloned().map(|endpoint| {
        let endpoints = harness.endpoints();
        async move { endpoints.register(&endpoint, MOST).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    let registered =
        endpoints.iter().zip(&answers).filter(|(_, answer)| **answer == RegistrationResult::Registered);
    let registered: Vec<&WebhookEndpointId> = registered.map(|(endpoint, _)| &endpoint.id).collect();
    assert_eq!(registered.len(), MOST as usize, "endpoints that were registered");
    let listed = list(harness, &ours).await;
    assert!(listed.len() == registered.len() && listed.iter().all(|one| registered.contains(&&one.id)));

    let bound =
        |endpoint| async move { harness.endpoints().register(&endpoint, MOST).await.expect("store is up") };
    let new = || webhook_endpoint(&ours.organization.id);
    assert_eq!(bound(new()).await, RegistrationResult::TooMany);
    assert!(remove(harness, &ours, registered[0]).await);
    assert_eq!(bound(new()).await, RegistrationResult::Registered);
    assert_eq!(bound(new()).await, RegistrationResult::TooMany);
    assert_eq!(list(harness, &theirs).await.len(), MOST as usize);
}

/// Of fifty concurrent registrations of one URL one succeeds. The same URL of another organization is
/// another endpoint, and a removed endpoint frees its URL. A registration that is refused for its URL
/// and for the number of endpoints names the URL.
pub async fn a_url_is_registered_once(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let url = webhook_endpoint(&ours.organization.id).url;
    let with_url =
        |tenant: &Tenant| WebhookEndpoint { url: url.clone(), ..webhook_endpoint(&tenant.organization.id) };
    let crowd = (0..CROWD).map(|_| with_url(&ours)).map(|endpoint| {
        let endpoints = harness.endpoints();
        async move { endpoints.register(&endpoint, 1000).await.expect("store is up") }
    });
    let answers = all_at_once(crowd).await;
    let count = |result| answers.iter().filter(|answer| **answer == result).count();
    assert_eq!(count(RegistrationResult::Registered), 1, "{answers:?}");
    assert_eq!(count(RegistrationResult::UrlTaken), answers.len() - 1, "{answers:?}");
    let listed = list(harness, &ours).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(register(harness, &with_url(&theirs)).await, RegistrationResult::Registered);
    let full = harness.endpoints().register(&with_url(&ours), 1).await.expect("store is up");
    assert_eq!(full, RegistrationResult::UrlTaken);
    assert!(remove(harness, &ours, &listed[0].id).await);
    assert_eq!(register(harness, &with_url(&ours)).await, RegistrationResult::Registered);
}

/// Each field is changed alone and with the others, and the changed endpoint is returned and listed.
/// Secrets and other endpoints stay the same.
pub async fn a_change_changes_what_it_names(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let organization_id = &tenant.organization.id;
    let mut changed = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    let until = now().after(LONG);
    let secret = webhook_secret();
    assert!(replace(harness, organization_id, &changed.id, &secret, until).await);
    let before = std::mem::replace(&mut changed.secret, secret);
    changed.previous_secret = Some((before, until));
    let other = webhook_endpoint(organization_id);
    let other = WebhookEndpoint { created_at: other.created_at.after(A_SECOND), ..other };
    register(harness, &other).await;

    let another_url = || Some(webhook_endpoint(organization_id).url);
    let kinds = Some(CallEventKind::ALL[1..3].to_vec());
    let suspended = |reason| Some(Sending::Suspended(EndpointSuspension { reason, since: now() }));
    let nothing = EndpointChange::default();
    for change in [
        EndpointChange { url: another_url(), ..nothing.clone() },
        EndpointChange { sending: suspended(SuspensionReason::Paused), ..nothing.clone() },
        EndpointChange { kinds, ..nothing.clone() },
        EndpointChange { sending: suspended(SuspensionReason::Gone), ..nothing.clone() },
        nothing.clone(),
        EndpointChange { url: Some(changed.url.clone()), ..nothing.clone() },
        EndpointChange {
            url: another_url(),
            kinds: Some(CallEventKind::ALL.to_vec()),
            sending: Some(Sending::Active),
        },
    ] {
        changed.url = change.url.clone().unwrap_or(changed.url);
        changed.kinds = change.kinds.clone().unwrap_or(changed.kinds);
        changed.suspension = match change.sending {
            None => changed.suspension,
            Some(Sending::Active) => None,
            Some(Sending::Suspended(suspension)) => Some(suspension),
        };
        let result = self::change(harness, organization_id, &changed.id, &change).await;
        assert_eq!(result, ChangeResult::Changed(changed.clone()));
        let listed = list(harness, &tenant).await;
        assert!(listed == [changed.clone(), other.clone()], "{listed:?}");
    }
    let unknown = change(harness, organization_id, &webhook_endpoint_id(), &nothing).await;
    assert_eq!(unknown, ChangeResult::NotFound);
}

/// An endpoint does not get the URL of another one of its organization, also with other changes, and
/// nothing of such a change is stored. It gets the URL of another organization's.
pub async fn a_url_of_another_endpoint_is_taken(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let taken = endpoint(harness, &ours, &CallEventKind::ALL).await;
    let changed = endpoint(harness, &ours, &CallEventKind::ALL).await;
    let theirs = endpoint(harness, &theirs, &CallEventKind::ALL).await;
    let suspension = EndpointSuspension { reason: SuspensionReason::Paused, since: now() };
    let with_url = |url: &WebhookUrl| EndpointChange {
        url: Some(url.clone()),
        sending: Some(Sending::Suspended(suspension)),
        ..EndpointChange::default()
    };
    let organization_id = &ours.organization.id;
    let result = change(harness, organization_id, &changed.id, &with_url(&taken.url)).await;
    assert_eq!(result, ChangeResult::UrlTaken);
    assert!(list(harness, &ours).await.contains(&changed), "nothing is changed");
    let result = change(harness, organization_id, &changed.id, &with_url(&theirs.url)).await;
    let expected = WebhookEndpoint { url: theirs.url.clone(), suspension: Some(suspension), ..changed };
    assert_eq!(result, ChangeResult::Changed(expected));
}

/// A removed endpoint is not listed. Its queued deliveries are gone, leased or not, and new events
/// are not queued for it. An attempt that is in progress concludes without an error. Other
/// endpoints are not affected.
pub async fn a_removed_endpoint_gets_nothing(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let removed = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    booked(harness, &tenant).await;
    publish(harness).await;
    let out = lease(harness, 10, LONG).await;
    assert_eq!(out.len(), 1);
    let stays = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    booked(harness, &tenant).await;
    publish(harness).await;
    assert!(remove(harness, &tenant, &removed.id).await);
    assert_eq!(list(harness, &tenant).await, from_ref(&stays));
    booked(harness, &tenant).await;
    publish(harness).await;
    conclude(harness, &out[0], domain::ports::AttemptConclusion::Delivered).await;
    let all = deliveries(&tenant);
    let mut of_removed = all.clone();
    of_removed.filter.endpoint_id = Some(removed.id.clone());
    for query in [of_removed, all] {
        let listed = harness.queue().list(&query).await.expect("store is up");
        assert!(listed.iter().all(|delivery| delivery.endpoint_id == stays.id), "a delivery of {listed:?}");
    }
    let leased = lease(harness, 10, LONG).await;
    assert_eq!(leased.len(), 2);
    assert!(leased.iter().all(|delivery| delivery.endpoint_id == stays.id));
    assert!(!remove(harness, &tenant, &removed.id).await, "it is removed already");
    assert!(!remove(harness, &tenant, &webhook_endpoint_id()).await, "there was none");
}

/// After each replacement the new secret is listed, together with the previous one and its end.
/// Other endpoints keep their secret.
pub async fn a_replaced_secret_is_kept_for_a_while(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let mut changed = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    let other = webhook_endpoint(&tenant.organization.id);
    let other = WebhookEndpoint { created_at: other.created_at.after(A_SECOND), ..other };
    register(harness, &other).await;
    for wait in [LONG, LONG * 2] {
        let (secret, until) = (webhook_secret(), now().after(wait));
        assert!(replace(harness, &tenant.organization.id, &changed.id, &secret, until).await);
        let before = std::mem::replace(&mut changed.secret, secret);
        changed.previous_secret = Some((before, until));
        let listed = list(harness, &tenant).await;
        assert!(listed == [changed.clone(), other.clone()], "{listed:?}");
    }
    let unknown = webhook_endpoint_id();
    assert!(!replace(harness, &tenant.organization.id, &unknown, &webhook_secret(), now()).await);
}

/// Another tenant's endpoint is not found, and stays the same.
pub async fn another_tenants_endpoint_is_left_alone(harness: &impl CallEventsHarness) {
    let (ours, theirs) = (tenant(harness).await, tenant(harness).await);
    let endpoint = endpoint(harness, &theirs, &CallEventKind::ALL).await;
    assert!(!remove(harness, &ours, &endpoint.id).await);
    let until = now().after(LONG);
    assert!(!replace(harness, &ours.organization.id, &endpoint.id, &webhook_secret(), until).await);
    let url = Some(webhook_endpoint(&ours.organization.id).url);
    let foreign = EndpointChange { url, ..EndpointChange::default() };
    let result = change(harness, &ours.organization.id, &endpoint.id, &foreign).await;
    assert_eq!(result, ChangeResult::NotFound);
    assert_eq!(list(harness, &theirs).await, [endpoint]);
}

/// Without its store the port returns `PortUnavailable`, within 5 s and without quoting a URL or a
/// secret.
pub async fn lost_endpoints_are_unavailable(harness: &impl CallEventsHarness) {
    let tenant = tenant(harness).await;
    let known = endpoint(harness, &tenant, &CallEventKind::ALL).await;
    let text = "a secret of letters alone";
    let new =
        WebhookEndpoint { secret: secret(text.as_bytes()), ..webhook_endpoint(&tenant.organization.id) };
    let endpoints = harness.endpoints();
    harness.lose().await;
    let private = [known.url.as_str(), new.url.as_str(), text];
    let organization_id = &tenant.organization.id;
    unavailable_within(LOST_DATABASE_BOUND, endpoints.register(&new, 10), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, endpoints.list(organization_id), &private).await;
    unavailable_within(LOST_DATABASE_BOUND, endpoints.remove(organization_id, &known.id), &private).await;
    let change = EndpointChange { url: Some(new.url.clone()), ..EndpointChange::default() };
    let changing = endpoints.change(organization_id, &known.id, &change);
    unavailable_within(LOST_DATABASE_BOUND, changing, &private).await;
    let replacing = endpoints.replace_secret(organization_id, &known.id, &new.secret, now());
    unavailable_within(LOST_DATABASE_BOUND, replacing, &private).await;
}

fn secret(bytes: &[u8]) -> WebhookSecret {
    WebhookSecret::from_bytes(bytes).expect("24 to 64 bytes")
}

async fn list(harness: &impl CallEventsHarness, tenant: &Tenant) -> Vec<WebhookEndpoint> {
    harness.endpoints().list(&tenant.organization.id).await.expect("store is up")
}

async fn remove(harness: &impl CallEventsHarness, tenant: &Tenant, id: &WebhookEndpointId) -> bool {
    harness.endpoints().remove(&tenant.organization.id, id).await.expect("store is up")
}

pub(crate) async fn change(
    harness: &impl CallEventsHarness,
    organization_id: &OrganizationId,
    id: &WebhookEndpointId,
    change: &EndpointChange,
) -> ChangeResult {
    harness.endpoints().change(organization_id, id, change).await.expect("store is up")
}

async fn replace(
    harness: &impl CallEventsHarness,
    organization_id: &OrganizationId,
    id: &WebhookEndpointId,
    secret: &WebhookSecret,
    until: Timestamp,
) -> bool {
    harness.endpoints().replace_secret(organization_id, id, secret, until).await.expect("store is up")
}
