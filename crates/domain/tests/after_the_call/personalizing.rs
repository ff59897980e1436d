use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{
    InboundDirectory, InboundParties, InboundQuery, MockClock, MockContextCache, MockInboundDirectory,
    MockProviderWebhook, PersonalizationQuestion, PortUnavailable, ProviderReply, UnreadableQuestion,
    Unverified, WebhookCredentials,
};
use domain::{
    AgentId, CallContext, CallId, CallIdentity, Contact, ContactId, ConversationContext, ConversationId,
    InboundCall, InboundContext, Organization, OrganizationId, PersonName, Personalization, PersonalizeCall,
    PersonalizeCallPorts, PhoneNumber, ProviderAgentId, Timestamp, UserId,
};
use tokio::time::timeout;

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);
const A_DAY: Duration = Duration::from_hours(24);

fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("plain text")
}

fn caller() -> PhoneNumber {
    PhoneNumber::parse("+14165550110").expect("a number")
}

fn called() -> PhoneNumber {
    PhoneNumber::parse("+14165550100").expect("a number")
}

fn conversation_id() -> ConversationId {
    ConversationId::parse("conv_1").expect("an id")
}

fn organization() -> Organization {
    Organization { id: OrganizationId::parse("organization").expect("an id"), name: name("Acme") }
}

fn contact(first_name: Option<&str>) -> Contact {
    Contact {
        id: ContactId::parse("contact").expect("an id"),
        organization_id: organization().id,
        first_name: first_name.map(name),
        last_name: None,
        phone_number: Some(caller()),
    }
}

fn parties(contact: Option<Contact>) -> InboundParties {
    InboundParties { organization: organization(), user_id: UserId::parse("user").expect("an id"), contact }
}

fn inbound_call() -> InboundCall {
    InboundCall {
        conversation_id: Some(conversation_id()),
        caller: Some(caller()),
        called: Some(called()),
        provider_agent_id: Some(ProviderAgentId::parse("agent_1").expect("an id")),
    }
}

fn question() -> PersonalizationQuestion {
    PersonalizationQuestion { call: inbound_call(), reply_form: "plain" }
}

fn inbound_context(contact_id: Option<ContactId>) -> ConversationContext {
    ConversationContext::Inbound(InboundContext {
        conversation_id: conversation_id(),
        organization_id: organization().id,
        user_id: UserId::parse("user").expect("an id"),
        contact_id,
        provider_agent_id: Some(ProviderAgentId::parse("agent_1").expect("an id")),
        caller: caller(),
        called: called(),
        started_at: NOW,
    })
}

fn outbound_context() -> ConversationContext {
    ConversationContext::Outbound(CallContext {
        identity: CallIdentity {
            call_id: CallId::mint(1, [1; 8]),
            organization_id: organization().id,
            user_id: UserId::parse("user").expect("an id"),
            contact_id: ContactId::parse("contact").expect("an id"),
            agent_id: AgentId::parse("agent").expect("an id"),
            from: called(),
            to: caller(),
        },
        conversation_id: conversation_id(),
        provider_agent_id: ProviderAgentId::parse("agent_1").expect("an id"),
        reason: None,
        carrier_call_id: None,
        started_at: NOW,
    })
}

/// What the agent is told, and what is kept of the conversation.
async fn personalized(
    call: InboundCall,
    identified: Result<Option<InboundParties>, PortUnavailable>,
    known: Result<Option<ConversationContext>, PortUnavailable>,
) -> (Option<Personalization>, Vec<ConversationContext>) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mut contexts = MockContextCache::new();
    contexts.expect_find().return_const(known);
    let noted = kept.clone();
    contexts.expect_store().withf(|_, ttl| *ttl == A_DAY).returning(move |context, _| {
        noted.lock().expect("no panic").push(context.clone());
        Ok(())
    });
    let mut directory = MockInboundDirectory::new();
    directory
        .expect_identify()
        .withf(|query| {
            query.caller == caller() && query.called == called() && query.provider_agent_id.is_some()
        })
        .return_const(identified);
    let told = use_case(Arc::new(directory), contexts).personalize(&call).await;
    let kept = kept.lock().expect("no panic").clone();
    (told, kept)
}

fn use_case(directory: Arc<dyn InboundDirectory>, contexts: MockContextCache) -> PersonalizeCall {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    clock.expect_sleep().returning(|_| ());
    let mut webhook = MockProviderWebhook::new();
    webhook.expect_verify_question().returning(|credentials| {
        if credentials.bearer() == Some("secret") { Ok(()) } else { Err(Unverified) }
    });
    webhook.expect_read_question().returning(|body| {
        let at_fault = UnreadableQuestion { field: None, message: "the body is empty" };
        if body.is_empty() { Err(at_fault) } else { Ok(question()) }
    });
    webhook.expect_write_reply().returning(|question, personalization| ProviderReply {
        media_type: "text/plain",
        body: format!("{} {}", question.reply_form, personalization.is_some()).into_bytes(),
    });
    let ports = PersonalizeCallPorts {
        webhook: Arc::new(webhook),
        directory,
        contexts: Arc::new(contexts),
        clock: Arc::new(clock),
    };
    PersonalizeCall::new(ports, A_DAY)
}

#[tokio::test]
async fn the_agent_is_told_who_calls_and_the_conversation_keeps_it() {
    let ada = contact(Some("Ada"));
    let (told, kept) = personalized(inbound_call(), Ok(Some(parties(Some(ada.clone())))), Ok(None)).await;
    let expected = Personalization {
        caller_name: Some(name("Ada")),
        caller_number: caller(),
        organization_name: name("Acme"),
    };
    assert_eq!((told, kept), (Some(expected), vec![inbound_context(Some(ada.id))]));
    let (told, _) = personalized(inbound_call(), Ok(Some(parties(Some(contact(None))))), Ok(None)).await;
    assert_eq!(told.expect("a contact without a name is one").caller_name, None);
}

#[tokio::test]
async fn a_caller_whom_nobody_knows_is_not_named_and_the_conversation_is_known_to_have_come_in() {
    let (told, kept) = personalized(inbound_call(), Ok(Some(parties(None))), Ok(None)).await;
    assert_eq!((told, kept), (None, vec![inbound_context(None)]));
    let (told, kept) = personalized(inbound_call(), Ok(None), Ok(None)).await;
    assert_eq!((told, kept), (None, vec![]), "a number of nobody");
    let withheld = InboundCall { caller: None, ..inbound_call() };
    assert_eq!(personalized(withheld, Ok(Some(parties(None))), Ok(None)).await, (None, vec![]));
}

#[tokio::test]
async fn a_conversation_of_ours_keeps_its_context() {
    let known = Ok(Some(outbound_context()));
    let (told, kept) = personalized(inbound_call(), Ok(Some(parties(Some(contact(None))))), known).await;
    assert!(told.is_some());
    assert_eq!(kept, []);
}

#[tokio::test]
async fn whatever_fails_the_call_goes_on() {
    let away = || PortUnavailable::new("store", "away");
    assert_eq!(personalized(inbound_call(), Err(away()), Ok(None)).await, (None, vec![]));
    let (told, _) = personalized(inbound_call(), Ok(Some(parties(Some(contact(None))))), Err(away())).await;
    assert!(told.is_some(), "a cache that is away does not hide who calls");
    let without_conversation = InboundCall { conversation_id: None, ..inbound_call() };
    let (told, kept) =
        personalized(without_conversation, Ok(Some(parties(Some(contact(None))))), Ok(None)).await;
    assert!(told.is_some() && kept.is_empty());
}

#[tokio::test]
async fn nobody_waits_for_a_directory_that_hangs() {
    struct Hangs;

    #[async_trait]
    impl InboundDirectory for Hangs {
        async fn identify(&self, _: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
            pending().await
        }
    }

    let use_case = use_case(Arc::new(Hangs), MockContextCache::new());
    let told = timeout(Duration::from_secs(10), use_case.personalize(&inbound_call())).await;
    assert_eq!(told, Ok(None));
}

#[test]
fn a_question_is_verified_and_translated_by_the_providers_port() {
    let use_case = use_case(Arc::new(MockInboundDirectory::new()), MockContextCache::new());
    let showing = |bearer| WebhookCredentials::new([], bearer);
    assert_eq!(use_case.verify(&showing(Some("secret"))), Ok(()));
    assert_eq!(use_case.verify(&showing(Some("guess"))), Err(Unverified));
    assert_eq!(use_case.verify(&showing(None)), Err(Unverified));
    assert_eq!(use_case.read(b"a question"), Ok(question()));
    assert_eq!(use_case.read(b"").map_err(|error| error.message), Err("the body is empty"));
    let reply = use_case.reply(&question(), None);
    assert_eq!((reply.media_type, reply.body.as_slice()), ("text/plain", b"plain false".as_slice()));
}
