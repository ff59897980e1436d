//! Calls through Vapi, which responds as soon as a call is queued. The phone rings after the
//! response.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour};
use testkit::eventually;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{World, http_client};

const API_KEY: &str = "simulated-private-key";

/// A world whose gateways dial through Vapi.
async fn vapi_world(backing: Backing) -> World {
    let world = World::new(backing).await;
    let base_url = world.simulator.base_url();
    world
        .with("OUTDIAL_VOICE_PROVIDER", "vapi")
        .with("OUTDIAL_VAPI_API_KEY", API_KEY)
        .with("OUTDIAL_VAPI_BASE_URL", base_url)
}

/// The first request gets 200, and a second one the same ids without a dial. The provider lists
/// the call under our id.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_placed_once_and_listed_under_our_id(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = vapi_world(backing).await;
    world.script(Behaviour::Answer { after_ms: 60_000 });
    let gateway = world.start().await;
    let body = json!({
        "contactId": "c1",
        "agentId": "a1",
        "fromNumber": "+14165550101",
        "callReason": "Follow up",
    });
    let first = gateway.client.place(body.clone()).await;
    assert!(first.is_new_call(), "{}", first.body);
    let again = gateway.client.place(body).await;
    assert!(again.is_duplicate(), "{}", again.body);
    assert_eq!(first.body["conversationId"], again.body["conversationId"]);

    let dials = world.simulator.dials();
    assert_eq!(dials.len(), 1);
    assert_eq!((dials[0].to_number.as_str(), dials[0].agent_id.as_str()), ("+14165550190", "agent_1"));
    assert_eq!(dials[0].agent_phone_number_id, "phnum_2");
    assert_eq!(dials[0].dynamic_variables["call_reason"], "Follow up");
    assert_eq!(world.simulator.requests().keys().collect::<Vec<_>>(), ["/call"]);

    let url = format!("{}/call?phoneNumberId=phnum_2", world.simulator.base_url());
    let request = http_client().get(url).bearer_auth(API_KEY);
    let response = request.send().await.expect("the simulator responds");
    let calls: Value = response.json().await.expect("the list of calls is JSON");
    assert_eq!(calls[0]["name"], first.body["callId"]);
    assert_eq!(calls[0]["id"], first.body["conversationId"]);
    gateway.stop().await;
}

/// A number of a carrier that this provider serves and the other one does not, as it is in the
/// directory.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_another_carrier_places_calls(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let body = json!({ "contactId": "c1", "fromNumber": "+14165550102" });
    let world = vapi_world(backing).await;
    world.script(Behaviour::Answer { after_ms: 0 });
    let gateway = world.start().await;
    let placed = gateway.client.place(body.clone()).await;
    assert!(placed.is_new_call(), "{}", placed.body);
    assert_eq!(world.simulator.dials()[0].agent_phone_number_id, "phnum_3");
    gateway.stop().await;

    let world = World::new(backing).await;
    let gateway = world.start().await;
    let refused = gateway.client.place(body).await;
    refused.assert_error(400, "FROM_NUMBER_NOT_AVAILABLE");
    let sentence = refused.body["error"].as_str().expect("a sentence");
    assert!(sentence.contains("the carrier twilio, which the voice provider does not serve"), "{sentence}");
    gateway.stop().await;
}

/// A second request for the same intent leads to no dial until the phone can no longer ring and the
/// lock's lifetime has passed after that. The lock's lifetime alone is not enough.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_rings_after_the_response_is_not_rung_twice(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = vapi_world(backing).await.with_short_lock().with("OUTDIAL_RINGING_TIMEOUT_SECS", "2");
    world.script(Behaviour::Answer { after_ms: 1900 });
    let gateway = world.start().await;
    let number = "+14165550182";
    assert!(gateway.client.call_number(number).await.is_new_call());
    sleep(Duration::from_millis(1900)).await;
    let again = gateway.client.call_number(number).await;
    assert!(again.is_duplicate(), "the phone may still ring: {}", again.body);
    assert_eq!(world.simulator.dials_to(number), 1);
    sleep(Duration::from_millis(1900)).await;
    let later = gateway.client.call_number(number).await;
    assert!(later.is_new_call(), "2 s of ringing and 1.5 s of lock have passed: {}", later.body);
    gateway.stop().await;
}

/// The codes are those of the provider that responds after the phone was answered.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_outcome_has_its_code(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = vapi_world(backing).await.with("OUTDIAL_ANSWER_MARGIN_SECS", "1");
    let gateway = world.start().await;
    let client = &gateway.client;
    for (number, behaviour, code, dials) in [
        ("+14165550170", Behaviour::ConcurrencyBlocked, "PROVIDER_REJECTED", 0),
        ("+14165550171", Behaviour::http_error(402), "PROVIDER_REJECTED", 0),
        ("+14165550172", Behaviour::http_error(503), "CALL_OUTCOME_UNKNOWN", 1),
        ("+14165550173", Behaviour::Hang, "CALL_OUTCOME_UNKNOWN", 1),
        ("+14165550174", Behaviour::Redirect { status: 307, location: None }, "CALL_OUTCOME_UNKNOWN", 1),
    ] {
        world.script(behaviour);
        client.call_number(number).await.assert_error(500, code);
        assert_eq!(world.simulator.dials_to(number), dials, "{number}");
        world.script(Behaviour::Busy { after_ms: 0 });
        let again = client.call_number(number).await;
        match code {
            "PROVIDER_REJECTED" => assert!(again.is_new_call(), "the intent is free again: {}", again.body),
            _ => assert!(again.is_in_flight(), "the phone may ring: {}", again.body),
        }
    }
    world.simulator.refuse_connections(true).await;
    client.call_number("+14165550175").await.assert_error(500, "PROVIDER_UNAVAILABLE");
    gateway.stop().await;
}

/// The vendor responds that it queued the call, and its record then says that the call never
/// started. The call has failed with that reason. Its reservation runs out like that of any other
/// call: duplicates get its ids until then, and a later request dials.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_accepted_and_never_started_has_failed_with_that_reason(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = vapi_world(backing).await.with_short_lock().with_short_ringing();
    let world = world.with_frequent_reconciliation();
    world.script(Behaviour::ConcurrencyBlockedLater);
    let gateway = world.start().await;
    let number = "+14165550186";
    let accepted = gateway.client.call_number(number).await;
    assert!(accepted.is_new_call(), "{}", accepted.body);
    let again = gateway.client.call_number(number).await;
    assert!(again.is_duplicate(), "the reservation holds: {}", again.body);
    let call = gateway.client.read_call_when(&accepted.call_id(), "failed").await;
    assert_eq!(call["providerCode"], "call.start.error-subscription-concurrency-limit-reached", "{call}");
    assert_eq!(world.simulator.dials_to(number), 1, "asking does not dial");
    eventually("the reservation ends, and the intent is dialled again", async || {
        gateway.client.call_number(number).await.is_new_call()
    })
    .await;
    gateway.stop().await;
}

/// Either vendor refuses with 429 and `Retry-After`. The client gets the time, the intent is free
/// immediately, and the refused call is in the ledger.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_for_now_says_when_to_ask_again(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    for world in [vapi_world(backing).await, World::new(backing).await] {
        let number = "+14165550156";
        let gateway = world.start().await;
        let refused = gateway.client.call_number(number).await;
        refused.assert_error(500, "PROVIDER_REJECTED");
        assert_eq!(refused.retry_after(), 7, "{}", refused.body);
        assert_eq!(gateway.client.read_call(&refused.call_id()).await["status"], "failed");
        world.script(Behaviour::Answer { after_ms: 0 });
        let placed = gateway.client.call_number(number).await;
        assert!(placed.is_new_call(), "the intent is free: {}", placed.body);
        assert_eq!(world.simulator.dials_to(number), 1);
        gateway.stop().await;
    }
}

/// Vapi sends no webhooks to the gateway, so the gateway asks how a call ended. Asking does not
/// dial.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_call_is_requested_and_recorded(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = vapi_world(backing).await.with_short_lock().with_short_ringing();
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "1");
    let gateway = world.start().await;
    let place = async |number: &str, behaviour: Behaviour| {
        world.script(behaviour);
        let placed = gateway.client.call_number(number).await;
        assert!(placed.is_new_call(), "{}", placed.body);
        let call = gateway.client.read_call(&placed.call_id()).await;
        assert_eq!(call["status"], "ringing", "the call is queued and not answered: {call}");
        (placed.call_id(), placed.body["conversationId"].clone())
    };
    let (busy, conversation) = place("+14165550183", Behaviour::Busy { after_ms: 20 }).await;
    let call = gateway.client.read_call_when(&busy, "busy").await;
    assert_eq!(call["providerCallId"], conversation, "{call}");
    let (answered, _) = place("+14165550184", Behaviour::Answer { after_ms: 20 }).await;
    let call = gateway.client.read_call_when(&answered, "completed").await;
    assert!(call["duration"].is_number(), "{call}");
    assert_eq!(world.simulator.dials().len(), 2, "reconciliation does not dial");
    gateway.stop().await;
}

/// The response to the dial is lost, and the vendor's id of the call with it. The gateway finds the
/// provider's record by our call id.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_unknown_outcome_is_found_by_our_id(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = vapi_world(backing).await.with_short_lock();
    let world = world.with_short_ringing().with_frequent_reconciliation();
    world.simulator.script(ScriptedBehaviour::new(Behaviour::DropConnection).call(CallOutcome::Busy));
    let gateway = world.start().await;
    let unknown = gateway.client.call_number("+14165550185").await;
    unknown.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    gateway.client.read_call_when(&unknown.call_id(), "busy").await;
    assert_eq!(world.simulator.dials().len(), 1, "reconciliation does not dial");
    gateway.stop().await;
}
