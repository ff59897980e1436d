//! Telling the voice provider who calls.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, MockContextCache, PortUnavailable};
use domain::{
    Contact, ContactId, ConversationContext, Organization, OrganizationId, PersonName, PersonalizeCall,
    PersonalizeCallPorts, PhoneNumber, ProviderAgentId, UserId,
};
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};

use crate::inbox::{Provider, SIGNATURE, TOOL_SECRET};
use crate::log::log;
use crate::running::{Answer, Options, Running, answer, read_to_close, start, start_with};
use crate::world::{StillClock, World};

const PATH: &str = "/api/webhook/elevenlabs/personalization";
const CALLER: &str = "+14165550110";
const CALLED: &str = "+14165550100";

/// A directory that has one answer, and what it was asked and what was kept.
#[derive(Clone)]
struct Reception {
    parties: Result<Option<InboundParties>, PortUnavailable>,
    /// Whether it breaks the process's own rules, as a bug would.
    broken: bool,
    asked: Arc<Mutex<Vec<InboundQuery>>>,
    kept: Arc<Mutex<Vec<String>>>,
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a name")
}

fn known(first_name: Option<&str>) -> InboundParties {
    let organization_id = OrganizationId::parse("o1").expect("an id");
    InboundParties {
        organization: Organization { id: organization_id.clone(), name: name("Analytical Insurance") },
        user_id: UserId::parse("u1").expect("an id"),
        contact: Some(Contact {
            id: ContactId::parse("c1").expect("an id"),
            organization_id,
            first_name: first_name.map(name),
            last_name: None,
            phone_number: PhoneNumber::parse(CALLER).ok(),
        }),
    }
}

impl Reception {
    fn of(parties: Result<Option<InboundParties>, PortUnavailable>) -> Self {
        Self { parties, broken: false, asked: Arc::default(), kept: Arc::default() }
    }

    async fn start(&self) -> Running {
        let mut contexts = MockContextCache::new();
        let kept = Arc::clone(&self.kept);
        contexts.expect_find().returning(|_| Ok(None));
        contexts.expect_store().returning(move |context, _| {
            let ConversationContext::Inbound(inbound) = context else { panic!("a call that came in") };
            kept.lock().expect("no writer panics").push(inbound.conversation_id.to_string());
            Ok(())
        });
        let ports = PersonalizeCallPorts {
            webhook: Arc::new(Provider),
            directory: Arc::new(self.clone()),
            contexts: Arc::new(contexts),
            clock: Arc::new(StillClock),
        };
        let personalize = PersonalizeCall::new(ports, Duration::from_hours(24));
        start_with(World::new(), Options { personalize: Some(personalize), ..Options::default() }).await
    }

    fn asked(&self) -> Vec<InboundQuery> {
        self.asked.lock().expect("no reader panics").clone()
    }

    fn kept(&self) -> Vec<String> {
        self.kept.lock().expect("no writer panics").clone()
    }
}

#[async_trait]
impl InboundDirectory for Reception {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        self.asked.lock().expect("no reader panics").push(query.clone());
        assert!(!self.broken, "a bug");
        self.parties.clone()
    }
}

fn bare(gateway: &Running, body: impl Into<Body>) -> RequestBuilder {
    gateway.method("POST", PATH).header("content-type", "application/json").body(body)
}

async fn asks(gateway: &Running, body: &Value) -> Answer {
    answer(bare(gateway, body.to_string()).bearer_auth(TOOL_SECRET)).await
}

fn documented() -> Value {
    json!({ "conversation_id": "conv_9", "caller_id": CALLER, "called_id": CALLED, "agent_id": "agent_1" })
}

fn vendors() -> Value {
    json!({ "caller_id": CALLER, "called_number": CALLED, "agent_id": "agent_1", "call_sid": "sid_1" })
}

fn ada() -> Value {
    json!({ "caller_name": "Ada", "caller_number": CALLER, "org_name": "Analytical Insurance" })
}

fn initiation(variables: &Value) -> Value {
    json!({ "type": "conversation_initiation_client_data", "dynamic_variables": variables })
}

fn query() -> InboundQuery {
    InboundQuery {
        called: PhoneNumber::parse(CALLED).expect("a number"),
        caller: PhoneNumber::parse(CALLER).expect("a number"),
        provider_agent_id: ProviderAgentId::parse("agent_1").ok(),
    }
}

#[tokio::test]
async fn a_known_caller_is_told_in_the_form_of_the_question() {
    let reception = Reception::of(Ok(Some(known(Some("Ada")))));
    let gateway = reception.start().await;
    let flat = asks(&gateway, &documented()).await;
    assert_eq!((flat.status, &flat.body), (200, &ada()));
    assert_eq!(flat.header("cache-control"), Some("no-store"));
    let nested = asks(&gateway, &vendors()).await;
    assert_eq!((nested.status, &nested.body), (200, &initiation(&ada())));
    assert_eq!(reception.asked(), [query(), query()]);
    assert_eq!(reception.kept(), ["conv_9"]);
}

#[tokio::test]
async fn the_form_is_told_by_the_fields() {
    let reception = Reception::of(Ok(Some(known(Some("Ada")))));
    let gateway = reception.start().await;
    let (flat, nested) = (ada(), initiation(&ada()));
    let cases = [
        (
            json!({ "conversation_id": "c", "caller_id": CALLER, "called_id": CALLED, "called_number": CALLED }),
            &flat,
        ),
        (json!({ "conversation_id": "c", "caller_id": CALLER, "called_id": CALLED, "call_sid": "s" }), &flat),
        (json!({ "conversation_id": "c", "caller_id": CALLER, "called_number": CALLED }), &nested),
        (json!({ "caller_id": CALLER, "called_id": null, "called_number": CALLED }), &nested),
        (json!({ "conversation_id": 7, "caller_id": CALLER, "called_number": CALLED }), &nested),
        // Without a +, and with fields that nobody knows.
        (
            json!({ "conversation_id": "c", "caller_id": &CALLER[1..], "called_id": &CALLED[1..], "x": [{}] }),
            &flat,
        ),
    ];
    for (body, expected) in cases {
        let answer = asks(&gateway, &body).await;
        assert_eq!((answer.status, &answer.body), (200, expected), "{body}");
    }
    assert_eq!(reception.asked().len(), 6);
}

#[tokio::test]
async fn a_contact_without_a_name_has_an_empty_one() {
    let gateway = Reception::of(Ok(Some(known(None)))).start().await;
    let answer = asks(&gateway, &documented()).await;
    let mut expected = ada();
    expected["caller_name"] = json!("");
    assert_eq!((answer.status, &answer.body), (200, &expected));
}

#[tokio::test]
async fn where_nobody_can_say_who_calls_the_call_goes_on() {
    let stranger = InboundParties { contact: None, ..known(None) };
    let receptions = [
        Reception::of(Ok(None)),
        Reception::of(Ok(Some(stranger))),
        Reception::of(Err(PortUnavailable::new("postgres", "secret detail"))),
        Reception { broken: true, ..Reception::of(Ok(None)) },
    ];
    for reception in receptions {
        let gateway = reception.start().await;
        let flat = asks(&gateway, &documented()).await;
        assert_eq!((flat.status, &flat.body), (200, &json!({})));
        let nested = asks(&gateway, &vendors()).await;
        assert_eq!((nested.status, &nested.body), (200, &initiation(&json!({}))));
        assert_eq!(reception.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_number_that_is_none_counts_as_absent() {
    let reception = Reception::of(Ok(Some(known(Some("Ada")))));
    let gateway = reception.start().await;
    for number in
        [json!("anonymous"), json!(""), json!(null), json!(14_165_550_110_u64), json!({}), json!("sip:a@b")]
    {
        let body = json!({ "conversation_id": "c", "caller_id": number, "called_id": CALLED });
        let answer = asks(&gateway, &body).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({})), "{body}");
    }
    assert_eq!(reception.asked(), []);
}

#[tokio::test]
async fn the_documented_form_names_its_conversation() {
    let reception = Reception::of(Ok(Some(known(Some("Ada")))));
    let gateway = reception.start().await;
    let too_long = "x".repeat(129);
    for id in [json!(null), json!(""), json!(7), json!("a\nb"), json!(too_long)] {
        let mut body = documented();
        body["conversation_id"] = id;
        let answer = asks(&gateway, &body).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = json!([{ "field": "conversation_id", "message": "must be the ID of a conversation" }]);
        assert_eq!(answer.body["error"]["details"], details, "{body}");
    }
    for body in ["", "[]", "null", "{", r#"["conv_9"]"#, r#"{"caller_id":"1","caller_id":"2"}"#] {
        let answer = answer(bare(&gateway, body).bearer_auth(TOOL_SECRET)).await;
        answer.assert_error(400, "VALIDATION_FAILED");
    }
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(64 * 1024));
    answer(bare(&gateway, large).bearer_auth(TOOL_SECRET)).await.assert_error(400, "VALIDATION_FAILED");
    assert_eq!(reception.asked(), []);
}

#[tokio::test]
async fn who_does_not_show_the_tool_secret_is_told_nothing() {
    let reception = Reception::of(Ok(Some(known(Some("Ada")))));
    let gateway = reception.start().await;
    let body = documented().to_string();
    let requests = [
        bare(&gateway, body.clone()),
        bare(&gateway, body.clone()).bearer_auth("wrong"),
        bare(&gateway, body.clone()).header("authorization", format!("Basic {TOOL_SECRET}")),
        // What signs events says nothing here: this question is not signed.
        bare(&gateway, body.clone()).header("elevenlabs-signature", SIGNATURE),
        gateway.asking("POST", PATH).header("content-type", "application/json").body(body.clone()),
        bare(&gateway, "no JSON").bearer_auth("wrong"),
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let answer = answer(request).await;
        answer.assert_error(401, "UNAUTHORIZED");
        assert_eq!(answer.body["error"], "a valid signature or tool secret is required", "{n}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(reception.asked(), []);
    let unconfigured = start(World::new()).await;
    answer(bare(&unconfigured, body).bearer_auth(TOOL_SECRET)).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_question_that_shows_nothing_is_refused_before_its_body_comes() {
    let gateway = Reception::of(Ok(None)).start().await;
    let stream = gateway.raw_post(PATH, "Content-Length: 1000\r\nConnection: close\r\n").await;
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 401 "), "{received}");
}

#[tokio::test]
async fn nothing_of_a_caller_is_logged() {
    let log = log();
    let gateway = Reception::of(Ok(Some(known(Some("Adelheid"))))).start().await;
    for body in [documented(), vendors(), json!({ "caller_id": "+14165550177" })] {
        let request = bare(&gateway, body.to_string()).bearer_auth(TOOL_SECRET);
        let _ = answer(request.header("x-request-id", "private-caller")).await;
    }
    assert!(!log.lines("private-caller").is_empty());
    let text = log.text();
    for secret in ["Adelheid", "Analytical", "4165550110", "4165550177", TOOL_SECRET] {
        assert!(!text.contains(secret), "{secret}");
    }
}
