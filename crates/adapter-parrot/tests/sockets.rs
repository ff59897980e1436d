//! The bytes that Parrot receives.

use std::time::Duration;

use adapter_parrot::{Parrot, ParrotRecords, ParrotSettings};
use domain::ports::{DialRequest, ProviderLookup, ProviderRecords, VoiceProvider};
use domain::{
    CallId, CallReason, DialOutcome, OrganizationId, PersonName, PhoneNumber, ProviderAgentId,
    ProviderNumberId,
};
use serde_json::{Value, json};
use testkit::fixtures;
use testkit::peer::{Peer, Request};

const ACCEPTED: &str = r#"{"accepted":true,"call":"p-1"}"#;
const NO_CALLS: &str = r#"{"calls":[]}"#;

/// A vendor that responds to everything with this body, and leaves the connection open: a second
/// request could come over it.
async fn responding(body: &'static str) -> Peer {
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    Peer::start(move |mut connection| {
        let response = response.clone();
        async move {
            connection.read_request().await;
            connection.write(response.as_bytes()).await;
            while connection.read_some().await > 0 {}
        }
    })
    .await
}

fn settings(vendor: &Peer) -> ParrotSettings {
    ParrotSettings { api_key: "a-key".into(), base_url: vendor.base_url().parse().expect("a URL") }
}

fn request() -> DialRequest {
    DialRequest {
        call_id: CallId::mint(0x6650_0000, [7; 8]),
        organization_id: OrganizationId::parse("o1").expect("an id"),
        provider_agent_id: ProviderAgentId::parse("agent-1").expect("an id"),
        provider_number_id: ProviderNumberId::parse("number-1").expect("an id"),
        to: PhoneNumber::parse("+14165550110").expect("a number"),
        callee_name: Some(PersonName::parse("Ada Lovelace").expect("a name")),
        organization_name: PersonName::parse("Engines Ltd").expect("a name"),
        variables: domain::DynamicVariables::default(),
        reason: Some(CallReason::parse("Your \"quote\"\nis ready").expect("a reason")),
        ringing_timeout: Duration::from_secs(60),
        answer_within: Duration::from_secs(20),
    }
}

/// The only request that the vendor received, over its only connection.
fn only_request(vendor: &Peer) -> Request {
    let mut requests = vendor.requests();
    assert_eq!((vendor.received().len(), requests.len()), (1, 1), "connections and requests");
    requests.remove(0)
}

async fn dialled(request: &DialRequest) -> Request {
    let vendor = responding(ACCEPTED).await;
    let parrot = Parrot::new(&settings(&vendor)).expect("valid settings");
    assert!(matches!(parrot.dial(request).await, DialOutcome::Placed(_)));
    only_request(&vendor)
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON and nothing else")
}

#[tokio::test]
async fn a_dial_is_one_request_and_these_bytes() {
    let dial = dialled(&request()).await;
    assert_eq!((dial.method.as_str(), dial.target.as_str()), ("POST", "/v2/calls"));
    let header =
        |name: &str| dial.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(header("parrot-key"), Some("a-key"));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("authorization"), None);
    assert_eq!(
        json_of(&dial),
        json!({
            "agent": "agent-1", "from": "number-1", "to": "+14165550110",
            "reference": "665000000707070707070707", "ring_secs": 60,
            "variables": {
                "call_reason": "Your \"quote\"\nis ready", "caller_name": "Ada Lovelace",
                "caller_number": "+14165550110", "org_name": "Engines Ltd",
            },
        })
    );
}

#[tokio::test]
async fn a_variable_that_is_not_known_is_sent_empty() {
    let dial = dialled(&DialRequest { reason: None, callee_name: None, ..request() }).await;
    let variables = &json_of(&dial)["variables"];
    assert_eq!((&variables["call_reason"], &variables["caller_name"]), (&json!(""), &json!("")));
}

/// Less than a second would be 0, which Parrot reads as no limit.
#[tokio::test]
async fn a_ring_is_at_least_a_second() {
    let dial = dialled(&DialRequest { ringing_timeout: Duration::from_millis(1), ..request() }).await;
    assert_eq!(json_of(&dial)["ring_secs"], 1);
}

#[tokio::test]
async fn a_lookup_without_a_conversation_is_this_request() {
    let vendor = responding(NO_CALLS).await;
    let records = ParrotRecords::new(&settings(&vendor)).expect("valid settings");
    let lookup = ProviderLookup {
        call_id: request().call_id,
        conversation_id: None,
        provider_agent_id: None,
        booked_at: fixtures::moment(),
    };
    assert_eq!(records.find(&lookup).await.expect("a complete list"), None);
    let asked = only_request(&vendor);
    let target = "/v2/calls?reference=665000000707070707070707&limit=50";
    assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.body.len()), ("GET", target, 0));
}
