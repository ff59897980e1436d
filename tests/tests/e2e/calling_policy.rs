//! The calling policy of an organization, at several replicas and in an import.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, World};

const PATH: &str = "/api/calling-policy";
const AUDIT: &str = "/api/audit";

/// A world whose user `u1` is an administrator, and `u1b` is not.
async fn world(backing: Backing) -> World {
    let world = World::new(backing).await;
    let user = |id: &str, organization: &str, role: &str| {
        let name = "Charles Babbage";
        json!({ "kind": "user", "id": id, "organizationId": organization, "fullName": name, "accessRole": role })
    };
    let users = [user("u1", "o1", "ADMIN"), user("u1b", "o1", "SALES_REP"), user("u2", "o2", "SUPERADMIN")];
    let lines = users.map(|user| user.to_string()).join("\n");
    assert_eq!(world.import(&lines).await, (true, String::new()));
    world
}

async fn revision(client: &Client) -> (Value, String) {
    let read = client.get(PATH).await;
    assert_eq!(read.status, 200, "{}", read.body);
    let tag = read.headers["etag"].to_str().expect("ASCII").to_owned();
    (read.body["revision"].clone(), tag)
}

/// The revision and the user of each audit record, newest first.
async fn audited(client: &Client) -> Vec<(Value, Value)> {
    let listed = client.get(AUDIT).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let records = listed.body["records"].as_array().expect("a list");
    let of = |record: &Value| {
        assert_eq!(record["action"], "calling_policy_changed");
        assert!(record["timestamp"].is_string());
        (record["detail"]["revision"].clone(), record["userId"].clone())
    };
    records.iter().map(of).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_one_replica_stores_counts_at_all_and_each_change_is_audited(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = world(backing).await;
    let (one, other) = (world.spawn().await, world.spawn().await);
    let sales_rep = other.client.of_user("u1b");
    assert_eq!(revision(&sales_rep).await, (json!(0), "\"0\"".to_owned()));
    let policy =
        json!({ "modes": { "quietHours": "enforce" }, "caps": [{ "attempts": 3, "withinSecs": 86400 }] });
    sales_rep.put(PATH, "\"0\"", &policy).await.assert_error(403, "FORBIDDEN");
    sales_rep.get(AUDIT).await.assert_error(403, "FORBIDDEN");

    let stored = one.client.put(PATH, "\"0\"", &policy).await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    assert_eq!(revision(&sales_rep).await, (json!(1), "\"1\"".to_owned()));
    assert_eq!(other.client.get(PATH).await.body["policy"], stored.body["policy"]);
    assert_eq!(revision(&one.client.of_user("u2")).await.0, 0, "another organization");

    // Of concurrent changes of one revision, at both replicas, one wins.
    let changes = (1..=12).map(|calls| {
        let client = if calls % 2 == 0 { one.client.clone() } else { other.client.clone() };
        tokio::spawn(async move { client.put(PATH, "\"1\"", &json!({ "userCallsPerDay": calls })).await })
    });
    let mut won = Vec::new();
    for change in changes.collect::<Vec<_>>() {
        let response = change.await.expect("the client does not panic");
        match response.status.as_u16() {
            200 => won.push(response.body["policy"].clone()),
            _ => response.assert_error(412, "POLICY_CHANGED"),
        }
    }
    assert_eq!(won.len(), 1, "{won:?}");
    assert_eq!(one.client.get(PATH).await.body["policy"], won[0]);
    assert_eq!(audited(&other.client).await, [(json!(2), json!("u1")), (json!(1), json!("u1"))]);
    assert_eq!(audited(&other.client.of_user("u2")).await, []);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_imported_once_and_audited_without_a_user(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = world(backing).await;
    let gateway = world.start().await;
    let stored = gateway.client.put(PATH, "\"0\"", &json!({ "timeZone": "America/Toronto" })).await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    let line = |policy: Value| {
        json!({ "kind": "callingPolicy", "organizationId": "o1", "policy": policy }).to_string()
    };
    let misspelt = line(json!({ "modes": { "quitHours": "enforce" } }));
    let (succeeded, errors) = world.import(&misspelt).await;
    assert!(!succeeded, "a rule that would be ignored");
    assert!(
        errors.starts_with("line 1: policy.modes.quitHours: is not a field of a calling policy"),
        "{errors}"
    );

    // The stored policy, as the route shows it, is the same in an import.
    let shown = line(gateway.client.get(PATH).await.body["policy"].clone());
    let changed = line(json!({ "modes": { "quietHours": "enforce" } }));
    for lines in [&shown, &changed, &changed] {
        assert_eq!(world.import(lines).await, (true, String::new()));
    }
    assert_eq!(audited(&gateway.client).await, [(json!(2), Value::Null), (json!(1), json!("u1"))]);
    assert_eq!(gateway.client.get(PATH).await.body["policy"]["modes"]["quietHours"], "enforce");
    gateway.stop().await;
}
