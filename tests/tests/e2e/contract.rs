//! Every status and every code that the contract and our documentation name, from the real thing.

use serde_json::{Value, json};
use simulator::Behaviour;

use crate::on_both_backings;
use crate::support::Answer;

on_both_backings! {
    /// 200, with the contract's fields and our `callId`; then the same ids again without a dial.
    async fn a_call_is_placed_once_and_then_answered_from_its_result(world: World) {
        world.script(Behaviour::Answer { after_ms: 20 });
        let gateway = world.start().await;
        let body = json!({ "contactId": "c1", "agentId": "a1", "fromNumber": "+14165550101", "callReason": "Follow up" });
        let first = gateway.client.place(body.clone()).await;
        assert!(first.is_placed_anew(), "{}", first.body);
        assert_eq!(first.body["success"], true);
        assert_eq!(first.body["message"], "AI call initiated");
        assert!(first.body["conversationId"].as_str().expect("text").starts_with("conv_"));
        assert!(first.body["sipCallId"].as_str().expect("text").starts_with("otb_"));
        let call_id = first.body["callId"].as_str().expect("text");
        assert!(call_id.len() == 24 && call_id.bytes().all(|b| b.is_ascii_hexdigit()), "{call_id}");

        let again = gateway.client.place(body).await;
        assert!(again.is_duplicate(), "{}", again.body);
        for field in ["conversationId", "sipCallId", "callId", "message"] {
            assert_eq!(first.body[field], again.body[field], "{field}");
        }
        let other_words = json!({ "phoneNumber": "14165550190", "callReason": "Something else" });
        assert!(gateway.client.place(other_words).await.is_duplicate(), "number and reason are not in the key");

        let dials = world.simulator.dials();
        assert_eq!(dials.len(), 1);
        assert_eq!(dials[0].to_number, "+14165550190");
        assert_eq!(dials[0].agent_phone_number_id, "phnum_2");
        assert_eq!(dials[0].user_id.as_deref(), Some(call_id));
        gateway.stop().await;
    }

    /// 400, 401 and 404, each with its code, and nothing dialled.
    async fn each_refusal_has_its_code(world: World) {
        let gateway = world.start().await;
        let client = &gateway.client;
        let number = "+14165550191";
        for (user, body, status, code) in [
            ("u1", json!({}), 400, "CONTACT_OR_PHONE_REQUIRED"),
            ("u1", json!({ "contactId": 7 }), 400, "VALIDATION_FAILED"),
            ("u1", json!({ "phoneNumber": number, "callReason": "\u{0}" }), 400, "VALIDATION_FAILED"),
            ("u1", json!({ "phoneNumber": "12" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "911" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "+19005550100" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "+881612345678" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "+14165550100" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "+14165550104" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "contactId": "c1-own" }), 400, "DESTINATION_NOT_ALLOWED"),
            ("u1", json!({ "phoneNumber": "not a number" }), 400, "INVALID_PHONE_NUMBER"),
            ("u1", json!({ "contactId": "c1-phoneless" }), 400, "CONTACT_HAS_NO_PHONE"),
            ("u1", json!({ "contactId": "c1", "phoneNumber": number }), 400, "CONTACT_PHONE_MISMATCH"),
            ("u1", json!({ "contactId": "c1", "agentId": "nobody" }), 400, "AGENT_NOT_FOUND"),
            ("u1", json!({ "contactId": "c1", "agentId": "a1-unsynced" }), 400, "AGENT_NOT_SYNCED"),
            ("u1", json!({ "contactId": "c1", "agentId": "a1-silent" }), 400, "NO_VOICE_AGENT"),
            ("u3", json!({ "phoneNumber": number }), 400, "NO_VOICE_AGENT"),
            ("u4", json!({ "phoneNumber": number }), 400, "AGENT_NOT_SYNCED"),
            ("u1-numberless", json!({ "contactId": "c1" }), 400, "NO_AI_ENABLED_NUMBER"),
            ("u1-off-trunk", json!({ "contactId": "c1" }), 400, "NUMBER_NOT_ON_TRUNK"),
            ("u1", json!({ "contactId": "c1", "fromNumber": "+14165550103" }), 400, "NUMBER_NOT_ON_TRUNK"),
            ("u1", json!({ "contactId": "c1", "fromNumber": "+14165550102" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
            ("u1", json!({ "contactId": "c1", "fromNumber": "+14165550104" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
            ("u1", json!({ "contactId": "c1", "fromNumber": "+14165550199" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
            ("u1", json!({ "contactId": "nobody" }), 404, "CONTACT_NOT_FOUND"),
            ("nobody", json!({ "contactId": "c1" }), 404, "USER_NOT_FOUND"),
        ] {
            let answer = client.of_user(user).place(body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{user} {body}: {}", answer.body);
            assert_eq!(answer.body["success"], false);
            let error = &answer.body["error"];
            match code {
                "VALIDATION_FAILED" => {
                    assert_eq!(error["code"], code);
                    assert!(error["details"].as_array().is_some_and(|details| !details.is_empty()), "{error}");
                }
                _ => assert!(error.is_string(), "{error}"),
            }
        }
        assert_eq!(world.simulator.requests().len(), 0, "a refusal never reaches the provider");
        gateway.stop().await;
    }

    /// 401 comes before the body is looked at.
    async fn without_a_token_nothing_is_looked_at(world: World) {
        let gateway = world.start().await;
        let url = format!("http://{}/api/calls/ai/outbound", gateway.address());
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let bearer = format!("Bearer {}x", gateway.client.token());
        for (name, value) in [("x-nothing", "at all"), ("authorization", "Basic dTE6"), ("authorization", bearer.as_str())] {
            let response = http.post(&url).header(name, value).body("{ no JSON").send().await.expect("an answer");
            assert_eq!(response.status(), 401);
            assert!(response.headers().contains_key("www-authenticate"));
            let body: Value = response.json().await.expect("the envelope");
            assert_eq!((&body["success"], &body["code"]), (&json!(false), &json!("UNAUTHORIZED")));
        }
        gateway.stop().await;
    }

    /// 500, each with its code, and what a retry then does.
    async fn each_failure_of_the_provider_has_its_code(world: World) {
        let gateway = world.start().await;
        let client = &gateway.client;

        world.script(Behaviour::http_error(402));
        client.call_number("+14165550192").await.assert(500, "PROVIDER_REJECTED");
        world.script(Behaviour::Answer { after_ms: 10 });
        assert!(client.call_number("+14165550192").await.is_placed_anew(), "a refusal frees the lock at once");

        world.script(Behaviour::Busy { after_ms: 10 });
        let busy = client.call_number("+14165550193").await;
        busy.assert(500, "CALL_NOT_CONNECTED");
        assert_eq!(busy.body["reason"], "busy");
        let again: Answer = client.call_number("+14165550193").await;
        again.assert(500, "CALL_NOT_CONNECTED");
        assert_eq!(busy.body["conversationId"], again.body["conversationId"]);

        world.script(Behaviour::http_error(503));
        client.call_number("+14165550194").await.assert(500, "CALL_OUTCOME_UNKNOWN");
        let again = client.call_number("+14165550194").await;
        assert!(again.is_in_flight(), "{}", again.body);
        assert!(again.retry_after() >= 1);
        assert_eq!(world.simulator.dials_to("+14165550194"), 1);

        world.simulator.refuse_connections(true).await;
        client.call_number("+14165550195").await.assert(500, "PROVIDER_UNAVAILABLE");
        world.simulator.refuse_connections(false).await;
        world.script(Behaviour::Answer { after_ms: 10 });
        assert!(client.call_number("+14165550195").await.is_placed_anew(), "nobody was rung, so a retry may");
        gateway.stop().await;
    }

    /// Another tenant's ids are those of nobody; the answer does not tell them apart.
    async fn another_tenants_things_do_not_exist(world: World) {
        let gateway = world.start().await;
        let client = &gateway.client;
        for (foreign, unknown) in [
            (json!({ "contactId": "c2" }), json!({ "contactId": "c9" })),
            (json!({ "contactId": "c1", "agentId": "a2" }), json!({ "contactId": "c1", "agentId": "a9" })),
            (json!({ "contactId": "c1", "fromNumber": "+14165550106" }), json!({ "contactId": "c1", "fromNumber": "+14165550199" })),
        ] {
            let (foreign, unknown) = (client.place(foreign).await, client.place(unknown).await);
            assert_eq!((foreign.status, foreign.body), (unknown.status, unknown.body));
        }
        assert_eq!(world.simulator.dials().len(), 0);

        world.script(Behaviour::Answer { after_ms: 10 });
        assert!(client.call_number("+14165550196").await.is_placed_anew());
        assert!(client.of_user("u2").call_number("+14165550196").await.is_placed_anew(), "tenants do not share a lock");
        assert!(client.of_user("u1b").call_number("+14165550196").await.is_placed_anew(), "nor do two users of one");
        assert!(
            client.place(json!({ "phoneNumber": "+14165550196", "agentId": "a1-second" })).await.is_placed_anew(),
            "nor two agents"
        );
        gateway.stop().await;
    }
}
