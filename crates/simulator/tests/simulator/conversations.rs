//! The records of calls.

use std::collections::HashSet;

use serde_json::json;
use simulator::{Behaviour, ScriptedBehaviour, Settings};

use crate::sandbox::{CALLEE, SIP_TRUNK, Sandbox, call_to, json_of, magic};

#[tokio::test]
async fn a_conversation_goes_through_every_status() {
    // Each step must last long enough to be observed on a busy machine.
    let sandbox = Sandbox::with(Settings { time_scale: 3.0, ..Settings::default() }).await;
    sandbox.simulator.script(ScriptedBehaviour::new(Behaviour::Decline { after_ms: 300 }).to(CALLEE));
    let (response, initiated) = tokio::join!(sandbox.dial_json(CALLEE), async {
        while sandbox.simulator.dials().is_empty() {
            tokio::task::yield_now().await;
        }
        let id = sandbox.simulator.dials()[0].conversation_id.clone();
        sandbox.get_json(&format!("/v1/convai/conversations/{id}")).await
    });
    assert_eq!(initiated["status"], "initiated");
    assert_eq!(initiated["conversation_id"], response["conversation_id"]);

    let response = sandbox.dial_json(magic("answers_at_once")).await;
    let id = response["conversation_id"].as_str().expect("an id");
    let talking = sandbox.conversation_at(id, "in-progress").await;
    assert_eq!((&talking["transcript"], &talking["analysis"]), (&json!([]), &json!(null)));
    sandbox.conversation_at(id, "processing").await;
    let done = sandbox.conversation_at(id, "done").await;

    for key in ["agent_id", "has_audio", "has_user_audio", "has_response_audio", "has_auxiliary_audio"] {
        assert!(!done[key].is_null(), "{key}");
    }
    assert_eq!(done["user_id"], "call-1");
    let variables = &done["conversation_initiation_client_data"]["dynamic_variables"];
    assert_eq!((&variables["org_name"], &variables["system__conversation_id"]), (&json!("Acme"), &json!(id)));
    assert_eq!(done["transcript"][0]["role"], "agent");
    assert_eq!(done["analysis"]["call_successful"], "success");
    let metadata = &done["metadata"];
    assert!(metadata["start_time_unix_secs"].is_u64() && metadata["accepted_time_unix_secs"].is_u64());
    assert!(metadata["call_duration_secs"].as_u64().is_some_and(|secs| secs > 0));
    assert!(metadata["error"].is_null());
    assert_eq!(
        metadata["phone_call"],
        json!({ "type": "sip_trunking", "direction": "outbound", "agent_number": "+14165550100",
            "phone_number_id": simulator::DEMO_PHONE_NUMBER_ID, "external_number": magic("answers_at_once"),
            "call_sid": "", "call_id": response["sip_call_id"] })
    );
}

#[tokio::test]
async fn failed_calls_report_a_reason() {
    let sandbox = Sandbox::start().await;
    for (name, code) in
        [("busy", 486), ("domain_unavailable", 404), ("daily_limit", 4300), ("sip_timeout", 1011)]
    {
        let response = sandbox.dial_json(magic(name)).await;
        let id = response["conversation_id"].as_str().expect("an id");
        let record = sandbox.conversation_at(id, "failed").await;
        let metadata = &record["metadata"];
        assert_eq!(metadata["error"]["code"], code, "{name}");
        assert_eq!(metadata["error"]["reason"], response["message"], "{name}");
        assert_eq!(metadata["error"]["error_type"], "call_initialization_error", "{name}");
        assert_eq!(metadata["call_duration_secs"], 0, "{name}");
        assert!(metadata["accepted_time_unix_secs"].is_null() && record["analysis"].is_null(), "{name}");
    }
}

#[tokio::test]
async fn a_call_whose_ids_were_not_reported_is_found_by_user_id() {
    let sandbox = Sandbox::start().await;
    sandbox.dial_json(magic("success_without_ids")).await;
    let mut other = call_to(CALLEE);
    other["conversation_initiation_client_data"]["user_id"] = json!("call-2");
    sandbox.post(SIP_TRUNK, &other).await;

    let found = sandbox.conversations_of("call-1").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["conversation_id"], sandbox.simulator.dials()[0].conversation_id);
    assert_eq!(sandbox.conversations_of("call-3").await.len(), 0);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let sandbox = Sandbox::start_with_any_id().await;
    for index in 0..5 {
        let mut call = call_to(magic("answers_at_once"));
        call["agent_id"] = json!(format!("agent_{}", index % 2));
        sandbox.post(SIP_TRUNK, &call).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/convai/conversations?page_size=2".to_owned();
    loop {
        let page = sandbox.get_json(&path).await;
        let listed = page["conversations"].as_array().expect("a list");
        seen.extend(listed.iter().map(|item| item["conversation_id"].as_str().expect("an id").to_owned()));
        assert_eq!(page["has_more"].as_bool(), Some(page["next_cursor"].is_string()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/convai/conversations?page_size=2&cursor={cursor}");
    }
    let newest_first: Vec<_> =
        sandbox.simulator.dials().into_iter().rev().map(|dial| dial.conversation_id).collect();
    assert_eq!(seen, newest_first);
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 5);

    let count = async |filter: &str| {
        let list = sandbox.get_json(&format!("/v1/convai/conversations?{filter}")).await;
        list["conversations"].as_array().expect("a list").len()
    };
    assert_eq!(count("agent_id=agent_1").await, 2);
    assert_eq!(count("user_id=call-1&agent_id=agent_0").await, 3);
    assert_eq!(count("call_start_after_unix=4000000000").await, 0);
    assert_eq!(count("call_start_before_unix=4000000000").await, 5);
    assert_eq!(count("call_start_before_unix=1000000000").await, 0);
}

#[tokio::test]
async fn unknown_conversations_and_bad_pages_are_refused() {
    let sandbox = Sandbox::start().await;
    let response = sandbox.get("/v1/convai/conversations/bogus").await;
    assert_eq!(response.status(), 404);
    let detail = &json_of(response).await["detail"];
    assert_eq!(detail["code"], "conversation_not_found");
    assert_eq!(detail["status"], "conversation_history_not_found");
    for (query, code) in [("page_size=101", "invalid_page_size"), ("cursor=%21", "invalid_cursor")] {
        let response = sandbox.get(&format!("/v1/convai/conversations?{query}")).await;
        assert_eq!(response.status(), 400);
        assert_eq!(json_of(response).await["detail"]["code"], code);
    }
}
