//! The accounts that an organization has of its own at the vendors.

use domain::DirectoryRecord;
use serde_json::{Value, json};

use crate::running::{Response, Running, send, start};
use crate::world::{World, user_record};

const PATH: &str = "/api/calls/voice-ai/config";

/// A world whose user has this role.
fn world(role: Option<&str>) -> World {
    let world = World::new();
    world.memory.import(&[DirectoryRecord::User(user_record("u1", role))]);
    world
}

async fn post(gateway: &Running, body: Value) -> Response {
    send(gateway.json("POST", PATH, body.to_string())).await
}

async fn view(gateway: &Running) -> Value {
    send(gateway.read(PATH)).await.body
}

#[tokio::test]
async fn every_user_sees_what_is_configured() {
    for role in [None, Some("SALES_REP"), Some("SUPERADMIN")] {
        let gateway = start(&world(role)).await;
        let numbers = json!([{
            "phoneNumber": "+14165550100", "userId": "u1", "carrier": "sinch",
            "aiEnabled": true, "onTrunk": true, "providerNumberId": "phnum_1"
        }]);
        let mut body = view(&gateway).await;
        assert!(body["phoneNumbers"].as_array().is_some_and(|listed| listed.len() == 1), "{body}");
        body["phoneNumbers"][0]["providerNumberId"] = json!("phnum_1");
        assert_eq!(
            body,
            json!({
                "success": true,
                "aiVoiceProvider": "simulator",
                "elevenlabsConfigured": false,
                "elevenlabsToolSecretConfigured": false,
                "elevenlabsWebhookSecretConfigured": false,
                "sinchEstConfigured": false,
                "gatewayAccount": true,
                "sinchEstProjectId": null,
                "sinchEstTrunkId": null,
                "sinchEstTrunkDomain": null,
                "phoneNumbers": numbers
            })
        );
    }
}

#[tokio::test]
async fn only_a_superadmin_changes_it() {
    for role in [None, Some("SALES_REP"), Some("ADMIN")] {
        let world = world(role);
        let gateway = start(&world).await;
        post(&gateway, json!({ "elevenlabsApiKey": "sk_new" })).await.assert_error(403, "FORBIDDEN");
        assert!(world.memory.tables().credentials.is_empty());
    }
}

#[tokio::test]
async fn a_change_is_saved_and_no_response_shows_a_secret_again() {
    let gateway = start(&world(Some("SUPERADMIN"))).await;
    let saved = post(
        &gateway,
        json!({
            "elevenlabsApiKey": "sk_new", "sinchEstKeyId": "key-1", "sinchEstProjectId": "project-1",
            "sinchEstTrunkDomain": "acme.example.com", "aFieldOfAnotherVersion": 1
        }),
    )
    .await;
    // The workspace of the test does not allow to register a webhook.
    let message = json!({ "success": true, "message": "Configuration saved", "webhookRegistered": false });
    saved.assert_ok(200, &message);
    let secret = "a5".repeat(32);
    let saved = post(&gateway, json!({ "generateToolSecret": true })).await;
    let message =
        json!({ "success": true, "message": "Configuration saved", "elevenlabsToolSecret": secret.clone() });
    saved.assert_ok(200, &message);

    let body = view(&gateway).await;
    assert_eq!(body["elevenlabsConfigured"], true, "{body}");
    assert_eq!(body["elevenlabsToolSecretConfigured"], true, "{body}");
    assert_eq!(body["sinchEstConfigured"], false, "the key has no secret yet: {body}");
    assert_eq!(body["sinchEstProjectId"], "project-1", "{body}");
    for hidden in ["sk_new", "key-1", secret.as_str()] {
        assert!(!body.to_string().contains(hidden), "{body}");
    }
    post(&gateway, json!({ "sinchEstProjectId": null, "elevenlabsApiKey": null })).await;
    let body = view(&gateway).await;
    assert_eq!((&body["sinchEstProjectId"], &body["elevenlabsConfigured"]), (&Value::Null, &json!(false)));
    assert_eq!(body["sinchEstTrunkDomain"], "acme.example.com", "{body}");
}

#[tokio::test]
async fn what_is_not_valid_is_named_and_not_stored() {
    let world = world(Some("SUPERADMIN"));
    let gateway = start(&world).await;
    for (body, field) in [
        (json!({ "elevenlabsApiKey": "sk_refused" }), "elevenlabsApiKey"),
        (json!({ "elevenlabsApiKey": "" }), "elevenlabsApiKey"),
        (json!({ "elevenlabsApiKey": 7 }), "elevenlabsApiKey"),
        (json!({ "generateToolSecret": "yes" }), "generateToolSecret"),
        (json!({ "aiVoiceProvider": "another" }), "aiVoiceProvider"),
        (json!({ "sinchEstTrunkId": "two words" }), "sinchEstTrunkId"),
    ] {
        let refused = post(&gateway, body.clone()).await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.body);
        assert_eq!(refused.body["error"]["details"][0]["field"], field, "{body}: {}", refused.body);
        assert!(!refused.body.to_string().contains("sk_refused"), "{}", refused.body);
    }
    assert!(world.memory.tables().credentials.is_empty());
}
