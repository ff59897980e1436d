use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    ContextCache, InboundDirectory, InboundParties, InboundQuery, MockContextCache, MockInboundDirectory,
    MockProviderWebhook, PersonalizationQuestion, PortUnavailable, ProviderReply, UnreadableQuestion,
    Unverified, WebhookCredentials,
};
use domain::{
    CallContext, ContactId, ConversationContext, InboundCall, InboundContext, NoSource, Personalization,
    PersonalizeCall, PersonalizeCallPorts,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{context, conversation_id, name, phone_number};

use crate::world::{World, unavailable};

const A_DAY: Duration = Duration::from_hours(24);

/// A tenant with a contact of this name, and a call from it to the tenant's number.
fn world(first_name: Option<&str>) -> (World, InboundCall) {
    let mut world = World::new();
    let contact = &mut world.tenant.contact;
    (contact.first_name, contact.last_name) = (first_name.map(name), None);
    world.memory.import(&world.tenant.records());
    let call = InboundCall {
        conversation_id: Some(conversation_id()),
        caller: world.tenant.contact.phone_number.clone(),
        called: Some(world.tenant.number.number.phone_number.clone()),
        provider_agent_id: world.tenant.agent.provider_agent_id.clone(),
    };
    (world, call)
}

/// The context that a conversation of this call gets.
fn inbound_context(world: &World, call: &InboundCall, contact_id: Option<ContactId>) -> ConversationContext {
    ConversationContext::Inbound(InboundContext {
        conversation_id: call.conversation_id.clone().expect("the call has a conversation"),
        organization_id: world.tenant.organization.id.clone(),
        user_id: world.tenant.user.id.clone(),
        contact_id,
        provider_agent_id: call.provider_agent_id.clone(),
        caller: call.caller.clone().expect("the call has a caller"),
        called: call.called.clone().expect("the call has a called number"),
        started_at: ManualClock::START,
    })
}

fn use_case(
    directory: impl InboundDirectory + 'static,
    contexts: impl ContextCache + 'static,
    world: &World,
) -> PersonalizeCall {
    let mut webhook = MockProviderWebhook::new();
    webhook.expect_verify_question().returning(|credentials| {
        if credentials.bearer() == Some("secret") { Ok(()) } else { Err(Unverified) }
    });
    webhook.expect_read_question().returning(|body| {
        let empty = UnreadableQuestion { field: None, message: "the body is empty" };
        if body.is_empty() { Err(empty) } else { Ok(question()) }
    });
    webhook.expect_write_reply().returning(|question, personalization| ProviderReply {
        media_type: "text/plain",
        body: format!("{} {}", question.reply_form, personalization.is_some()).into_bytes(),
    });
    let ports = PersonalizeCallPorts {
        webhook: Arc::new(webhook),
        directory: Arc::new(directory),
        contexts: Arc::new(contexts),
        clock: world.clock.clone(),
    };
    PersonalizeCall::new(ports, A_DAY)
}

fn question() -> PersonalizationQuestion {
    let call = InboundCall { conversation_id: None, caller: None, called: None, provider_agent_id: None };
    PersonalizationQuestion { call, reply_form: "plain" }
}

/// What the agent learns of the caller, and the contexts that are stored then.
async fn personalized(
    world: &World,
    call: &InboundCall,
) -> (Option<Personalization>, Vec<ConversationContext>) {
    let use_case = use_case(world.memory.clone(), world.memory.clone(), world);
    let personalization = use_case.personalize(None, call).await;
    let contexts = world.memory.tables().contexts.values().map(|stored| stored.context.clone()).collect();
    (personalization, contexts)
}

#[tokio::test]
async fn the_agent_learns_who_calls_and_the_conversation_keeps_it() {
    let (ada, call) = world(Some("Ada"));
    let expected = Personalization {
        caller_name: Some(name("Ada")),
        caller_number: call.caller.clone().expect("the contact has a number"),
        organization_name: ada.tenant.organization.name.clone(),
    };
    let context = inbound_context(&ada, &call, Some(ada.tenant.contact_id()));
    assert_eq!(personalized(&ada, &call).await, (Some(expected), vec![context]));
    let stored_until = ada.memory.tables().contexts.values().map(|stored| stored.until).max();
    assert_eq!(stored_until, Some(ManualClock::START.after(A_DAY)));

    let (nameless, call) = world(None);
    let (personalization, _) = personalized(&nameless, &call).await;
    assert_eq!(personalization.expect("a contact without a name is known").caller_name, None);
}

#[tokio::test]
async fn an_unknown_caller_is_not_named_and_the_conversation_is_known_to_be_inbound() {
    let (unknown, call) = world(None);
    let call = InboundCall { caller: Some(phone_number()), ..call };
    let context = inbound_context(&unknown, &call, None);
    assert_eq!(personalized(&unknown, &call).await, (None, vec![context]));

    let (other, call) = world(None);
    let to_an_unassigned_number = InboundCall { called: Some(phone_number()), ..call.clone() };
    assert_eq!(personalized(&other, &to_an_unassigned_number).await, (None, vec![]));
    let withheld = InboundCall { caller: None, ..call };
    assert_eq!(personalized(&other, &withheld).await, (None, vec![]));
}

#[tokio::test]
async fn a_conversation_of_ours_keeps_its_context() {
    let (world, call) = world(None);
    let conversation_id = call.conversation_id.clone().expect("the call has a conversation");
    let outbound = ConversationContext::Outbound(CallContext { conversation_id, ..context() });
    world.memory.store(&outbound, A_DAY).await.expect("the store is not lost");
    let (personalization, contexts) = personalized(&world, &call).await;
    assert!(personalization.is_some());
    assert_eq!(contexts, [outbound]);
}

#[tokio::test]
async fn no_failure_ends_the_call() {
    let (world, call) = world(None);
    let mut directory = MockInboundDirectory::new();
    directory.expect_identify().return_const(Err(unavailable()));
    let lost_directory = use_case(directory, world.memory.clone(), &world);
    assert_eq!(lost_directory.personalize(None, &call).await, None);

    let mut contexts = MockContextCache::new();
    contexts.expect_find().return_const(Err(unavailable()));
    let lost_cache = use_case(world.memory.clone(), contexts, &world);
    assert!(lost_cache.personalize(None, &call).await.is_some(), "the caller is known without the cache");

    let without_conversation = InboundCall { conversation_id: None, ..call };
    let (personalization, contexts) = personalized(&world, &without_conversation).await;
    assert!(personalization.is_some() && contexts.is_empty());
}

/// The caller hears nothing until the agent has its reply.
#[tokio::test]
async fn a_directory_that_hangs_delays_the_call_by_two_seconds() {
    struct Hangs;

    #[async_trait]
    impl InboundDirectory for Hangs {
        async fn identify(&self, _: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
            pending().await
        }
    }

    let (world, call) = world(None);
    let use_case = use_case(Hangs, MockContextCache::new(), &world);
    let personalizing = tokio::spawn(async move { use_case.personalize(None, &call).await });
    world.clock.advance(Duration::from_millis(1999)).await;
    assert!(!personalizing.is_finished());
    world.clock.advance(Duration::from_millis(1)).await;
    assert!(personalizing.is_finished());
    assert_eq!(personalizing.await.expect("no panic"), None);
}

#[tokio::test]
async fn a_question_is_verified_and_translated_by_the_providers_port() {
    let use_case = use_case(MockInboundDirectory::new(), MockContextCache::new(), &World::new());
    let credentials = |bearer| WebhookCredentials::new([], bearer);
    assert_eq!(use_case.verify(&credentials(Some("secret"))).await, Ok(None));
    assert_eq!(use_case.verify(&credentials(Some("guess"))).await, Err(NoSource::Unverified(Unverified)));
    assert_eq!(use_case.verify(&credentials(None)).await, Err(NoSource::Unverified(Unverified)));
    assert_eq!(use_case.read(b"a question"), Ok(question()));
    assert_eq!(use_case.read(b"").map_err(|error| error.message), Err("the body is empty"));
    let reply = use_case.reply(&question(), None);
    assert_eq!((reply.media_type, reply.body.as_slice()), ("text/plain", b"plain false".as_slice()));
}
