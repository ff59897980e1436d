//! Organizations with accounts of their own: each call uses the account of its organization, and the
//! secrets that are stored are sealed.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript, WebhookSettings};
use testkit::eventually;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, World};

const CONFIG: &str = "/api/calls/voice-ai/config";
const OLD_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NEW_KEY: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f";
const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };
const DIAL: &str = "/v1/convai/sip-trunk/outbound-call";
const GATEWAY_KEY: &str = "simulated-api-key";

/// `u1` and `u2` are superadmins of their organizations.
async fn world(backing: Backing) -> World {
    let world = World::new(backing).await.with("OUTDIAL_CREDENTIALS_KEY", OLD_KEY);
    let users = [("u1", "o1"), ("u2", "o2")].map(|(id, organization)| {
        let user = json!({
            "kind": "user", "id": id, "organizationId": organization, "fullName": id, "accessRole": "SUPERADMIN"
        });
        format!("{user}\n")
    });
    let (succeeded, errors) = world.import(&users.concat()).await;
    assert!(succeeded, "{errors}");
    world
}

async fn save(gateway: &Gateway, user: &str, body: Value) -> Value {
    let saved = gateway.client.of_user(user).post(CONFIG, &body).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
    saved.body
}

fn api_key(organization: &str) -> String {
    format!("sk_of-{organization}-0123456789")
}

fn webhook_secret(organization: &str) -> String {
    format!("wsec_of-{organization}-0123456789")
}

async fn save_account(gateway: &Gateway, user: &str, organization: &str) {
    let body = json!({
        "elevenlabsApiKey": api_key(organization),
        "elevenlabsWebhookSecret": webhook_secret(organization),
    });
    save(gateway, user, body).await;
}

fn send_webhooks(world: &World, gateway: &Gateway, path: &str, secret: &str) {
    let url = format!("http://{}/api/webhook/elevenlabs{path}", gateway.client.address());
    let settings = WebhookSettings { url, secret: secret.to_owned() };
    world.simulator.send_webhooks_to(Some(&settings)).expect("the simulator accepts a loopback address");
}

/// The dial, the question about its end, and the recording use the account of the organization. `u2` has
/// no account at first, and then one of its own.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_organization_uses_its_own_account(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = world(backing).await.with_frequent_reconciliation();
    let world = world.with("OUTDIAL_WEBHOOK_WITHIN_SECS", "1");
    let gateway = world.start().await;
    save_account(&gateway, "u1", "o1").await;
    world.simulator.script(
        ScriptedBehaviour::new(ANSWER).webhook(WebhookScript { audio: true, ..WebhookScript::default() }),
    );
    let of_key = |key: &str, path: &str| {
        world.simulator.paths_of_key(key).iter().filter(|it| it.starts_with(path)).count()
    };
    let place = async |user: &str, number: &str| {
        let placed = gateway.client.of_user(user).call_number(number).await;
        let conversation = placed.body["conversationId"].as_str().expect("the call has one").to_owned();
        (placed.call_id(), conversation)
    };
    let (ours, our_conversation) = place("u1", "+14165550175").await;
    let (theirs, _) = place("u2", "+14165550176").await;
    assert_eq!((of_key(&api_key("o1"), DIAL), of_key(GATEWAY_KEY, DIAL)), (1, 1));
    save_account(&gateway, "u2", "o2").await;
    let (own, own_conversation) = place("u2", "+14165550177").await;
    assert_eq!((of_key(&api_key("o2"), DIAL), of_key(GATEWAY_KEY, DIAL)), (1, 1));

    // No webhook arrives: the gateway asks, each organization's account about its own calls.
    gateway.client.read_call_when(&ours, "completed").await;
    gateway.client.of_user("u2").read_call_when(&own, "completed").await;
    gateway.client.of_user("u2").read_call_when(&theirs, "completed").await;
    for (user, call_id, organization, conversation) in
        [("u1", &ours, "o1", &our_conversation), ("u2", &own, "o2", &own_conversation)]
    {
        let client = gateway.client.of_user(user);
        eventually("the recording is fetched", async || {
            client.get(&format!("/api/calls/{call_id}/recording")).await.status == 200
        })
        .await;
        let record = format!("/v1/convai/conversations/{conversation}");
        for key in [api_key("o1"), api_key("o2"), GATEWAY_KEY.to_owned()] {
            let paths = world.simulator.paths_of_key(&key);
            for path in [record.clone(), format!("{record}/audio")] {
                let is_its_own = key == api_key(organization);
                assert_eq!(paths.contains(&path), is_its_own, "{key}, a call of {organization}: {path}");
            }
        }
    }
    gateway.stop().await;
}

/// The webhook of an organization reports the calls of this organization, and nothing else.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organizations_secret_verifies_events_of_its_own_calls_only(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = world(backing).await;
    let gateway = world.start().await;
    save_account(&gateway, "u1", "o1").await;
    save_account(&gateway, "u2", "o2").await;
    world.script(ANSWER);
    let statuses = || -> Vec<Option<u16>> {
        world.simulator.webhook_deliveries().iter().map(|delivery| delivery.status).collect()
    };
    let attempts = [
        ("/organizations/o2", webhook_secret("o2"), 200),
        ("/organizations/o2", webhook_secret("o1"), 401),
        ("/organizations/o1", webhook_secret("o2"), 401),
        ("/organizations/none", webhook_secret("o1"), 401),
        ("", webhook_secret("o1"), 401),
        ("/organizations/o1", crate::support::WEBHOOK_SECRET.to_owned(), 401),
    ];
    for (n, (path, secret, status)) in attempts.into_iter().enumerate() {
        let earlier = statuses().len();
        send_webhooks(&world, &gateway, path, &secret);
        let call_id = gateway.client.call_number(&format!("+1416555018{n}")).await.call_id();
        eventually("the simulator sends a webhook", async || statuses().len() > earlier).await;
        assert_eq!(statuses()[earlier], Some(status), "{path}");
        sleep(Duration::from_millis(300)).await;
        let call = gateway.client.read_call(&call_id).await;
        assert_eq!(call["status"], "in-progress", "{path}: {call}");
    }
    send_webhooks(&world, &gateway, "/organizations/o1", &webhook_secret("o1"));
    let call_id = gateway.client.call_number("+14165550190").await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    send_webhooks(&world, &gateway, "", crate::support::WEBHOOK_SECRET);
    let call_id = gateway.client.of_user("u2").call_number("+14165550191").await.call_id();
    gateway.client.of_user("u2").read_call_when(&call_id, "completed").await;
    gateway.stop().await;
}

/// The tool secret names the organization: the number that both have is that of this organization.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_secret_speaks_for_its_organization(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    const QUESTION: &str = "/api/webhook/elevenlabs/personalization";
    let world = world(backing).await;
    let gateway = world.start().await;
    let saved = save(&gateway, "u2", json!({ "generateToolSecret": true })).await;
    let secret = saved["elevenlabsToolSecret"].as_str().expect("the new secret").to_owned();
    assert_eq!(secret.len(), 64);
    let question = |called: &str| json!({ "conversation_id": "conv_1", "caller_id": "+14165550190", "called_id": called, "agent_id": "agent_4" });
    let ask = async |secret: &str, called: &str| {
        gateway.client.post_with_bearer(QUESTION, secret, &question(called)).await
    };
    let own = ask(&secret, "+14165550106").await;
    assert_eq!(own.body["org_name"], "Difference Engines", "{}", own.body);
    let of_other = ask(&secret, "+14165550100").await;
    assert_eq!((of_other.status.as_u16(), &of_other.body), (200, &json!({})), "o1 has this number");
    let with_gateway = ask(crate::support::TOOL_SECRET, "+14165550100").await;
    assert_eq!(with_gateway.body["org_name"], "Analytical Engines", "{}", with_gateway.body);
    ask("another secret", "+14165550106").await.assert_error(401, "UNAUTHORIZED");
    gateway.stop().await;
}

/// The database has no secret in clear. After a rotation the old key is not needed.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_secrets_are_sealed_and_sealed_again_with_a_new_key(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let mut world = world(backing).await;
    let gateway = world.start().await;
    save_account(&gateway, "u1", "o1").await;
    let config = gateway.client.get(CONFIG).await.body;
    assert_eq!(config["elevenlabsConfigured"], true, "{config}");
    let audit = gateway.client.get("/api/audit").await.body;
    for text in [config.to_string(), audit.to_string()] {
        assert!(!text.contains(&api_key("o1")) && !text.contains(&webhook_secret("o1")), "{text}");
    }
    gateway.stop().await;
    if backing == Sqlite {
        for file in std::fs::read_dir(world.folder()).expect("the folder of the database") {
            let path = file.expect("the folder can be read").path();
            let bytes = if path.is_file() { std::fs::read(&path).expect("a file") } else { Vec::new() };
            for secret in [api_key("o1"), webhook_secret("o1")] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} has a secret in clear", path.display());
            }
        }
    } else {
        const IN_CLEAR: &str = "select count(*) from vendor_credentials where document like '%0123456789%'";
        assert_eq!(world.count(IN_CLEAR).await, 0);
    }

    world = world.with("OUTDIAL_CREDENTIALS_KEY", format!("{NEW_KEY},{OLD_KEY}"));
    let check = world.try_outdial(&["check"]).await;
    let found = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(found.contains("outdial credentials rotate"), "{found}");
    let rotated = world.outdial(&["credentials", "rotate"]).await;
    assert!(rotated.starts_with("1 organizations sealed"), "{rotated}");
    let again = world.outdial(&["credentials", "rotate"]).await;
    assert!(again.starts_with("0 organizations sealed"), "{again}");
    world = world.with("OUTDIAL_CREDENTIALS_KEY", NEW_KEY);
    let gateway = world.start().await;
    world.script(ANSWER);
    assert!(gateway.client.call_number("+14165550175").await.is_new_call());
    assert!(world.simulator.paths_of_key(&api_key("o1")).iter().any(|path| path == DIAL));
    gateway.stop().await;

    world = world.with("OUTDIAL_CREDENTIALS_KEY", OLD_KEY);
    assert_refused(&world, "u1", "o1").await;
    let rotation = world.try_outdial(&["credentials", "rotate"]).await;
    assert!(!rotation.status.success(), "the key that sealed the row is not set");
}

/// The calls of the organization are refused before the dial, and `outdial check` names it. Those of the
/// others are placed.
async fn assert_refused(world: &World, user: &str, organization: &str) {
    let gateway = world.start().await;
    world.script(ANSWER);
    let dials = world.simulator.dials().len();
    let refused = gateway.client.of_user(user).call_number("+14165550177").await;
    refused.assert_error(500, "SERVICE_UNAVAILABLE");
    assert_eq!(world.simulator.dials().len(), dials, "nothing is dialled");
    let other = if user == "u1" { "u2" } else { "u1" };
    assert!(gateway.client.of_user(other).call_number("+14165550178").await.is_new_call());
    gateway.stop().await;
    let check = world.try_outdial(&["check"]).await;
    let found = String::from_utf8_lossy(&check.stdout).into_owned();
    let names_it = found.lines().any(|line| line.contains("credentials") && line.contains(organization));
    assert!(names_it, "{found}");
}

/// A row that is copied to another organization opens nothing there.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_another_organization_is_not_used(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    const SWAP: &str = "update vendor_credentials set document = \
                        (select document from vendor_credentials where organization_id = 'o1') \
                        where organization_id = 'o2'";
    let world = world(backing).await;
    let gateway = world.start().await;
    save_account(&gateway, "u1", "o1").await;
    save_account(&gateway, "u2", "o2").await;
    gateway.stop().await;
    world.execute(SWAP, SWAP).await;
    assert_refused(&world, "u2", "o2").await;
}

/// Without a key nothing can be stored, and what is stored is not ignored.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_nothing_is_saved_and_stored_accounts_are_not_ignored(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = world(backing).await.without("OUTDIAL_CREDENTIALS_KEY");
    let gateway = world.start().await;
    let body = json!({ "elevenlabsApiKey": api_key("o1") });
    let refused = gateway.client.post(CONFIG, &body).await;
    refused.assert_error(400, "VALIDATION_FAILED");
    assert!(refused.body.to_string().contains("OUTDIAL_CREDENTIALS_KEY"), "{}", refused.body);
    gateway.stop().await;
    let world = world.with("OUTDIAL_CREDENTIALS_KEY", OLD_KEY);
    let gateway = world.start().await;
    save_account(&gateway, "u1", "o1").await;
    gateway.stop().await;
    assert_refused(&world.without("OUTDIAL_CREDENTIALS_KEY"), "u1", "o1").await;
}

/// With its own URL the gateway registers the webhook of the workspace, and verifies its events.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_webhook_of_a_new_key_is_registered(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let world = world(backing).await.with("OUTDIAL_BIND", address.to_string());
    let world = world.with("OUTDIAL_PUBLIC_URL", format!("http://{address}"));
    let gateway = world.start().await;
    let saved = save(&gateway, "u1", json!({ "elevenlabsApiKey": api_key("o1") })).await;
    assert_eq!(saved["webhookRegistered"], true, "{saved}");
    world.script(ANSWER);
    let call_id = gateway.client.call_number("+14165550175").await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    gateway.stop().await;
}
