//! What `outdial sync` uses: the carrier's trunk, and the webhooks of the workspace.

use serde_json::{Value, json};
use simulator::{Account, DEMO_CALLER_NUMBER, DEMO_TRUNK_ID};

use crate::sandbox::{CALLEE, Sandbox, json_of};

async fn token(sandbox: &Sandbox) -> reqwest::Response {
    let request = sandbox.http.post(sandbox.url("/oauth2/token")).basic_auth("key-1", Some("secret"));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body("grant_type=client_credentials").send().await.expect("a response")
}

async fn get(sandbox: &Sandbox, path: &str, token: &str) -> (u16, Value) {
    let response = sandbox.http.get(sandbox.url(path)).bearer_auth(token).send().await.expect("a response");
    (response.status().as_u16(), json_of(response).await)
}

#[tokio::test]
async fn the_carrier_issues_tokens_and_lists_the_numbers_of_its_trunk() {
    let sandbox = Sandbox::start().await;
    let issued = json_of(token(&sandbox).await).await;
    assert_eq!(issued["expires_in"], 3600);
    let token = issued["access_token"].as_str().expect("a token");
    let trunk = format!("/v1/projects/project-1/trunks/{DEMO_TRUNK_ID}");
    let (status, found) = get(&sandbox, &trunk, token).await;
    assert_eq!((status, &found["callsPerSecond"]), (200, &json!(1)));
    assert_eq!(found["domain"], "trunk.sandbox.invalid");
    assert_eq!(get(&sandbox, &trunk, "another-token").await.0, 401);
    assert_eq!(get(&sandbox, "/v1/projects/project-1/trunks/another", token).await.0, 404);

    let numbers = (0..5).map(|line| (format!("+1416555019{line}"), line != 3)).collect();
    sandbox.simulator.set_account(Account { carrier_numbers: numbers, ..Account::default() });
    let page = format!("/v1/projects/project-1/phoneNumbers?sipTrunkId={DEMO_TRUNK_ID}&size=3&page=2");
    let (_, listed) = get(&sandbox, &page, token).await;
    assert_eq!(listed["totalItems"], 4);
    assert_eq!(listed["phoneNumbers"][0]["phoneNumber"], "+14165550194");
    assert_eq!(listed["phoneNumbers"].as_array().map(Vec::len), Some(1));
    sandbox.simulator.expire_tokens();
    assert_eq!(get(&sandbox, &trunk, token).await.0, 401);
}

/// The workspace's webhook receives the events of calls once the settings choose it.
#[tokio::test]
async fn a_webhook_is_created_changed_and_chosen() {
    let sandbox = Sandbox::start().await;
    let settings =
        json!({ "auth_type": "hmac", "name": "Gateway", "webhook_url": "http://127.0.0.1:9/hook" });
    let created =
        json_of(sandbox.post("/v1/workspace/webhooks", &json!({ "settings": settings })).await).await;
    assert!(
        created["webhook_secret"].as_str().is_some_and(|secret| secret.starts_with("wsec_")),
        "{created}"
    );
    let id = created["webhook_id"].as_str().expect("an id");
    assert_eq!(sandbox.post("/v1/workspace/webhooks", &json!({})).await.status(), 422);
    let patch = |path: String, body: Value| {
        sandbox.http.patch(sandbox.url(&path)).header("xi-api-key", "key").json(&body).send()
    };
    let change = json!({ "is_disabled": false, "name": "Renamed", "retry_enabled": true });
    let changed = patch(format!("/v1/workspace/webhooks/{id}"), change).await.expect("a response");
    assert_eq!(changed.status(), 200);
    let listed = sandbox.get_json("/v1/workspace/webhooks").await;
    assert_eq!(listed["webhooks"][0]["name"], "Renamed");
    assert!(listed["webhooks"][0].get("webhook_secret").is_none(), "the secret is shown once");

    assert!(sandbox.get_json("/v1/convai/settings").await["webhooks"]["post_call_webhook_id"].is_null());
    let chosen = json!({ "webhooks": { "post_call_webhook_id": id, "events": ["transcript"] } });
    let chosen = patch("/v1/convai/settings".to_owned(), chosen).await.expect("a response");
    assert_eq!(json_of(chosen).await["webhooks"]["post_call_webhook_id"], id);
    assert_eq!(sandbox.simulator.active_webhook().as_deref(), Some(id));
    sandbox.dial_json(CALLEE).await;
    for _ in 0..2_000 {
        if !sandbox.simulator.webhook_deliveries().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("no event of the call was sent from {DEMO_CALLER_NUMBER}");
}
