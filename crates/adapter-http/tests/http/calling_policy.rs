//! The calling policy of an organization, and who changed it.

use domain::{CallingPolicy, DirectoryRecord, PolicyRecord};
use serde_json::{Value, json};
use testkit::fixtures;

use crate::log::log;
use crate::running::{Response, Running, send, start};
use crate::world::{World, organization, organization_id, user_record};

const PATH: &str = "/api/calling-policy";
const AUDIT: &str = "/api/audit";

/// A world whose user has this role.
fn world(role: Option<&str>) -> World {
    let world = World::new();
    world.memory.import(&[DirectoryRecord::User(user_record("u1", role))]);
    world
}

async fn put(gateway: &Running, if_match: Option<&str>, body: impl ToString) -> Response {
    let mut request = gateway.json("PUT", PATH, body.to_string());
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    send(request).await
}

fn document(policy: &CallingPolicy) -> Value {
    serde_json::from_str(&policy_json::to_json(policy)).expect("JSON")
}

#[tokio::test]
async fn every_user_reads_the_policy_and_first_it_is_the_default_one() {
    for role in [None, Some("SALES_REP"), Some("ADMIN")] {
        let gateway = start(&world(role)).await;
        let read = send(gateway.read(PATH)).await;
        let policy = document(&CallingPolicy::default());
        read.assert_ok(200, &json!({ "success": true, "revision": 0, "policy": policy }));
        assert_eq!(read.header("etag"), Some("\"0\""));
        assert_eq!(policy["modes"]["suppressions"], "enforce");
        assert_eq!(policy["modes"]["quietHours"], "warn");
    }
}

#[tokio::test]
async fn an_administrator_replaces_the_policy_that_was_read() {
    for role in ["ADMIN", "SUPERADMIN"] {
        let world = world(Some(role));
        let gateway = start(&world).await;
        let policy = json!({ "modes": { "caps": "enforce" }, "packs": { "telemarketing": ["us-strict"] } });
        let mut expected = document(&CallingPolicy::default());
        expected["modes"]["caps"] = json!("enforce");
        expected["packs"]["telemarketing"] = json!(["us-strict"]);
        let stored = put(&gateway, None, &policy).await;
        let body = json!({
            "success": true,
            "revision": 1,
            "policy": expected,
            "changedBy": "u1",
            "changedAt": "2023-11-14T22:13:20.000Z"
        });
        stored.assert_ok(200, &body);
        assert_eq!(stored.header("etag"), Some("\"1\""));
        let read = send(gateway.read(PATH)).await;
        read.assert_ok(200, &body);

        // What was read can be sent back, with the tag as it is or as a proxy has changed it.
        let again = put(&gateway, Some("\"1\""), &expected).await;
        assert_eq!((again.status, again.header("etag")), (200, Some("\"2\"")));
        let again = put(&gateway, Some("W/\"2\""), "{}").await;
        assert_eq!((again.status, again.header("etag")), (200, Some("\"3\"")));
        assert_eq!(again.body["policy"], document(&CallingPolicy::default()));
    }
}

#[tokio::test]
async fn a_policy_that_changed_meanwhile_is_not_replaced() {
    let world = world(Some("ADMIN"));
    let gateway = start(&world).await;
    for tag in [Some("\"1\""), Some("\"18446744073709551615\"")] {
        put(&gateway, tag, "{}").await.assert_error(412, "POLICY_CHANGED");
    }
    assert_eq!(put(&gateway, Some("\"0\""), "{}").await.status, 200);
    for tag in [None, Some("\"0\""), Some("\"2\"")] {
        put(&gateway, tag, r#"{"timeZone":"Europe/Paris"}"#).await.assert_error(412, "POLICY_CHANGED");
    }
    let read = send(gateway.read(PATH)).await;
    assert_eq!((&read.body["revision"], &read.body["policy"]["timeZone"]), (&json!(1), &json!("UTC")));
    assert_eq!(world.memory.tables().audit_records.len(), 1);
    for tag in ["*", "1", "\"1", "\"x\"", "\"\"", "\"1\", \"2\"", "\"-1\"", "\"99999999999999999999\""] {
        put(&gateway, Some(tag), "{}").await.assert_invalid(&["If-Match"], tag);
    }
}

#[tokio::test]
async fn other_roles_change_nothing_and_do_not_read_the_audit_records() {
    for role in [None, Some("SALES_REP"), Some("DEPARTMENT_HEAD"), Some("admin"), Some("OWNER")] {
        let world = world(role);
        let gateway = start(&world).await;
        put(&gateway, None, "{}").await.assert_error(403, "FORBIDDEN");
        send(gateway.read(AUDIT)).await.assert_error(403, "FORBIDDEN");
        assert!(world.memory.tables().policies.is_empty());
    }
}

#[tokio::test]
async fn a_misspelt_rule_and_an_unknown_name_are_refused() {
    let world = world(Some("ADMIN"));
    let gateway = start(&world).await;
    for (body, fields) in [
        (json!({ "modes": { "quitHours": "enforce" }, "hunter2": 1 }), vec!["hunter2", "modes.quitHours"]),
        (json!({ "caps": [{ "attempts": 0, "withinSecs": 60 }] }), vec!["caps[0].attempts"]),
        (json!({ "packs": { "debt": ["hunter2"] } }), vec!["packs.debt"]),
        (json!({ "timeZone": "Mars/Olympus" }), vec!["timeZone"]),
        (json!({ "timeZone": "hunter2 " }), vec!["timeZone"]),
        (json!([]), vec![]),
    ] {
        let refused = put(&gateway, None, &body).await;
        refused.assert_error(400, "VALIDATION_FAILED");
        let text = refused.body.to_string();
        let details = refused.body["error"]["details"].as_array().expect("a list");
        let named: Vec<_> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named.iter().collect::<std::collections::BTreeSet<_>>().len(), fields.len(), "{text}");
        assert!(fields.iter().all(|field| named.contains(field)), "{text}");
    }
    put(&gateway, None, r#"{"timeZone":"UTC","timeZone":"UTC"}"#)
        .await
        .assert_invalid(&["timeZone"], "twice");
    assert!(world.memory.tables().policies.is_empty());
}

#[tokio::test]
async fn changes_are_listed_with_user_and_time_newest_first() {
    let world = world(Some("ADMIN"));
    let imported = PolicyRecord { organization_id: organization_id("o1"), policy: Box::default() };
    world.memory.import(&[organization("o2"), DirectoryRecord::CallingPolicy(imported)]);
    let theirs =
        PolicyRecord { organization_id: organization_id("o2"), policy: Box::new(fixtures::calling_policy()) };
    world.memory.import(&[DirectoryRecord::CallingPolicy(theirs)]);
    let gateway = start(&world).await;
    for revision in 1..=2 {
        let body = json!({ "userCallsPerDay": revision });
        assert_eq!(put(&gateway, Some(&format!("\"{revision}\"")), body).await.status, 200);
    }
    let listed = send(gateway.read(AUDIT)).await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.body["nextCursor"], Value::Null);
    let records = listed.body["records"].as_array().expect("a list").clone();
    let revisions: Vec<_> = records.iter().map(|record| record["detail"]["revision"].clone()).collect();
    assert_eq!(revisions, [3, 2, 1]);
    let (mut policy, position) = (document(&CallingPolicy::default()), records[0]["position"].clone());
    policy["userCallsPerDay"] = json!(2);
    let expected = json!({
        "position": position,
        "timestamp": "2023-11-14T22:13:20.000Z",
        "userId": "u1",
        "action": "calling_policy_changed",
        "detail": { "revision": 3, "policy": policy }
    });
    assert_eq!(records[0], expected);
    assert_eq!(records[2]["userId"], Value::Null, "an import");

    let (mut paged, mut query) = (Vec::new(), "?limit=1".to_owned());
    for _ in 0..4 {
        let page = send(gateway.read(&format!("{AUDIT}{query}"))).await.body;
        paged.extend(page["records"].as_array().expect("a list").clone());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        query = format!("?limit=1&before={cursor}&action=calling_policy_changed");
    }
    assert_eq!(paged, records);
    let others = send(gateway.read(&format!("{AUDIT}?action=other"))).await;
    others.assert_ok(200, &json!({ "success": true, "records": [] }));
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?before=hunter2", "before"),
        ("?before=-1", "before"),
        ("?action=Hunter2", "action"),
        ("?offset=1", "offset"),
    ] {
        send(gateway.read(&format!("{AUDIT}{query}"))).await.assert_invalid(&[field], query);
    }
}

#[tokio::test]
async fn settings_take_the_token_of_a_user() {
    let (anonymous, unknown) = (start(&World::lost()).await, start(&World::without_user()).await);
    for path in [PATH, AUDIT] {
        send(anonymous.get(path)).await.assert_error(401, "UNAUTHORIZED");
        send(unknown.read(path)).await.assert_error(404, "USER_NOT_FOUND");
    }
    send(anonymous.anonymous("PUT", PATH)).await.assert_error(401, "UNAUTHORIZED");
    put(&unknown, None, "{}").await.assert_error(404, "USER_NOT_FOUND");
    send(unknown.authorized("DELETE", PATH)).await.assert_error(405, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn a_policy_without_its_store_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let world = World { users: world(Some("ADMIN")).users, ..World::lost() };
    let gateway = start(&world).await;
    for (id, request) in [
        ("policy-lost-get", gateway.read(PATH)),
        ("policy-lost-put", gateway.json("PUT", PATH, "{}")),
        ("policy-lost-audit", gateway.read(AUDIT)),
    ] {
        send(request.header("x-request-id", id)).await.assert_unavailable(&log, id);
    }
}
