//! Agents and phone numbers.

use simulator::{DEMO_AGENT_ID, DEMO_CALLER_NUMBER, DEMO_PHONE_NUMBER_ID};

use crate::sandbox::{Sandbox, json_of};

#[tokio::test]
async fn phone_numbers_are_a_bare_array_and_show_which_can_call_out() {
    let sandbox = Sandbox::start().await;
    let numbers = sandbox.get_json("/v1/convai/phone-numbers").await;
    assert_eq!(numbers[0]["phone_number_id"], DEMO_PHONE_NUMBER_ID);
    assert_eq!(numbers[0]["phone_number"], DEMO_CALLER_NUMBER);
    assert_eq!(numbers[0]["provider"], "sip_trunk");
    assert_eq!(numbers[0]["outbound_trunk"]["has_outbound_trunk"], true);
    assert!(numbers[1]["outbound_trunk"].is_null());

    let one = sandbox.get_json(&format!("/v1/convai/phone-numbers/{DEMO_PHONE_NUMBER_ID}")).await;
    assert_eq!(one, numbers[0]);
    let missing = sandbox.get("/v1/convai/phone-numbers/phnum_1").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(json_of(missing).await["detail"]["code"], "phone_number_not_found");
}

#[tokio::test]
async fn agents_are_listed_in_pages_and_found_by_id() {
    let sandbox = Sandbox::start().await;
    let first = sandbox.get_json("/v1/convai/agents?page_size=1").await;
    assert_eq!(first["agents"][0]["agent_id"], DEMO_AGENT_ID);
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = sandbox.get_json(&format!("/v1/convai/agents?page_size=1&cursor={cursor}")).await;
    assert_ne!(second["agents"][0]["agent_id"], DEMO_AGENT_ID);
    assert_eq!(second["has_more"], false);

    let agent = sandbox.get_json(&format!("/v1/convai/agents/{DEMO_AGENT_ID}")).await;
    assert!(agent["conversation_config"]["agent"]["prompt"]["prompt"].is_string());
    let missing = sandbox.get("/v1/convai/agents/agent_1").await;
    assert_eq!(missing.status(), 404);
    assert_eq!(json_of(missing).await["detail"]["code"], "agent_not_found");
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_as_the_provider_does() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.get("/v1/convai/nothing").await.status(), 404);
    assert_eq!(sandbox.get("/v1/convai/sip-trunk/outbound-call").await.status(), 405);
    assert_eq!(sandbox.get("/").await.status(), 404);
}
