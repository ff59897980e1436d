use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    MockClock, MockDeliveryQueue, MockIdentifiers, MockUserRepo, MockWebhookEndpoints, MockWebhookSender,
    PortUnavailable, RegistrationResult, UrlRefusal,
};
use domain::{
    CallEventKind, DeliveryFilter, Organization, OrganizationId, PersonName, Timestamp, User, UserId,
    WebhookEndpoint, WebhookEndpointId, WebhookRegistry, WebhookRegistryError, WebhookRegistryPorts,
    WebhookSecret, WebhookUrl,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

struct World {
    users: MockUserRepo,
    endpoints: MockWebhookEndpoints,
    queue: MockDeliveryQueue,
    checked: Result<(), UrlRefusal>,
}

impl World {
    fn new() -> Self {
        let mut users = MockUserRepo::new();
        users.expect_find().returning(|id| {
            let name = PersonName::parse("a name").expect("plain text");
            let organization = Organization { id: organization_id(), name: name.clone() };
            Ok((*id == user_id()).then(|| User { id: id.clone(), organization, full_name: name }))
        });
        Self {
            users,
            endpoints: MockWebhookEndpoints::new(),
            queue: MockDeliveryQueue::new(),
            checked: Ok(()),
        }
    }

    fn registry(self) -> WebhookRegistry {
        let mut sender = MockWebhookSender::new();
        sender.expect_check().return_const(self.checked);
        let mut identifiers = MockIdentifiers::new();
        identifiers.expect_webhook_endpoint_id().returning(endpoint_id);
        identifiers.expect_webhook_secret().returning(|| WebhookSecret::mint([1; 32]));
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW);
        WebhookRegistry::new(WebhookRegistryPorts {
            users: Arc::new(self.users),
            endpoints: Arc::new(self.endpoints),
            queue: Arc::new(self.queue),
            sender: Arc::new(sender),
            identifiers: Arc::new(identifiers),
            clock: Arc::new(clock),
        })
    }
}

fn organization_id() -> OrganizationId {
    OrganizationId::parse("organization").expect("an id")
}

fn user_id() -> UserId {
    UserId::parse("user").expect("an id")
}

fn endpoint_id() -> WebhookEndpointId {
    WebhookEndpointId::mint(1, [1; 8])
}

fn url() -> WebhookUrl {
    WebhookUrl::parse("https://example.com/hook").expect("a URL")
}

fn endpoint(kinds: &[CallEventKind]) -> WebhookEndpoint {
    WebhookEndpoint {
        id: endpoint_id(),
        organization_id: organization_id(),
        url: url(),
        kinds: kinds.to_vec(),
        secret: WebhookSecret::mint([1; 32]),
        previous_secret: None,
        created_at: NOW,
    }
}

#[tokio::test]
async fn an_endpoint_gets_the_kinds_that_it_asks_for_or_all() {
    use CallEventKind::{Ended, Initiated};
    for (asked, stored) in
        [(vec![Ended, Initiated, Ended], vec![Initiated, Ended]), (vec![], CallEventKind::ALL.to_vec())]
    {
        let mut world = World::new();
        let expected = endpoint(&stored);
        let registered = expected.clone();
        world
            .endpoints
            .expect_register()
            .withf(move |endpoint, most| *endpoint == registered && *most == WebhookRegistry::MAX_ENDPOINTS)
            .times(1)
            .return_const(Ok(RegistrationResult::Registered));
        assert_eq!(world.registry().register(&user_id(), url(), &asked).await, Ok(expected));
    }
}

#[tokio::test]
async fn what_may_not_be_sent_to_is_not_registered() {
    let world = World { checked: Err(UrlRefusal::ForbiddenAddress), ..World::new() };
    let answer = world.registry().register(&user_id(), url(), &[]).await;
    assert_eq!(answer, Err(WebhookRegistryError::UrlRefused(UrlRefusal::ForbiddenAddress)));
    let mut full = World::new();
    full.endpoints.expect_register().return_const(Ok(RegistrationResult::TooMany));
    let answer = full.registry().register(&user_id(), url(), &[]).await;
    assert_eq!(answer, Err(WebhookRegistryError::TooMany));
}

#[tokio::test]
async fn a_stranger_registers_nothing() {
    let stranger = UserId::parse("stranger").expect("an id");
    let registry = World::new().registry();
    let not_found = WebhookRegistryError::UserNotFound;
    assert_eq!(registry.register(&stranger, url(), &[]).await, Err(not_found.clone()));
    assert_eq!(registry.list(&stranger).await, Err(not_found.clone()));
    assert_eq!(registry.remove(&stranger, &endpoint_id()).await, Err(not_found.clone()));
    assert_eq!(registry.replace_secret(&stranger, &endpoint_id()).await, Err(not_found));
}

#[tokio::test]
async fn an_old_secret_signs_along_for_a_day() {
    let mut world = World::new();
    world
        .endpoints
        .expect_replace_secret()
        .withf(|_, _, _, until| *until == NOW.after(Duration::from_hours(24)))
        .return_const(Ok(true));
    let answer = world.registry().replace_secret(&user_id(), &endpoint_id()).await;
    assert_eq!(answer, Ok(WebhookSecret::mint([1; 32])));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let mut world = World::new();
    world.endpoints.expect_remove().return_const(Ok(false));
    world.endpoints.expect_replace_secret().return_const(Ok(false));
    world.endpoints.expect_list().return_const(Ok(vec![]));
    let registry = world.registry();
    let missing = WebhookRegistryError::EndpointNotFound;
    assert_eq!(registry.remove(&user_id(), &endpoint_id()).await, Err(missing.clone()));
    assert_eq!(registry.replace_secret(&user_id(), &endpoint_id()).await, Err(missing.clone()));
    let filter = DeliveryFilter { endpoint_id: None, state: None, before: None, limit: 1 };
    assert_eq!(registry.deliveries(&user_id(), &endpoint_id(), filter).await, Err(missing));
}

#[tokio::test]
async fn deliveries_are_listed_within_bounds() {
    let mut world = World::new();
    world.endpoints.expect_list().return_const(Ok(vec![endpoint(&CallEventKind::ALL)]));
    world
        .queue
        .expect_list()
        .withf(|query| {
            query.filter.limit == DeliveryFilter::MAX_LIMIT
                && query.filter.endpoint_id == Some(endpoint_id())
                && query.organization_id == organization_id()
        })
        .return_const(Err(PortUnavailable::new("store", "away")));
    let filter = DeliveryFilter { endpoint_id: None, state: None, before: None, limit: u32::MAX };
    let answer = world.registry().deliveries(&user_id(), &endpoint_id(), filter).await;
    assert!(matches!(answer, Err(WebhookRegistryError::ServiceUnavailable(_))));
}
