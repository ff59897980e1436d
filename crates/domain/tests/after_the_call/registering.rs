use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    DeliveryQueue, MockDeliveryQueue, MockIdentifiers, MockWebhookSender, ReplayQuery, SendOutcome,
    UrlRefusal,
};
use domain::{
    CallEventKind, ChangeEndpoint, DeliveryFailure, DeliveryFilter, EndpointSuspension, SuspensionReason,
    WebhookEndpoint, WebhookEndpointId, WebhookRegistry, WebhookRegistryError, WebhookRegistryPorts,
    WebhookSecret, WebhookUrl,
};
use testkit::clock::ManualClock;

use crate::world::{World, stranger, unavailable};

fn endpoint_id() -> WebhookEndpointId {
    WebhookEndpointId::mint(1, [1; 8])
}

fn new_secret() -> WebhookSecret {
    WebhookSecret::mint([1; 32])
}

fn url() -> WebhookUrl {
    WebhookUrl::parse("https://example.com/hook").expect("a URL")
}

fn registry(world: &World) -> WebhookRegistry {
    registry_with(world, Ok(()), Arc::new(world.memory.clone()))
}

fn registry_with(
    world: &World,
    checked: Result<(), UrlRefusal>,
    queue: Arc<dyn DeliveryQueue>,
) -> WebhookRegistry {
    let mut sender = MockWebhookSender::new();
    sender.expect_check().return_const(checked);
    registry_of(world, sender, queue)
}

fn registry_of(world: &World, sender: MockWebhookSender, queue: Arc<dyn DeliveryQueue>) -> WebhookRegistry {
    let mut identifiers = MockIdentifiers::new();
    identifiers.expect_webhook_endpoint_id().returning(endpoint_id);
    identifiers.expect_webhook_secret().returning(new_secret);
    WebhookRegistry::new(WebhookRegistryPorts {
        users: Arc::new(world.memory.clone()),
        endpoints: Arc::new(world.memory.clone()),
        queue,
        sender: Arc::new(sender),
        identifiers: Arc::new(identifiers),
        clock: world.clock.clone(),
    })
}

#[tokio::test]
async fn an_endpoint_gets_the_kinds_that_it_asks_for_or_all() {
    use CallEventKind::{Ended, Initiated};
    for (asked, kinds) in
        [(vec![Ended, Initiated, Ended], vec![Initiated, Ended]), (vec![], CallEventKind::ALL.to_vec())]
    {
        let world = World::new();
        let expected = WebhookEndpoint {
            id: endpoint_id(),
            organization_id: world.tenant.organization.id.clone(),
            url: url(),
            kinds,
            secret: new_secret(),
            previous_secret: None,
            suspension: None,
            created_at: ManualClock::START,
        };
        let registered = registry(&world).register(world.user_id(), url(), &asked).await;
        assert_eq!(registered.as_ref(), Ok(&expected));
        assert_eq!(world.memory.tables().endpoints, [expected]);
    }
}

#[tokio::test]
async fn a_refused_url_and_one_endpoint_too_many_are_not_registered() {
    let world = World::new();
    let refusal = UrlRefusal::ForbiddenAddress;
    let refuses = registry_with(&world, Err(refusal), Arc::new(world.memory.clone()));
    let answer = refuses.register(world.user_id(), url(), &[]).await;
    assert_eq!(answer, Err(WebhookRegistryError::UrlRefused(refusal)));
    assert!(world.memory.tables().endpoints.is_empty());

    for number in 0..WebhookRegistry::MAX_ENDPOINTS {
        let url = WebhookUrl::parse(&format!("https://example.com/{number}")).expect("a URL");
        assert!(registry(&world).register(world.user_id(), url, &[]).await.is_ok());
    }
    let answer = registry(&world).register(world.user_id(), url(), &[]).await;
    assert_eq!(answer, Err(WebhookRegistryError::TooMany));
}

#[tokio::test]
async fn another_spelling_of_a_url_is_the_same_endpoint() {
    let world = World::new();
    let parse = |text: &str| WebhookUrl::parse(text).expect("a URL");
    let registered =
        registry(&world).register(world.user_id(), parse("HTTPS://Example.com:443#top"), &[]).await;
    assert_eq!(registered.map(|endpoint| endpoint.url), Ok(parse("https://example.com/")));
    let again = registry(&world).register(world.user_id(), parse("https://example.com"), &[]).await;
    assert_eq!(again, Err(WebhookRegistryError::UrlTaken));
}

#[tokio::test]
async fn a_change_is_checked_like_a_registration() {
    let world = World::new();
    let endpoint = world.endpoint();
    let other = world.endpoint();
    let to = |url: &WebhookUrl| ChangeEndpoint { url: Some(url.clone()), ..ChangeEndpoint::default() };
    let refusal = UrlRefusal::NotEncrypted;
    let refuses = registry_with(&world, Err(refusal), Arc::new(world.memory.clone()));
    let answer = refuses.change(world.user_id(), &endpoint.id, to(&url())).await;
    assert_eq!(answer, Err(WebhookRegistryError::UrlRefused(refusal)));
    let registry = registry(&world);
    // The stored spelling is the canonical one.
    world.memory.tables().endpoints[1].url = other.url.canonical();
    let answer = registry.change(world.user_id(), &endpoint.id, to(&other.url)).await;
    assert_eq!(answer, Err(WebhookRegistryError::UrlTaken));
    let answer = registry.change(world.user_id(), &endpoint_id(), to(&url())).await;
    assert_eq!(answer, Err(WebhookRegistryError::EndpointNotFound));
    assert_eq!(world.memory.tables().endpoints[0], endpoint);
}

#[tokio::test]
async fn a_paused_endpoint_gets_its_dead_letters_when_it_is_active() {
    let world = World::new();
    let endpoint = world.endpoint();
    let set = |active| ChangeEndpoint { active: Some(active), ..ChangeEndpoint::default() };
    let mut queue = MockDeliveryQueue::new();
    let expected = ReplayQuery {
        organization_id: Some(endpoint.organization_id.clone()),
        endpoint_id: Some(endpoint.id.clone()),
        ..ReplayQuery::default()
    };
    queue.expect_replay().withf(move |query| *query == expected).times(2).returning(|_| Ok(1));
    let registry = registry_with(&world, Ok(()), Arc::new(queue));
    let paused = registry.change(world.user_id(), &endpoint.id, set(false)).await.expect("it exists");
    let suspension = EndpointSuspension { reason: SuspensionReason::Paused, since: ManualClock::START };
    assert_eq!(paused, WebhookEndpoint { suspension: Some(suspension), ..endpoint.clone() });
    // Twice, as after a lost response.
    for _ in 0..2 {
        let active = registry.change(world.user_id(), &endpoint.id, set(true)).await;
        assert_eq!(active.as_ref(), Ok(&endpoint));
    }
}

#[tokio::test]
async fn a_test_event_is_signed_with_the_secrets_that_are_valid_now() {
    let world = World::new();
    let endpoint = world.endpoint();
    let old = new_secret();
    for (until, number) in [(ManualClock::START, 1), (ManualClock::START.after(Duration::from_secs(1)), 2)] {
        world.memory.tables().endpoints[0].previous_secret = Some((old.clone(), until));
        let (url, id) = (endpoint.url.clone(), endpoint.id.clone());
        let gone = SendOutcome::Failed { failure: DeliveryFailure::Status(410), retry_after: None };
        let mut sender = MockWebhookSender::new();
        sender
            .expect_send_test()
            .withf(move |event, now| {
                event.url == url
                    && event.id.starts_with(&format!("evt_test_{id}_"))
                    && event.secrets.len() == number
                    && *now == ManualClock::START
            })
            .times(1)
            .return_const(gone);
        let registry = registry_of(&world, sender, Arc::new(world.memory.clone()));
        assert_eq!(registry.test(world.user_id(), &endpoint.id).await, Ok(gone));
        assert_eq!(world.memory.tables().endpoints[0].suspension, None, "a test disables nothing");
        let unknown = registry.test(world.user_id(), &endpoint_id()).await;
        assert_eq!(unknown, Err(WebhookRegistryError::EndpointNotFound));
    }
}

#[tokio::test]
async fn a_stranger_registers_nothing() {
    let world = World::new();
    let (registry, stranger) = (registry(&world), stranger());
    let not_found = WebhookRegistryError::UserNotFound;
    assert_eq!(registry.register(&stranger, url(), &[]).await, Err(not_found.clone()));
    assert_eq!(registry.list(&stranger).await, Err(not_found.clone()));
    assert_eq!(registry.remove(&stranger, &endpoint_id()).await, Err(not_found.clone()));
    assert_eq!(registry.replace_secret(&stranger, &endpoint_id()).await, Err(not_found));
}

#[tokio::test]
async fn an_old_secret_signs_along_for_a_day() {
    let world = World::new();
    let old = world.endpoint();
    let answer = registry(&world).replace_secret(world.user_id(), &old.id).await;
    assert_eq!(answer, Ok(new_secret()));
    let stored = world.memory.tables().endpoints[0].clone();
    let until = ManualClock::START.after(Duration::from_hours(24));
    assert_eq!((stored.secret, stored.previous_secret), (new_secret(), Some((old.secret, until))));
}

#[tokio::test]
async fn an_endpoint_is_listed_and_removed() {
    let world = World::new();
    let endpoint = world.endpoint();
    let registry = registry(&world);
    assert_eq!(registry.list(world.user_id()).await.as_deref(), Ok([endpoint.clone()].as_slice()));
    assert_eq!(registry.remove(world.user_id(), &endpoint.id).await, Ok(()));
    assert_eq!(registry.list(world.user_id()).await, Ok(vec![]));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new();
    let registry = registry(&world);
    let missing = WebhookRegistryError::EndpointNotFound;
    assert_eq!(registry.remove(world.user_id(), &endpoint_id()).await, Err(missing.clone()));
    assert_eq!(registry.replace_secret(world.user_id(), &endpoint_id()).await, Err(missing.clone()));
    let filter = DeliveryFilter { endpoint_id: None, state: None, before: None, limit: 1 };
    assert_eq!(registry.deliveries(world.user_id(), &endpoint_id(), filter).await, Err(missing));
}

#[tokio::test]
async fn deliveries_are_listed_within_bounds() {
    let world = World::new();
    let endpoint = world.endpoint();
    let organization_id = world.tenant.organization.id.clone();
    let mut queue = MockDeliveryQueue::new();
    let id = endpoint.id.clone();
    queue
        .expect_list()
        .withf(move |query| {
            query.filter.limit == DeliveryFilter::MAX_LIMIT
                && query.filter.endpoint_id.as_ref() == Some(&id)
                && query.organization_id == organization_id
        })
        .return_const(Err(unavailable()));
    let filter = DeliveryFilter { endpoint_id: None, state: None, before: None, limit: u32::MAX };
    let registry = registry_with(&world, Ok(()), Arc::new(queue));
    let answer = registry.deliveries(world.user_id(), &endpoint.id, filter).await;
    assert!(matches!(answer, Err(WebhookRegistryError::ServiceUnavailable(_))));
}
