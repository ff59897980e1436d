//! Changing and testing webhook endpoints, and what a registration refuses.

use domain::{EndpointSuspension, SuspensionReason};
use serde_json::{Value, json};

use crate::registering::{
    ALL_KINDS, PATH, URL, document, register, registered, start_with_endpoint, theirs, url,
};
use crate::running::{Response, Running, send, start};
use crate::world::{NOW, World};

async fn change(gateway: &Running, id: &str, body: &Value) -> Response {
    send(gateway.json("PATCH", &format!("{PATH}/{id}"), body.to_string())).await
}

#[tokio::test]
async fn the_same_url_is_registered_once() {
    let world = World::new();
    world.memory.tables().endpoints.push(theirs());
    let gateway = start(&world).await;
    assert_eq!(register(&gateway, &json!({ "url": URL })).await.status, 201);
    for again in [URL.to_owned(), URL.replace("https://crm.example", "HTTPS://CRM.example")] {
        let refused = register(&gateway, &json!({ "url": again })).await;
        refused.assert_error(409, "WEBHOOK_URL_TAKEN");
    }
    assert_eq!(register(&gateway, &json!({ "url": url("endpoint-3") })).await.status, 201);
    let taken = change(&gateway, "endpoint-1", &json!({ "url": url("endpoint-3") })).await;
    taken.assert_error(409, "WEBHOOK_URL_TAKEN");
    assert_eq!(registered(&world).len(), 3);
}

#[tokio::test]
async fn a_change_is_shown_and_names_its_mistakes() {
    let world = World::new();
    world.memory.tables().endpoints.push(theirs());
    let gateway = start_with_endpoint(&world).await;
    let shown = |changes: Value| {
        let mut endpoint = document("endpoint-1", &ALL_KINDS);
        endpoint.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        json!({ "success": true, "endpoint": endpoint })
    };
    let paused = json!({ "status": "paused", "suspendedAt": "2023-11-14T22:13:20.000Z" });
    change(&gateway, "endpoint-1", &json!({ "status": "paused" })).await.assert_ok(200, &shown(paused));
    world.memory.tables().endpoints[1].suspension =
        Some(EndpointSuspension { reason: SuspensionReason::Gone, since: NOW });
    let disabled = json!({
        "status": "disabled",
        "disabledReason": "gone",
        "suspendedAt": "2023-11-14T22:13:20.000Z"
    });
    let nothing = json!({ "url": null, "events": null, "status": null });
    change(&gateway, "endpoint-1", &nothing).await.assert_ok(200, &shown(disabled));
    let active = json!({ "status": "active", "events": ["call_ended"], "url": "https://other.example" });
    let expected = json!({ "events": ["call_ended"], "url": "https://other.example/" });
    change(&gateway, "endpoint-1", &active).await.assert_ok(200, &shown(expected));

    for (body, fields) in [
        (json!({ "status": "disabled" }), vec!["status"]),
        (json!({ "status": true }), vec!["status"]),
        (json!({ "url": "hunter2", "events": [], "status": 1 }), vec!["url", "events", "status"]),
        (json!({ "secret": "hunter2", "paused": true }), vec!["paused", "secret"]),
    ] {
        change(&gateway, "endpoint-1", &body).await.assert_invalid(&fields, &body.to_string());
    }
    change(&gateway, "theirs", &json!({ "status": "paused" }))
        .await
        .assert_error(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
    assert_eq!(world.memory.tables().endpoints[0], theirs());
}

/// A receiver would get none of the headers that its author asked for.
#[tokio::test]
async fn an_unknown_field_is_refused_by_its_name() {
    let gateway = start(&World::new()).await;
    let body = json!({ "url": URL, "headers": { "Authorization": "Bearer hunter2" } });
    let refused = register(&gateway, &body).await;
    refused.assert_invalid(&["headers"], &body.to_string());
    assert_eq!(refused.body["error"]["details"][0]["message"], "is not a field of this request");
    let many: serde_json::Map<_, _> = (0..30).map(|n| (format!("{n:070}"), json!(n))).collect();
    let refused = register(&gateway, &Value::Object(many)).await;
    let details = refused.body["error"]["details"].as_array().expect("a list").clone();
    // All names have the same first 64 characters.
    assert_eq!(details.len(), 1, "{details:?}");
    assert_eq!(details[0]["field"], "0".repeat(64));
}

#[tokio::test]
async fn the_outcome_of_a_test_event_is_returned() {
    let world = World::new();
    let gateway = start_with_endpoint(&world).await;
    let tested = send(gateway.authorized("POST", &format!("{PATH}/endpoint-1/test"))).await;
    tested.assert_ok(200, &json!({ "success": true, "accepted": false, "failure": "status-410" }));
    assert_eq!(registered(&world)[0].suspension, None);
}
