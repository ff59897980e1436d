//! Every status and every error code that the contract and our documentation name.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::Behaviour;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{World, http_client};

/// The first request gets 200 with the contract's fields and our `callId`. Later requests for the
/// same intent get the same ids, without a dial.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_of_a_placed_call_get_its_result_without_a_dial(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 20 });
    let gateway = world.start().await;
    let body = json!({
        "contactId": "c1",
        "agentId": "a1",
        "fromNumber": "+14165550101",
        "callReason": "Follow up",
    });
    let first = gateway.client.place(body.clone()).await;
    assert!(first.is_new_call(), "{}", first.body);
    assert_eq!(first.body["success"], true);
    assert_eq!(first.body["message"], "AI call initiated");
    assert!(first.body["conversationId"].as_str().expect("a string").starts_with("conv_"));
    assert!(first.body["sipCallId"].as_str().expect("a string").starts_with("otb_"));
    let call_id = first.call_id();
    assert!(call_id.len() == 24 && call_id.bytes().all(|b| b.is_ascii_hexdigit()), "{call_id}");

    let again = gateway.client.place(body).await;
    assert!(again.is_duplicate(), "{}", again.body);
    for field in ["conversationId", "sipCallId", "callId", "message"] {
        assert_eq!(first.body[field], again.body[field], "{field}");
    }
    let same_intent = json!({ "phoneNumber": "14165550190", "callReason": "Something else" });
    let same_intent = gateway.client.place(same_intent).await;
    assert!(same_intent.is_duplicate(), "format and reason are not part of the intent: {}", same_intent.body);

    let dials = world.simulator.dials();
    assert_eq!(dials.len(), 1);
    assert_eq!(dials[0].to_number, "+14165550190");
    assert_eq!(dials[0].agent_phone_number_id, "phnum_2");
    assert_eq!(dials[0].user_id.as_deref(), Some(call_id.as_str()));
    gateway.stop().await;
}

/// Separators and invisible marks are not part of a number that has its country code. Every other
/// spelling is refused with its cause and what to write.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_read_as_people_write_them(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 20 });
    let gateway = world.start().await;
    let first = json!({ "phoneNumber": "+1 (416) 555-0190", "fromNumber": "+1\u{a0}416-555-0101" });
    assert!(gateway.client.place(first).await.is_new_call());
    let spellings = [
        " +14165550190",
        "+1-416-555-0190",
        "\u{202a}+14165550190\u{202c}",
        "\u{200e}+14165550190",
        "0014165550190",
    ];
    for spelling in spellings {
        let response = gateway.client.call_number(spelling).await;
        assert!(response.is_duplicate(), "{spelling:?}: {}", response.body);
    }
    let dials = world.simulator.dials();
    assert_eq!((dials.len(), dials[0].to_number.as_str()), (1, "+14165550190"));
    assert_eq!(dials[0].agent_phone_number_id, "phnum_2");

    for (spelling, cause, remedy) in [
        ("tel:+14165550190", "letters", "write the number alone"),
        ("p:+14165550190", "letters", "write the number alone"),
        ("(416) 555-0190", "separators", "write +"),
        ("+44 (0)20 7946 0018", "a 0 in brackets", "leave it out"),
        ("+14165550190/91", "two numbers", "write one number"),
        ("+1 416 555 019", "number range", "check the country code"),
    ] {
        let response = gateway.client.call_number(spelling).await;
        response.assert_error(400, "INVALID_PHONE_NUMBER");
        let error = response.body["error"].as_str().expect("a sentence");
        assert!(
            error.contains(cause) && error.contains(remedy) && !error.contains("416"),
            "{spelling}: {error}"
        );
    }
    gateway.stop().await;
}

/// 400 and 404, each with its code. A refusal dials nothing and creates no contact.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_has_its_code(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start().await;
    let client = &gateway.client;
    let (number, contacts) = ("+14165550191", world.count_contacts().await);
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
        ("u1", json!({ "phoneNumber": "+18765550191" }), 400, "COUNTRY_NOT_ALLOWED"),
        ("u1", json!({ "phoneNumber": "+442079460018" }), 400, "COUNTRY_NOT_ALLOWED"),
        ("u1", json!({ "phoneNumber": "6465550123" }), 400, "INVALID_PHONE_NUMBER"),
        ("u1", json!({ "phoneNumber": "not a number" }), 400, "INVALID_PHONE_NUMBER"),
        ("u1", json!({ "contactId": "c1-phoneless" }), 400, "CONTACT_HAS_NO_PHONE"),
        ("u1", json!({ "contactId": "c1", "phoneNumber": number }), 400, "CONTACT_PHONE_MISMATCH"),
        ("u1", json!({ "contactId": "c1", "agentId": "unknown" }), 400, "AGENT_NOT_FOUND"),
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
        ("u1", json!({ "contactId": "unknown" }), 404, "CONTACT_NOT_FOUND"),
        ("unknown", json!({ "contactId": "c1" }), 404, "USER_NOT_FOUND"),
    ] {
        let response = client.of_user(user).place(body.clone()).await;
        let status_and_code = (response.status.as_u16(), response.code());
        assert_eq!(status_and_code, (status, code), "{user} {body}: {}", response.body);
        assert_eq!(response.body["success"], false);
        let error = &response.body["error"];
        match code {
            "VALIDATION_FAILED" => {
                assert_eq!(error["code"], code);
                assert!(error["details"].as_array().is_some_and(|details| !details.is_empty()), "{error}");
            }
            _ => assert!(error.is_string(), "{error}"),
        }
    }
    assert_eq!(world.simulator.requests().len(), 0, "a refusal never reaches the provider");
    assert_eq!(world.count_contacts().await, contacts);
    gateway.stop().await;
}

/// The response is 401 although the body is not JSON either.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_a_token_is_refused_before_its_body_is_read(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let gateway = world.start().await;
    let url = format!("http://{}/api/calls/ai/outbound", gateway.client.address());
    let bad_signature = format!("Bearer {}x", gateway.client.token());
    for (header, value) in
        [("x-unrelated", "value"), ("authorization", "Basic dTE6"), ("authorization", bad_signature.as_str())]
    {
        let request = http_client().post(&url).header(header, value).body("{ no JSON");
        let response = request.send().await.expect("the gateway responds");
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key("www-authenticate"));
        let body: Value = response.json().await.expect("the error envelope is JSON");
        assert_eq!((&body["success"], &body["code"]), (&json!(false), &json!("UNAUTHORIZED")));
    }
    gateway.stop().await;
}

/// 500, each with its code. Also: which requests after a failure lead to a new dial.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_of_the_provider_has_its_code(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start().await;
    let client = &gateway.client;

    world.script(Behaviour::http_error(402));
    client.call_number("+14165550192").await.assert_error(500, "PROVIDER_REJECTED");
    world.script(Behaviour::Answer { after_ms: 10 });
    assert!(
        client.call_number("+14165550192").await.is_new_call(),
        "a refusal by the provider releases the intent"
    );

    world.script(Behaviour::Busy { after_ms: 10 });
    let busy = client.call_number("+14165550193").await;
    busy.assert_error(500, "CALL_NOT_CONNECTED");
    assert_eq!(busy.body["reason"], "busy");
    let again = client.call_number("+14165550193").await;
    again.assert_error(500, "CALL_NOT_CONNECTED");
    assert_eq!(busy.body["conversationId"], again.body["conversationId"]);

    world.script(Behaviour::http_error(503));
    client.call_number("+14165550194").await.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    let again = client.call_number("+14165550194").await;
    assert!(again.is_in_flight(), "{}", again.body);
    assert!(again.retry_after() >= 1);
    assert_eq!(world.simulator.dials_to("+14165550194"), 1);

    world.simulator.refuse_connections(true).await;
    client.call_number("+14165550195").await.assert_error(500, "PROVIDER_UNAVAILABLE");
    world.simulator.refuse_connections(false).await;
    world.script(Behaviour::Answer { after_ms: 10 });
    assert!(client.call_number("+14165550195").await.is_new_call(), "no phone rang, so a retry dials");
    gateway.stop().await;
}

/// A request gets the same response for an id of another tenant as for an unknown id.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tenants_records_do_not_exist(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start().await;
    let client = &gateway.client;
    for (foreign, unknown) in [
        (json!({ "contactId": "c2" }), json!({ "contactId": "c9" })),
        (json!({ "contactId": "c1", "agentId": "a2" }), json!({ "contactId": "c1", "agentId": "a9" })),
        (
            json!({ "contactId": "c1", "fromNumber": "+14165550106" }),
            json!({ "contactId": "c1", "fromNumber": "+14165550199" }),
        ),
    ] {
        let (foreign, unknown) = (client.place(foreign).await, client.place(unknown).await);
        assert_eq!((foreign.status, foreign.body), (unknown.status, unknown.body));
    }
    assert_eq!(world.simulator.dials().len(), 0);

    world.script(Behaviour::Answer { after_ms: 10 });
    let number = "+14165550196";
    assert!(client.call_number(number).await.is_new_call());
    let other_tenant = client.of_user("u2").call_number(number).await;
    assert!(other_tenant.is_new_call(), "tenants do not share an intent: {}", other_tenant.body);
    let other_user = client.of_user("u1b").call_number(number).await;
    assert!(other_user.is_new_call(), "users do not share an intent: {}", other_user.body);
    let other_agent = client.place(json!({ "phoneNumber": number, "agentId": "a1-second" })).await;
    assert!(other_agent.is_new_call(), "agents do not share an intent: {}", other_agent.body);
    gateway.stop().await;
}
