//! Enabling and disabling AI calls from a number, and the agents that a call can be transferred to.

use std::sync::Arc;

use domain::ports::{MockVoiceWorkspace, NumberImport, PortUnavailable, VendorFailure, WorkspaceNumber};
use domain::{DirectoryRecord, PhoneNumber, ProviderNumberId, ToggleNumber, ToggleNumberPorts, UserRecord};
use serde_json::{Value, json};
use testkit::fixtures::SERVED_CARRIERS;

use crate::running::{Response, Running, send, start};
use crate::world::{World, agent, number, organization, user_record};

const PATH: &str = "/api/calls/voice-ai/phone-number/toggle";
const AGENTS: &str = "/api/calls/voice-ai/transferable-agents";
const NUMBER: &str = "+14165550100";

/// The use case on the ports of a world. The account of the carrier is not configured.
pub(crate) fn toggle_number(world: &World) -> ToggleNumber {
    let memory = Arc::new(world.memory.clone());
    let ports = ToggleNumberPorts {
        users: world.users.clone(),
        agents: memory.clone(),
        numbers: memory.clone(),
        provisioning: memory,
        workspace: world.workspace.clone(),
        trunk: None,
        clock: world.clock.clone(),
    };
    ToggleNumber::new(ports, SERVED_CARRIERS)
}

/// A world whose user has this role, and whose workspace has the number and accepts its changes.
fn world(role: Option<&str>) -> World {
    let mut workspace = MockVoiceWorkspace::new();
    workspace.expect_numbers().returning(|| Ok(vec![listed()]));
    workspace.expect_link_number().returning(|_, _| Ok(()));
    workspace.expect_remove_number().returning(|_| Ok(()));
    with(role, workspace)
}

fn with(role: Option<&str>, workspace: MockVoiceWorkspace) -> World {
    let world = World { workspace: Some(Arc::new(workspace)), ..World::new() };
    let user: UserRecord = user_record("u1", role);
    world.memory.import(&[DirectoryRecord::User(user)]);
    world
}

fn listed() -> WorkspaceNumber {
    WorkspaceNumber {
        id: ProviderNumberId::parse("phnum_1").expect("an id"),
        phone_number: PhoneNumber::parse(NUMBER).expect("a number"),
        can_call_out: true,
        trunk_host: None,
        agent: None,
    }
}

async fn post(gateway: &Running, body: &Value) -> Response {
    send(gateway.json("POST", PATH, body.to_string())).await
}

fn toggle(ai_enabled: bool) -> Value {
    json!({ "userId": "u1", "phoneNumber": NUMBER, "aiEnabled": ai_enabled })
}

#[tokio::test]
async fn a_superadmin_disables_and_enables_a_number() {
    let world = world(Some("SUPERADMIN"));
    let gateway = start(&world).await;
    let disabled = post(&gateway, &toggle(false)).await;
    disabled.assert_ok(200, &json!({ "success": true, "message": "AI calls are disabled for the number" }));
    let placed = send(gateway.json("POST", "/api/calls/ai/outbound", r#"{"contactId":"c1"}"#)).await;
    placed.assert_error(400, "NO_AI_ENABLED_NUMBER");

    let mut body = toggle(true);
    body["aiAgentId"] = json!("a1");
    body["extra"] = json!("is ignored");
    let enabled = post(&gateway, &body).await;
    assert_eq!(enabled.status, 200, "{}", enabled.body);
    let message = enabled.body["message"].as_str().expect("a text");
    assert!(message.contains("enabled") && message.contains("is not configured"), "{message}");
    let placed = send(gateway.json("POST", "/api/calls/ai/outbound", r#"{"contactId":"c1"}"#)).await;
    assert_eq!(placed.status, 200, "{}", placed.body);

    let audit = send(gateway.read("/api/audit")).await;
    let records = audit.body["records"].as_array().expect("a list");
    let shown: Vec<_> = records.iter().map(|it| (&it["action"], &it["userId"], &it["objectId"])).collect();
    let expected = [("number_enabled", "u1", NUMBER), ("number_disabled", "u1", NUMBER)]
        .map(|(action, user, number)| (json!(action), json!(user), json!(number)));
    assert_eq!(shown, expected.iter().map(|(a, u, n)| (a, u, n)).collect::<Vec<_>>());
    assert_eq!(records[0]["detail"], json!({ "agentId": "a1" }));
}

#[tokio::test]
async fn each_refusal_has_its_code_and_changes_nothing() {
    let world_ = world(Some("SUPERADMIN"));
    world_.memory.import(&[
        agent("unsynced", None),
        organization("o2"),
        DirectoryRecord::User(UserRecord {
            organization_id: crate::world::organization_id("o2"),
            ..user_record("u2", None)
        }),
        number("o2", "u2", "+14165550111"),
    ]);
    let gateway = start(&world_).await;
    let with_agent = |id: &str| {
        let mut body = toggle(true);
        body["aiAgentId"] = json!(id);
        body
    };
    let foreign = json!({ "userId": "u2", "phoneNumber": "+14165550111", "aiEnabled": false });
    for (body, status, code) in [
        (with_agent("unsynced"), 400, "AGENT_NOT_SYNCED"),
        (with_agent("absent"), 400, "AGENT_NOT_FOUND"),
        (foreign, 404, "NUMBER_NOT_FOUND"),
        (
            json!({ "userId": "u1", "phoneNumber": "+14165550199", "aiEnabled": true }),
            404,
            "NUMBER_NOT_FOUND",
        ),
    ] {
        post(&gateway, &body).await.assert_error(status, code);
    }
    for (body, fields) in [
        (json!({}), vec!["userId", "phoneNumber", "aiEnabled"]),
        (json!({ "userId": "u1", "phoneNumber": NUMBER, "aiEnabled": "true" }), vec!["aiEnabled"]),
        (json!({ "userId": "u1", "phoneNumber": "the front desk", "aiEnabled": true }), vec!["phoneNumber"]),
        (with_agent("a\0"), vec!["aiAgentId"]),
    ] {
        let refused = post(&gateway, &body).await;
        refused.assert_error(400, "VALIDATION_FAILED");
        let text = refused.body.to_string();
        assert!(fields.iter().all(|field| text.contains(field)) || text.contains("control"), "{text}");
    }
    for role in [None, Some("SALES_REP"), Some("ADMIN")] {
        let world = world(role);
        let gateway = start(&world).await;
        post(&gateway, &toggle(false)).await.assert_error(403, "FORBIDDEN");
        assert!(world.memory.tables().audit_records.is_empty());
    }
    let nothing = World { workspace: None, ..world(Some("SUPERADMIN")) };
    post(&start(&nothing).await, &toggle(false)).await.assert_error(400, "NUMBERS_NOT_CHANGEABLE");
    assert!(world_.memory.tables().audit_records.is_empty());
}

#[tokio::test]
async fn the_failure_of_a_vendor_is_no_failure_of_the_request() {
    let lost = || VendorFailure::Unavailable(PortUnavailable::new("elevenlabs", "hunter2"));
    for (failure, code) in [
        (VendorFailure::KeyRefused, "PROVIDER_REJECTED"),
        (VendorFailure::NotAllowed, "PROVIDER_REJECTED"),
        (VendorFailure::RateLimited, "PROVIDER_REJECTED"),
        (lost(), "PROVIDER_UNAVAILABLE"),
    ] {
        let mut workspace = MockVoiceWorkspace::new();
        workspace.expect_numbers().returning(|| Ok(vec![listed()]));
        workspace.expect_remove_number().returning(move |_| Err(failure.clone()));
        let world = with(Some("SUPERADMIN"), workspace);
        let gateway = start(&world).await;
        let refused = post(&gateway, &toggle(false)).await;
        refused.assert_error(500, code);
        assert!(!refused.body.to_string().contains("hunter2"), "{}", refused.body);
        assert!(world.memory.tables().audit_records.is_empty());
    }
    let mut workspace = MockVoiceWorkspace::new();
    workspace.expect_numbers().returning(|| Ok(vec![]));
    workspace.expect_import_number().returning(|_| Ok(NumberImport::Taken));
    let gateway = start(&with(Some("SUPERADMIN"), workspace)).await;
    // The host of the trunk is in the account of the carrier.
    post(&gateway, &toggle(true)).await.assert_error(400, "NUMBER_NOT_ON_TRUNK");
}

#[tokio::test]
async fn a_number_that_another_request_changes_gets_409() {
    let world = world(Some("SUPERADMIN"));
    let gateway = start(&world).await;
    let until = domain::Timestamp::from_unix_millis(i64::MAX);
    world.memory.tables().number_holds.insert(listed().phone_number, until);
    let refused = post(&gateway, &toggle(false)).await;
    refused.assert_error(409, "NUMBER_CHANGING");
    assert_eq!(refused.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn transferable_agents_are_enabled_and_synced() {
    let world = World::new();
    let mute = match agent("mute", Some("agent_2")) {
        DirectoryRecord::Agent(mut agent) => {
            agent.voice_enabled = false;
            DirectoryRecord::Agent(agent)
        }
        other => other,
    };
    world.memory.import(&[agent("a2", Some("agent_3")), agent("unsynced", None), mute]);
    let many: Vec<_> = (0..450).map(|index| agent(&format!("b{index:03}"), Some("agent_4"))).collect();
    let gateway = start(&world).await;
    let both = json!([{ "id": "a1", "name": "Agent" }, { "id": "a2", "name": "Agent" }]);
    for (query, expected) in [
        ("", both.clone()),
        ("?excludePromptId=", both.clone()),
        ("?excludePromptId=%00", both.clone()),
        ("?excludePromptId=another", both.clone()),
        ("?excludePromptId=a1", json!([both[1].clone()])),
    ] {
        let listed = send(gateway.read(&format!("{AGENTS}{query}"))).await;
        assert_eq!((listed.status, &listed.body), (200, &json!({ "agents": expected })), "{query}");
    }
    send(gateway.read(&format!("{AGENTS}?exclude=a1"))).await.assert_invalid(&["exclude"], "unknown");
    world.memory.import(&many);
    let listed = send(gateway.read(AGENTS)).await;
    assert_eq!(listed.body["agents"].as_array().map(Vec::len), Some(452), "all pages");
}
