//! The outcome of a dial without a complete response.

use std::time::Duration;

use domain::ports::DialRequest;
use domain::{
    CallId, DialOutcome, NotDialledReason, OrganizationId, PersonName, PhoneNumber, ProviderAgentId,
    ProviderNumberId, ProviderReference, UnknownCause,
};
use provider_client::{MAX_DIAL_RESPONSE_BYTES, Response};
use testkit::peer::Peer;

#[path = "support/client.rs"]
#[expect(dead_code, reason = "not everything is used here")]
mod support;

use support::{LONG, SHORT, default_client};

async fn dial(base_url: &str, answer_within: Duration) -> DialOutcome {
    let request = DialRequest {
        call_id: CallId::mint(0x6650_0000, [7; 8]),
        organization_id: OrganizationId::parse("o1").expect("an id"),
        provider_agent_id: ProviderAgentId::parse("agent_1").expect("an id"),
        provider_number_id: ProviderNumberId::parse("number_1").expect("an id"),
        to: PhoneNumber::parse("+14165550100").expect("a number"),
        callee_name: None,
        organization_name: PersonName::parse("Engines Ltd").expect("a name"),
        reason: None,
        variables: domain::DynamicVariables::default(),
        ringing_timeout: Duration::from_secs(60),
        answer_within,
    };
    let client = default_client(base_url);
    let classify = |response: &Response| {
        assert_eq!((response.status, response.body.iter().all(|byte| *byte == b' ')), (500, true));
        DialOutcome::Placed(ProviderReference::default())
    };
    client.dial(&client.endpoint(["call"]), &request, &["a body"], classify).await
}

fn response(body_bytes: usize) -> String {
    format!("HTTP/1.1 500 S\r\ncontent-length: {body_bytes}\r\n\r\n{}", " ".repeat(body_bytes))
}

#[tokio::test]
async fn a_complete_response_is_classified_by_the_adapter() {
    for body_bytes in [0, 1, MAX_DIAL_RESPONSE_BYTES] {
        let peer = Peer::answering(response(body_bytes)).await;
        assert!(matches!(dial(&peer.base_url(), LONG).await, DialOutcome::Placed(_)), "{body_bytes}");
        assert!(peer.received()[0].ends_with(b"\r\n\r\n[\"a body\"]"));
    }
}

#[tokio::test]
async fn without_a_complete_response_the_outcome_is_the_failure_of_the_request() {
    let silent = Peer::start(|mut connection| async move { while connection.read_some().await > 0 {} }).await;
    let too_long = Peer::answering(response(MAX_DIAL_RESPONSE_BYTES + 1)).await;
    let cut = Peer::answering(&response(10).as_bytes()[..40]).await;
    for (base_url, time, expected) in [
        ("http://127.0.0.1:1".to_owned(), LONG, DialOutcome::NotDialled(NotDialledReason::Unavailable)),
        (silent.base_url(), SHORT, DialOutcome::Unknown(UnknownCause::TimedOut)),
        (cut.base_url(), LONG, DialOutcome::Unknown(UnknownCause::ConnectionLost)),
        (too_long.base_url(), LONG, DialOutcome::Unknown(UnknownCause::UnclearAnswer)),
    ] {
        assert_eq!(dial(&base_url, time).await, expected);
    }
    for peer in [silent, too_long, cut] {
        assert_eq!(peer.received().len(), 1);
    }
}
