//! AI calls from a number, enabled and disabled over HTTP, against the simulator of both vendors.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Account, AccountFault, DEMO_AGENT_ID};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, World};

const PATH: &str = "/api/calls/voice-ai/phone-number/toggle";
const NUMBER: &str = "+14165550100";

/// A superadmin, a user without a role, a number that is on the trunk and not in the workspace, and one
/// that is on no trunk.
fn directory() -> String {
    format!(
        r#"{{"kind":"organization","id":"o1","name":"Analytical Engines"}}
{{"kind":"user","id":"u1","organizationId":"o1","fullName":"Charles Babbage","accessRole":"SUPERADMIN"}}
{{"kind":"user","id":"u2","organizationId":"o1","fullName":"Ada Lovelace"}}
{{"kind":"agent","id":"a1","organizationId":"o1","name":"Reception","voiceEnabled":true,"providerAgentId":"{DEMO_AGENT_ID}"}}
{{"kind":"agent","id":"a2","organizationId":"o1","name":"Draft","voiceEnabled":true}}
{{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"{NUMBER}","carrier":"sinch","aiEnabled":false,"onTrunk":false}}
{{"kind":"number","organizationId":"o1","userId":"u1","phoneNumber":"+14165550107","carrier":"sinch","aiEnabled":false,"onTrunk":true}}
{{"kind":"contact","id":"c1","organizationId":"o1","firstName":"Ada","phoneNumber":"+14165550190"}}
"#
    )
}

async fn new_world(backing: Backing) -> World {
    let world = World::unmigrated(backing).await.with_both_vendors();
    world.outdial(&["migrate"]).await;
    let (succeeded, errors) = world.import(&directory()).await;
    assert!(succeeded, "{errors}");
    world.simulator.set_account(Account { numbers: Vec::new(), ..Account::default() });
    world.with("OUTDIAL_SINCH_SIP_USERNAME", "acme").with("OUTDIAL_SINCH_SIP_PASSWORD", "a-sip-password")
}

fn toggle(number: &str, ai_enabled: bool, agent: Option<&str>) -> Value {
    json!({ "userId": "u1", "phoneNumber": number, "aiEnabled": ai_enabled, "aiAgentId": agent })
}

async fn enabled(world: &World) -> i64 {
    world.count("select count(*) from caller_numbers where ai_enabled").await
}

async fn assert_refused(client: &Client, body: &Value, status: u16, code: &str) {
    client.post(PATH, body).await.assert_error(status, code);
}

/// From a number that the voice provider does not have to a call, and back: each twice, because a
/// request may be repeated.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_enabled_called_from_and_disabled(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = new_world(backing).await;
    let gateway = world.start().await;
    let client = &gateway.client;
    client.place(json!({ "contactId": "c1" })).await.assert_error(400, "NO_AI_ENABLED_NUMBER");
    let mut ids = Vec::new();
    for _ in 0..2 {
        let toggled = client.post(PATH, &toggle(NUMBER, true, Some("a1"))).await;
        assert_eq!(toggled.body["message"], "AI calls are enabled for the number", "{}", toggled.body);
        let numbers = world.simulator.account().numbers;
        assert_eq!(numbers.len(), 1, "it is imported once");
        assert_eq!(numbers[0].agent_id.as_deref(), Some(DEMO_AGENT_ID));
        assert_eq!(numbers[0].trunk_host, Some(Account::default().trunk_host));
        let login = numbers[0].trunk_login.clone();
        assert_eq!(login, Some(("acme".to_owned(), "a-sip-password".to_owned())));
        ids.push(numbers[0].id.clone());
    }
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.count("select count(*) from caller_numbers where ai_agent_id = 'a1'").await, 1);
    assert_eq!(world.count("select count(*) from trunks where calls_per_second = 1").await, 1);
    let placed = client.place(json!({ "contactId": "c1" })).await;
    assert!(placed.is_new_call(), "{}", placed.body);
    assert_eq!(world.simulator.dials()[0].agent_phone_number_id, ids[0]);

    for _ in 0..2 {
        let toggled = client.post(PATH, &toggle(NUMBER, false, None)).await;
        assert_eq!(toggled.body["message"], "AI calls are disabled for the number", "{}", toggled.body);
        assert!(world.simulator.account().numbers.is_empty());
    }
    client.place(json!({ "contactId": "c1" })).await.assert_error(400, "NO_AI_ENABLED_NUMBER");
    assert_eq!(world.count("select count(*) from audit_records where object_id = '+14165550100'").await, 4);
    let listed = client.get("/api/calls/voice-ai/transferable-agents?excludePromptId=none").await;
    assert_eq!(listed.body, json!({ "agents": [{ "id": "a1", "name": "Reception" }] }));
    gateway.stop().await;
}

/// A refusal of a vendor or of the directory changes neither. What a vendor did without a clear response
/// is found when the request is repeated.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_changes_nothing_and_a_lost_response_is_repaired(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = new_world(backing).await;
    let gateway = world.start().await;
    let client = &gateway.client;
    assert_refused(client, &toggle(NUMBER, true, Some("a2")), 400, "AGENT_NOT_SYNCED").await;
    assert_refused(client, &toggle("+14165550107", true, Some("a1")), 400, "NUMBER_NOT_ON_TRUNK").await;
    assert_refused(client, &toggle("+14165550108", true, Some("a1")), 404, "NUMBER_NOT_FOUND").await;
    assert_refused(&client.of_user("u2"), &toggle(NUMBER, true, Some("a1")), 403, "FORBIDDEN").await;
    for (fault, code) in [
        (AccountFault::KeyRefused, "PROVIDER_REJECTED"),
        (AccountFault::Forbidden, "PROVIDER_REJECTED"),
        (AccountFault::ServerError, "PROVIDER_UNAVAILABLE"),
    ] {
        world.simulator.fail_accounts(Some(fault));
        assert_refused(client, &toggle(NUMBER, true, Some("a1")), 500, code).await;
    }
    world.simulator.fail_accounts(None);
    assert!(world.simulator.account().numbers.is_empty(), "nothing was imported");

    for (ai_enabled, expected) in [(true, 1), (false, 0)] {
        world.simulator.fail_accounts(Some(AccountFault::ChangesUnclear));
        assert_refused(client, &toggle(NUMBER, ai_enabled, Some("a1")), 500, "PROVIDER_UNAVAILABLE").await;
        assert_eq!(world.simulator.account().numbers.len(), expected, "the vendor made the change");
        assert_eq!(enabled(&world).await, 1 - expected as i64, "nothing is stored");
        world.simulator.fail_accounts(None);
        let repeated = client.post(PATH, &toggle(NUMBER, ai_enabled, Some("a1"))).await;
        assert_eq!(repeated.status, 200, "{}", repeated.body);
        assert_eq!(world.simulator.account().numbers.len(), expected);
        assert_eq!(enabled(&world).await, expected as i64);
    }
    gateway.stop().await;
}

/// Requests at the same time, at two replicas, leave vendor and directory in one state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_the_same_time_end_in_the_state_of_one() {
    let world = new_world(PostgresAndRedis).await;
    let (one, other) = (world.start().await, world.start().await);
    for _ in 0..5 {
        let (on, off) = (toggle(NUMBER, true, Some("a1")), toggle(NUMBER, false, None));
        let (first, second) = tokio::join!(one.client.post(PATH, &on), other.client.post(PATH, &off));
        for response in [&first, &second] {
            if response.status != 200 {
                response.assert_error(409, "NUMBER_CHANGING");
            }
        }
        assert!(first.status == 200 || second.status == 200, "one of them holds the number");
        let numbers = world.simulator.account().numbers;
        let stored = world
            .count("select count(*) from caller_numbers where ai_enabled and provider_number_id is not null")
            .await;
        assert_eq!(numbers.len() as i64, stored, "vendor and directory agree");
    }
    one.stop().await;
    other.stop().await;
}
