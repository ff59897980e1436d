//! Every row of the outcome table, against the simulator.

use std::time::Duration;

use adapter_elevenlabs::ElevenLabs;
use domain::ports::VoiceProvider;
use domain::{DialOutcome, NotDialledReason, ProviderAgentId, ProviderNumberId, ProviderReference};
use simulator::{Behaviour, ErrorShape, ScriptedBehaviour, Settings, Simulator};

#[path = "support/dialling.rs"]
mod dialling;

use dialling::{API_KEY, dial, request, settings};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(500);

async fn simulator() -> Simulator {
    let settings = Settings { api_key: Some(API_KEY.to_owned()), ..Settings::with_any_id() };
    Simulator::start(settings).await.expect("a free port")
}

fn line(outcome: &DialOutcome) -> String {
    let ids = |reference: &ProviderReference| match (&reference.conversation_id, &reference.carrier_call_id) {
        (Some(_), Some(_)) => "with ids",
        (None, None) => "without ids",
        _ => "with one id",
    };
    let name = outcome.as_str();
    match outcome {
        DialOutcome::Placed(reference) => format!("{name} {}", ids(reference)),
        DialOutcome::NotConnected { reference, reason, .. } => {
            format!("{name} {} {}", reason.as_str(), ids(reference))
        }
        DialOutcome::NotDialled(NotDialledReason::Rejected(code)) => format!("{name} {}", code.as_str()),
        DialOutcome::NotDialled(NotDialledReason::RejectedForNow { code, retry_after }) => {
            format!("{name} {} for {retry_after:?}", code.as_str())
        }
        DialOutcome::NotDialled(NotDialledReason::Unavailable | NotDialledReason::Withdrawn) => {
            format!("{name} unavailable")
        }
        DialOutcome::Unknown(cause) => format!("{name} {}", cause.as_str()),
    }
}

/// Dials once for each row and checks the outcome and the number of requests.
async fn play(rows: Vec<(Behaviour, &str)>, answer_within: Duration, requests_each: u64) {
    let simulator = simulator().await;
    for (behaviour, expected) in rows {
        let before: u64 = simulator.requests().values().sum();
        simulator.script(ScriptedBehaviour::new(behaviour.clone()));
        let outcome = dial(&simulator.base_url(), answer_within).await;
        assert_eq!(line(&outcome), expected, "{behaviour:?}");
        let requests = simulator.requests().values().sum::<u64>() - before;
        assert_eq!(requests, requests_each, "{behaviour:?}");
    }
}

fn sip(code: u16) -> Behaviour {
    Behaviour::SipFailure { code, message: None, with_ids: true }
}

fn failure(message: &str, with_ids: bool) -> Behaviour {
    Behaviour::SipFailure { code: 1011, message: Some(message.to_owned()), with_ids }
}

fn error(status: u16, shape: ErrorShape) -> Behaviour {
    let message = Some("no call to +14165550100".to_owned());
    Behaviour::HttpError {
        status,
        shape,
        code: Some("some_code".to_owned()),
        message,
        retry_after_secs: Some(1),
    }
}

fn json(text: &str) -> Behaviour {
    Behaviour::RawBody { content_type: "application/json".to_owned(), text: text.to_owned() }
}

#[tokio::test]
async fn placed() {
    let after_a_ring = Behaviour::Ring { for_ms: 50, then: Box::new(Behaviour::SuccessWithoutIds) };
    let rows = vec![
        (Behaviour::Answer { after_ms: 0 }, "placed with ids"),
        (Behaviour::Answer { after_ms: 100 }, "placed with ids"),
        (Behaviour::SuccessWithoutIds, "placed without ids"),
        (after_a_ring, "placed without ids"),
        (json(r#"{"success":true,"conversation_id":"conv_1","sip_call_id":"a\nb"}"#), "placed with one id"),
    ];
    play(rows, LONG, 1).await;
}

#[tokio::test]
async fn not_connected() {
    let rows = vec![
        (Behaviour::Busy { after_ms: 0 }, "not-connected busy with ids"),
        (Behaviour::NoAnswer { after_ms: 0 }, "not-connected no-answer with ids"),
        (Behaviour::Decline { after_ms: 0 }, "not-connected declined with ids"),
        (Behaviour::SipTimeout { after_ms: 0 }, "not-connected failed with ids"),
        (sip(408), "not-connected no-answer with ids"),
        (sip(487), "not-connected no-answer with ids"),
        (sip(600), "not-connected busy with ids"),
        (sip(500), "not-connected failed with ids"),
        (sip(503), "not-connected failed with ids"),
        (failure("request timed out", true), "not-connected no-answer with ids"),
        (failure("request timed out", false), "not-connected no-answer without ids"),
        (failure("call to +14165550100 failed", false), "not-connected failed without ids"),
    ];
    play(rows, LONG, 1).await;
}

#[tokio::test]
async fn not_dialled_since_the_call_stopped_before_the_callee() {
    let rows = vec![
        (sip(401), "not-dialled sip_401"),
        (sip(403), "not-dialled sip_403"),
        (sip(404), "not-dialled sip_404"),
        (sip(407), "not-dialled sip_407"),
        (sip(484), "not-dialled sip_484"),
        (sip(488), "not-dialled sip_488"),
        (failure("Agent exceeded its daily call limit", false), "not-dialled daily_call_limit_exceeded"),
    ];
    play(rows, LONG, 1).await;
}

#[tokio::test]
async fn not_dialled_since_the_provider_refused() {
    let statuses = ["400", "401", "402", "403", "404", "422", "429"];
    // Every error has `Retry-After: 1`.
    let wait = |status| if status == "429" { " for 1s" } else { "" };
    let expected = statuses.map(|status| {
        let wait = wait(status);
        [format!("not-dialled some_code{wait}"), format!("not-dialled http_{status}{wait}")]
    });
    let mut rows = Vec::new();
    for (status, [with_code, without_code]) in statuses.into_iter().zip(&expected) {
        let status = status.parse().expect("a number");
        rows.extend([
            (error(status, ErrorShape::DetailObject), with_code.as_str()),
            (error(status, ErrorShape::Legacy), with_code),
            (error(status, ErrorShape::List), without_code),
            (error(status, ErrorShape::String), without_code),
        ]);
    }
    play(rows, LONG, 1).await;
}

#[tokio::test]
async fn not_dialled_since_something_is_missing() {
    let simulator = simulator().await;
    let mut with_other_key = settings(&simulator.base_url());
    with_other_key.api_key = "sk_other".into();
    let other_key = ElevenLabs::new(&with_other_key).expect("valid settings");
    assert_eq!(line(&other_key.dial(&request(LONG)).await), "not-dialled unauthorized");

    let provider = ElevenLabs::new(&settings(&simulator.base_url())).expect("valid settings");
    let mut no_agent = request(LONG);
    no_agent.provider_agent_id = ProviderAgentId::parse("missing_1").expect("an id");
    assert_eq!(line(&provider.dial(&no_agent).await), "not-dialled agent_not_found");
    let mut no_number = request(LONG);
    no_number.provider_number_id = ProviderNumberId::parse("missing_1").expect("an id");
    assert_eq!(line(&provider.dial(&no_number).await), "not-dialled phone_number_not_found");
    assert!(simulator.dials().is_empty());
}

#[tokio::test]
async fn not_dialled_since_no_server_listens() {
    play(vec![(Behaviour::RefuseConnections { for_ms: None }, "not-dialled unavailable")], LONG, 0).await;
}

#[tokio::test]
async fn unknown_since_no_response_came_in_time() {
    let rows = vec![
        (Behaviour::Hang, "unknown timed-out"),
        (Behaviour::Answer { after_ms: 10_000 }, "unknown timed-out"),
        (Behaviour::TrickledBody { interval_ms: 50 }, "unknown timed-out"),
    ];
    play(rows, SHORT, 1).await;
}

#[tokio::test]
async fn unknown_since_the_connection_broke() {
    let rows = vec![
        (Behaviour::DropConnection, "unknown connection-lost"),
        (Behaviour::ResetConnection, "unknown connection-lost"),
        (Behaviour::TruncatedBody, "unknown connection-lost"),
    ];
    play(rows, LONG, 1).await;
    for reset in [false, true] {
        play(vec![(Behaviour::CloseOnAccept { reset }, "unknown connection-lost")], LONG, 0).await;
    }
}

#[tokio::test]
async fn unknown_since_the_response_is_not_clear() {
    let mut rows = vec![
        (Behaviour::WrongTypes, "unknown unclear-answer"),
        (Behaviour::NestedBody { depth: 10_000 }, "unknown unclear-answer"),
        (Behaviour::OversizeBody { bytes: 65 * 1024 }, "unknown unclear-answer"),
        (json(""), "unknown unclear-answer"),
        (json("[true]"), "unknown unclear-answer"),
        (json("{}"), "unknown unclear-answer"),
    ];
    for status in [408, 409, 425, 500, 502, 503, 504] {
        for shape in [ErrorShape::DetailObject, ErrorShape::Legacy, ErrorShape::List, ErrorShape::String] {
            rows.push((error(status, shape), "unknown unclear-answer"));
        }
    }
    for status in [200, 201, 202, 400, 401, 402, 403, 404, 422, 429, 502] {
        rows.push((Behaviour::ForeignHtml { status }, "unknown unclear-answer"));
    }
    for status in [301, 302, 303, 307, 308] {
        rows.push((Behaviour::Redirect { status, location: None }, "unknown unclear-answer"));
    }
    play(rows, LONG, 1).await;
}
