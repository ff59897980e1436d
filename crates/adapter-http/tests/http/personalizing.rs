//! The question of the voice provider who is calling.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::ports::{InboundDirectory, InboundParties, InboundQuery, MockInboundDirectory, PortUnavailable};
use domain::{PhoneNumber, ProviderAgentId};
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};

use crate::log::log;
use crate::provider_webhook::{SIGNATURE, SIGNATURE_HEADER, TOOL_SECRET};
use crate::running::{Response, Running, read_to_close, send, start};
use crate::world::{World, name};

const PATH: &str = "/api/webhook/elevenlabs/personalization";
const CALLER: &str = "+14165550110";
const CALLED: &str = "+14165550100";

/// The queries of a directory, in order.
#[derive(Clone, Default)]
struct Queries(Arc<Mutex<Vec<InboundQuery>>>);

/// A directory that records its queries.
struct Recorded {
    directory: Arc<dyn InboundDirectory>,
    queries: Queries,
}

#[async_trait]
impl InboundDirectory for Recorded {
    async fn identify(&self, query: &InboundQuery) -> Result<Option<InboundParties>, PortUnavailable> {
        self.queries.0.lock().expect("no panic while the list is locked").push(query.clone());
        self.directory.identify(query).await
    }
}

impl Queries {
    fn get(&self) -> Vec<InboundQuery> {
        self.0.lock().expect("no panic while the list is locked").clone()
    }
}

/// Starts a gateway on this world and records the queries of its directory.
async fn start_recording(world: World) -> (Running, World, Queries) {
    let queries = Queries::default();
    let directory = Recorded { directory: world.directory.clone(), queries: queries.clone() };
    let world = World { directory: Arc::new(directory), ..world };
    (start(&world).await, world, queries)
}

/// A world whose contact has this first name.
fn with_name(first_name: Option<&str>) -> World {
    let world = World::new();
    world.memory.tables().directory.contacts[0].first_name = first_name.map(name);
    world
}

fn bare(gateway: &Running, body: impl Into<Body>) -> RequestBuilder {
    gateway.anonymous("POST", PATH).header("content-type", "application/json").body(body)
}

async fn ask(gateway: &Running, body: &Value) -> Response {
    send(bare(gateway, body.to_string()).bearer_auth(TOOL_SECRET)).await
}

/// A question in the form of the contract.
fn documented() -> Value {
    json!({ "conversation_id": "conv_9", "caller_id": CALLER, "called_id": CALLED, "agent_id": "agent_1" })
}

/// A question in the form of ElevenLabs.
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
        called: PhoneNumber::parse(CALLED).expect("a valid number"),
        caller: PhoneNumber::parse(CALLER).expect("a valid number"),
        provider_agent_id: ProviderAgentId::parse("agent_1").ok(),
        organization_id: None,
    }
}

#[tokio::test]
async fn the_response_for_a_known_caller_has_the_form_of_the_question() {
    let (gateway, world, queries) = start_recording(World::new()).await;
    let flat = ask(&gateway, &documented()).await;
    flat.assert_ok(200, &ada());
    let nested = ask(&gateway, &vendors()).await;
    nested.assert_ok(200, &initiation(&ada()));
    assert_eq!(queries.get(), [query(), query()]);
    let tables = world.memory.tables();
    let contexts: Vec<_> = tables.contexts.keys().map(ToString::to_string).collect();
    assert_eq!(contexts, ["conv_9"]);
}

#[tokio::test]
async fn the_fields_of_a_question_show_its_form() {
    let (gateway, _, queries) = start_recording(World::new()).await;
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
        // Numbers without a +, and unknown fields.
        (
            json!({ "conversation_id": "c", "caller_id": &CALLER[1..], "called_id": &CALLED[1..], "x": [{}] }),
            &flat,
        ),
    ];
    for (body, expected) in cases {
        let response = ask(&gateway, &body).await;
        assert_eq!((response.status, &response.body), (200, expected), "{body}");
    }
    assert_eq!(queries.get().len(), 6);
}

#[tokio::test]
async fn a_contact_without_a_name_has_an_empty_one() {
    let gateway = start(&with_name(None)).await;
    let mut expected = ada();
    expected["caller_name"] = json!("");
    ask(&gateway, &documented()).await.assert_ok(200, &expected);
}

#[tokio::test]
async fn the_call_of_an_unknown_caller_continues() {
    let without_contact = World::new();
    without_contact.memory.tables().directory.contacts.clear();
    let without_number = World::new();
    without_number.memory.tables().directory.numbers.clear();
    // The mock expects no call and panics.
    let panicking = World { directory: Arc::new(MockInboundDirectory::new()), ..World::new() };
    for world in [without_number, without_contact, World::lost(), panicking] {
        let (gateway, _, queries) = start_recording(world).await;
        ask(&gateway, &documented()).await.assert_ok(200, &json!({}));
        ask(&gateway, &vendors()).await.assert_ok(200, &initiation(&json!({})));
        assert_eq!(queries.get().len(), 2);
    }
}

#[tokio::test]
async fn a_text_that_is_not_a_number_counts_as_absent() {
    let (gateway, _, queries) = start_recording(World::new()).await;
    for number in
        [json!("anonymous"), json!(""), json!(null), json!(14_165_550_110_u64), json!({}), json!("sip:a@b")]
    {
        let body = json!({ "conversation_id": "c", "caller_id": number, "called_id": CALLED });
        let response = ask(&gateway, &body).await;
        assert_eq!((response.status, &response.body), (200, &json!({})), "{body}");
    }
    assert_eq!(queries.get(), []);
}

#[tokio::test]
async fn the_documented_form_names_its_conversation() {
    let (gateway, _, queries) = start_recording(World::new()).await;
    let too_long = "x".repeat(129);
    for id in [json!(null), json!(""), json!(7), json!("a\nb"), json!(too_long)] {
        let mut body = documented();
        body["conversation_id"] = id;
        let response = ask(&gateway, &body).await;
        response.assert_error(400, "VALIDATION_FAILED");
        let details = json!([{ "field": "conversation_id", "message": "must be the ID of a conversation" }]);
        assert_eq!(response.body["error"]["details"], details, "{body}");
    }
    let too_large = format!(r#"{{"x":"{}"}}"#, "x".repeat(64 * 1024));
    let invalid =
        ["", "[]", "null", "{", r#"["conv_9"]"#, r#"{"caller_id":"1","caller_id":"2"}"#, &too_large];
    for body in invalid {
        let response = send(bare(&gateway, body.to_owned()).bearer_auth(TOOL_SECRET)).await;
        response.assert_error(400, "VALIDATION_FAILED");
    }
    assert_eq!(queries.get(), []);
}

#[tokio::test]
async fn a_request_without_the_tool_secret_is_401() {
    let (gateway, _, queries) = start_recording(World::new()).await;
    let body = documented().to_string();
    let requests = [
        bare(&gateway, body.clone()),
        bare(&gateway, body.clone()).bearer_auth("wrong"),
        bare(&gateway, body.clone()).header("authorization", format!("Basic {TOOL_SECRET}")),
        // The signature of an event does not count: the provider does not sign this question.
        bare(&gateway, body.clone()).header(SIGNATURE_HEADER, SIGNATURE),
        gateway.json("POST", PATH, body.clone()),
        bare(&gateway, "no JSON").bearer_auth("wrong"),
    ];
    for (n, request) in requests.into_iter().enumerate() {
        let response = send(request).await;
        response.assert_error(401, "UNAUTHORIZED");
        assert_eq!(response.body["error"], "a valid signature or tool secret is required", "{n}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(queries.get(), []);
    let without_secret = start(&World { has_webhook_secret: false, ..World::new() }).await;
    let request = bare(&without_secret, body).bearer_auth(TOOL_SECRET);
    send(request).await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_question_without_credentials_is_refused_before_its_body_arrives() {
    let gateway = start(&World::new()).await;
    let stream = gateway.raw("POST", PATH, "Content-Length: 1000\r\nConnection: close\r\n").await;
    let received = read_to_close(stream).await;
    assert!(received.starts_with("HTTP/1.1 401 "), "{received}");
}

#[tokio::test]
async fn nothing_of_a_caller_is_logged() {
    let log = log();
    let gateway = start(&with_name(Some("Adelheid"))).await;
    for body in [documented(), vendors(), json!({ "caller_id": "+14165550177" })] {
        let request = bare(&gateway, body.to_string()).bearer_auth(TOOL_SECRET);
        let _ = send(request.header("x-request-id", "private-caller")).await;
    }
    let secrets = ["Adelheid", "Analytical", "4165550110", "4165550177", TOOL_SECRET];
    log.assert_private("private-caller", &secrets);
}
