//! Inbound calls: the voice provider asks the gateway who the caller is.

use rstest::rstest;
use serde_json::json;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{TOOL_SECRET, World};

const PATH: &str = "/api/webhook/elevenlabs/personalization";

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_learns_who_calls(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start().await;
    let ask = async |body| gateway.client.post_with_bearer(PATH, TOOL_SECRET, &body).await;
    let variables = json!({
        "caller_name": "Ada Lovelace",
        "caller_number": "+14165550190",
        "org_name": "Analytical Engines",
    });

    let request_of_the_contract = json!({
        "conversation_id": "conv_in_1",
        "caller_id": "+14165550190",
        "called_id": "+14165550100",
        "agent_id": "agent_1",
    });
    let response = ask(request_of_the_contract).await;
    assert_eq!((response.status.as_u16(), response.body), (200, variables.clone()));

    let request_of_the_vendor = json!({
        "caller_id": "+14165550190",
        "called_number": "+14165550100",
        "agent_id": "agent_1",
        "call_sid": "in_1",
    });
    let response = ask(request_of_the_vendor).await;
    let wrapped = json!({ "type": "conversation_initiation_client_data", "dynamic_variables": variables });
    assert_eq!((response.status.as_u16(), response.body), (200, wrapped));

    // The caller is a contact of the other organization too, under another name.
    let other_organization = json!({
        "conversation_id": "conv_in_2",
        "caller_id": "+14165550190",
        "called_id": "+14165550106",
    });
    assert_eq!(ask(other_organization).await.body["org_name"], "Difference Engines");

    for unknown in [
        json!({ "conversation_id": "conv_in_3", "caller_id": "+14165550199", "called_id": "+14165550100" }),
        json!({ "conversation_id": "conv_in_4", "caller_id": "+14165550190", "called_id": "+14165550199" }),
        json!({ "conversation_id": "conv_in_5", "caller_id": "anonymous", "called_id": "+14165550100" }),
    ] {
        let response = ask(unknown).await;
        assert_eq!((response.status.as_u16(), response.body), (200, json!({})));
    }
    let wrong_secret = gateway.client.post_with_bearer(PATH, "a-wrong-secret", &json!({})).await;
    wrong_secret.assert_error(401, "UNAUTHORIZED");
    let history = gateway.client.get("/api/calls/history").await.body;
    assert_eq!(history["total"], 0, "an inbound call is not recorded as an outbound one");
    gateway.stop().await;
}
