//! Calls through the provider that answers when a call is queued, and lets the phone ring after that.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour};

use crate::on_both_backings;
use crate::support::World;

/// The same world, dialling through the other vendor.
fn through_vapi(mut world: World) -> World {
    let base_url = world.simulator.base_url();
    world.set("OUTDIAL_VOICE_PROVIDER", "vapi");
    world.set("OUTDIAL_VAPI_API_KEY", "simulated-private-key");
    world.set("OUTDIAL_VAPI_BASE_URL", base_url);
    world
}

on_both_backings! {
    /// 200 at once; the same ids again without a dial; and the provider's record is found by our id.
    async fn a_call_is_placed_once(world: World) {
        let world = through_vapi(world);
        world.script(Behaviour::Answer { after_ms: 60_000 });
        let gateway = world.start().await;
        let body = json!({ "contactId": "c1", "agentId": "a1", "fromNumber": "+14165550101", "callReason": "Follow up" });
        let first = gateway.client.place(body.clone()).await;
        assert!(first.is_placed_anew(), "{}", first.body);
        let again = gateway.client.place(body).await;
        assert!(again.is_duplicate(), "{}", again.body);
        assert_eq!(first.body["conversationId"], again.body["conversationId"]);

        let dials = world.simulator.dials();
        assert_eq!(dials.len(), 1);
        assert_eq!((dials[0].to_number.as_str(), dials[0].agent_id.as_str()), ("+14165550190", "agent_1"));
        assert_eq!(dials[0].agent_phone_number_id, "phnum_2");
        assert_eq!(dials[0].dynamic_variables["call_reason"], "Follow up");
        assert_eq!(world.simulator.requests().keys().collect::<Vec<_>>(), ["/call"]);

        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("{}/call?phoneNumberId=phnum_2", world.simulator.base_url());
        let listed: Value = http.get(url).bearer_auth("simulated-private-key").send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(listed[0]["name"], first.body["callId"]);
        assert_eq!(listed[0]["id"], first.body["conversationId"]);
        gateway.stop().await;
    }

    /// The phone rings after the answer. A second call for the same intent waits until it can no longer ring, and the lock's
    /// time after that, although the lock's time alone is long over.
    async fn a_phone_that_rings_after_the_answer_is_not_rung_twice(world: World) {
        let mut world = through_vapi(world).with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "2");
        world.script(Behaviour::Answer { after_ms: 1900 });
        let gateway = world.start().await;
        let number = "+14165550182";
        assert!(gateway.client.call_number(number).await.is_placed_anew());
        tokio::time::sleep(Duration::from_millis(1900)).await;
        let again = gateway.client.call_number(number).await;
        assert!(again.is_duplicate(), "the phone may ring yet: {}", again.body);
        assert_eq!(world.simulator.dials_to(number), 1);
        tokio::time::sleep(Duration::from_millis(1900)).await;
        assert!(gateway.client.call_number(number).await.is_placed_anew(), "after 2 s of ringing and 1.5 s of lock");
        gateway.stop().await;
    }

    /// What is known of a dial answers as it does with the provider that waits.
    async fn each_outcome_has_its_code(world: World) {
        let mut world = through_vapi(world);
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
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
            client.call_number(number).await.assert(500, code);
            assert_eq!(world.simulator.dials_to(number), dials, "{number}");
            world.script(Behaviour::Busy { after_ms: 0 });
            let again = client.call_number(number).await;
            match code {
                "PROVIDER_REJECTED" => assert!(again.is_placed_anew(), "a refusal frees the key: {}", again.body),
                _ => assert!(again.is_in_flight(), "the phone may ring: {}", again.body),
            }
        }
        world.simulator.refuse_connections(true).await;
        client.call_number("+14165550175").await.assert(500, "PROVIDER_UNAVAILABLE");
        gateway.stop().await;
    }

    /// No webhook comes from this vendor: what became of the callee is asked for, and asking does not dial.
    async fn what_became_of_a_call_comes_into_the_books(world: World) {
        let mut world = through_vapi(world).with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.set("OUTDIAL_WEBHOOK_WITHIN_SECS", "1");
        let gateway = world.start().await;
        let place = async |number: &str, behaviour: Behaviour| {
            world.script(behaviour);
            let placed = gateway.client.call_number(number).await;
            assert!(placed.is_placed_anew(), "{}", placed.body);
            let call_id = placed.body["callId"].as_str().expect("a call").to_owned();
            let read = gateway.client.read(&call_id).await.body;
            assert_eq!(read["call"]["status"], "ringing", "it is queued, and nobody has answered: {read}");
            (call_id, placed.body["conversationId"].clone())
        };
        let (busy, conversation) = place("+14165550183", Behaviour::Busy { after_ms: 20 }).await;
        let read = gateway.client.read_until(&busy, "busy").await;
        assert_eq!(read["providerCallId"], conversation, "{read}");
        let (answered, _) = place("+14165550184", Behaviour::Answer { after_ms: 20 }).await;
        let read = gateway.client.read_until(&answered, "completed").await;
        assert!(read["duration"].is_number(), "{read}");
        assert_eq!(world.simulator.dials().len(), 2, "to ask is not to dial");
        gateway.stop().await;
    }

    /// The answer to the dial is lost, and with it the vendor's id of the call: it is found by ours.
    async fn a_call_of_unknown_outcome_is_found_by_our_id(world: World) {
        let mut world = through_vapi(world).with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        let call = ScriptedBehaviour::new(Behaviour::DropConnection).call(CallOutcome::Busy);
        world.simulator.script(call);
        let gateway = world.start().await;
        let unknown = gateway.client.call_number("+14165550185").await;
        unknown.assert(500, "CALL_OUTCOME_UNKNOWN");
        let call_id = unknown.body["callId"].as_str().expect("it is in the books").to_owned();
        gateway.client.read_until(&call_id, "busy").await;
        assert_eq!(world.simulator.dials().len(), 1, "to ask is not to dial");
        gateway.stop().await;
    }
}
