use std::sync::Arc;
use std::time::Duration;

use domain::ports::{DeliveryQueue, MockDeliveryQueue, MockIdentifiers, MockWebhookSender, UrlRefusal};
use domain::{
    CallEventKind, DeliveryFilter, WebhookEndpoint, WebhookEndpointId, WebhookRegistry, WebhookRegistryError,
    WebhookRegistryPorts, WebhookSecret, WebhookUrl,
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

    for _ in 0..WebhookRegistry::MAX_ENDPOINTS {
        assert!(registry(&world).register(world.user_id(), url(), &[]).await.is_ok());
    }
    let answer = registry(&world).register(world.user_id(), url(), &[]).await;
    assert_eq!(answer, Err(WebhookRegistryError::TooMany));
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
