//! Suppressions and consents of an organization.

use domain::{AccessRole, AuditAction, Suppression, SuppressionId, Timestamp};
use serde_json::{Value, json};
use testkit::fixtures;

use crate::log::log;
use crate::running::{Response, Running, send, start};
use crate::world::{World, contact, organization, organization_id};

const SUPPRESSIONS: &str = "/api/suppressions";
const CONSENTS: &str = "/api/consents";
const NUMBER: &str = "+14165550177";
const AT: &str = "2023-11-14T22:13:20.000Z";

async fn post(gateway: &Running, path: &str, body: &Value) -> Response {
    send(gateway.json("POST", path, body.to_string())).await
}

async fn get(gateway: &Running, path: &str) -> Response {
    send(gateway.read(path)).await
}

#[tokio::test]
async fn a_suppressed_number_is_listed_and_to_suppress_it_again_is_no_error() {
    let (world, log) = (World::new(), log());
    let gateway = start(&world).await;
    let request = json!({ "phoneNumber": NUMBER, "reason": "asked by letter", "source": "letter" });
    let expected = json!({
        "id": "suppression-1",
        "phoneNumber": NUMBER,
        "reason": "asked by letter",
        "source": "letter",
        "createdAt": AT,
        "createdBy": "u1"
    });
    for _ in 0..2 {
        let added = post(&gateway, SUPPRESSIONS, &request).await;
        added.assert_ok(200, &json!({ "success": true, "suppression": expected }));
    }
    let listed = json!({ "success": true, "suppressions": [expected] });
    for filter in ["", "?phoneNumber=%2B14165550177", "?phoneNumber=%2B1%20416%20555%200177&limit=2"] {
        get(&gateway, &format!("{SUPPRESSIONS}{filter}")).await.assert_ok(200, &listed);
    }
    let none = json!({ "success": true, "suppressions": [] });
    get(&gateway, &format!("{SUPPRESSIONS}?contactId=c1")).await.assert_ok(200, &none);
    assert!(!log.text().contains(&NUMBER[1..]), "the log has a number");
}

#[tokio::test]
async fn a_contact_is_suppressed_with_its_number_until_the_end_that_is_asked_for() {
    let world = World::new();
    let gateway = start(&world).await;
    let request = json!({ "contactId": "c1", "expiresAt": "2028-11-14T22:13:20+00:00" });
    let added = post(&gateway, SUPPRESSIONS, &request).await;
    let expected = json!({
        "id": "suppression-1",
        "phoneNumber": "+14165550110",
        "contactId": "c1",
        "source": "api",
        "createdAt": AT,
        "createdBy": "u1",
        "expiresAt": "2028-11-14T22:13:20.000Z"
    });
    added.assert_ok(200, &json!({ "success": true, "suppression": expected }));
}

#[tokio::test]
async fn what_cannot_be_suppressed_is_refused_with_the_field() {
    let world = World::new();
    world.memory.import(&[organization("o2"), contact("c9", "o2", None)]);
    let gateway = start(&world).await;
    for (body, status, code) in [
        (json!({}), 400, "CONTACT_OR_PHONE_REQUIRED"),
        (json!({ "phoneNumber": "12" }), 400, "INVALID_PHONE_NUMBER"),
        (json!({ "contactId": "c9" }), 404, "CONTACT_NOT_FOUND"),
        (json!({ "phoneNumber": NUMBER, "expiresAt": "soon" }), 400, "VALIDATION_FAILED"),
        (json!({ "phoneNumber": NUMBER, "source": "By Letter" }), 400, "VALIDATION_FAILED"),
        (json!({ "phoneNumber": 7 }), 400, "VALIDATION_FAILED"),
        (json!({ "phoneNumber": NUMBER, "until": "x" }), 400, "VALIDATION_FAILED"),
    ] {
        post(&gateway, SUPPRESSIONS, &body).await.assert_error(status, code);
    }
    for query in ["limit=0", "before=x", "number=1"] {
        let refused = get(&gateway, &format!("{SUPPRESSIONS}?{query}")).await;
        refused.assert_error(400, "VALIDATION_FAILED");
    }
    get(&gateway, &format!("{SUPPRESSIONS}?phoneNumber=12")).await.assert_error(400, "INVALID_PHONE_NUMBER");
    assert_eq!(world.memory.tables().directory.suppressions, []);
}

#[tokio::test]
async fn pages_lead_through_the_organizations_own_suppressions() {
    let world = World::new();
    let of = |organization: &str, id: &str, millis| Suppression {
        id: SuppressionId::parse(id).expect("a valid id"),
        created_at: Timestamp::from_unix_millis(millis),
        ..fixtures::suppression(Some(&organization_id(organization)))
    };
    let all = [of("o1", "s1", 1), of("o1", "s2", 2), of("o1", "s3", 2), of("o2", "s4", 3)];
    world.memory.tables().directory.suppressions.extend(all);
    let gateway = start(&world).await;
    let ids = |page: &Value| -> Vec<String> {
        let listed = page["suppressions"].as_array().expect("a list").iter();
        listed.map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
    };
    let first = get(&gateway, &format!("{SUPPRESSIONS}?limit=2")).await;
    assert_eq!(ids(&first.body), ["s3", "s2"]);
    let cursor = first.body["nextCursor"].as_str().expect("there is more");
    let second = get(&gateway, &format!("{SUPPRESSIONS}?limit=2&before={cursor}")).await;
    assert_eq!((ids(&second.body), &second.body["nextCursor"]), (vec!["s1".to_owned()], &Value::Null));
}

#[tokio::test]
async fn only_an_administrator_removes_a_suppression() {
    let world = World::new();
    let gateway = start(&world).await;
    post(&gateway, SUPPRESSIONS, &json!({ "phoneNumber": NUMBER })).await;
    let remove = |id: &str| send(gateway.authorized("DELETE", &format!("{SUPPRESSIONS}/{id}")));
    remove("suppression-1").await.assert_error(403, "FORBIDDEN");
    assert_eq!(world.memory.tables().directory.suppressions.len(), 1);
    world.memory.tables().directory.users[0].access_role = AccessRole::parse("ADMIN").ok();
    remove("suppression-9").await.assert_error(404, "SUPPRESSION_NOT_FOUND");
    remove("suppression-1").await.assert_ok(200, &json!({ "success": true }));
    assert_eq!(world.memory.tables().directory.suppressions, []);
    let audit = world.memory.tables().audit_records.clone();
    let actions: Vec<_> = audit.into_iter().map(|record| record.action).collect();
    let expected = [AuditAction::SuppressionAdded, AuditAction::SuppressionRemoved];
    assert_eq!(actions, expected.map(|action| action.as_str().into()));
}

#[tokio::test]
async fn a_consent_is_recorded_once_listed_and_revoked() {
    let (world, log) = (World::new(), log());
    let gateway = start(&world).await;
    let request = json!({
        "phoneNumber": NUMBER,
        "kind": "written",
        "givenAt": "2023-11-01T10:00:00+02:00",
        "method": "web form",
        "evidence": "crm:forms/4711"
    });
    let mut consent = json!({
        "id": "consent-1",
        "phoneNumber": NUMBER,
        "kind": "written",
        "givenAt": "2023-11-01T08:00:00.000Z",
        "method": "web form",
        "evidence": "crm:forms/4711",
        "createdAt": AT,
        "createdBy": "u1"
    });
    for _ in 0..2 {
        let added = post(&gateway, CONSENTS, &request).await;
        added.assert_ok(200, &json!({ "success": true, "consent": consent }));
    }
    let path = format!("{CONSENTS}/consent-1/revoke");
    consent["revokedAt"] = AT.into();
    for _ in 0..2 {
        let revoked = send(gateway.authorized("POST", &path)).await;
        revoked.assert_ok(200, &json!({ "success": true, "consent": consent }));
    }
    let listed = json!({ "success": true, "consents": [consent] });
    get(&gateway, &format!("{CONSENTS}?phoneNumber=%2B14165550177")).await.assert_ok(200, &listed);
    let unknown = send(gateway.authorized("POST", &format!("{CONSENTS}/consent-9/revoke"))).await;
    unknown.assert_error(404, "CONSENT_NOT_FOUND");
    for body in [
        json!({ "phoneNumber": NUMBER, "kind": "oral", "givenAt": AT }),
        json!({ "phoneNumber": NUMBER, "kind": "express" }),
    ] {
        post(&gateway, CONSENTS, &body).await.assert_error(400, "VALIDATION_FAILED");
    }
    assert!(!log.text().contains(&NUMBER[1..]), "the log has a number");
}

#[tokio::test]
async fn a_lost_store_and_an_unknown_user_are_reported() {
    let gateway = start(&World::lost_except_users()).await;
    for path in [SUPPRESSIONS, CONSENTS] {
        get(&gateway, path).await.assert_error(500, "SERVICE_UNAVAILABLE");
    }
    let gateway = start(&World::without_user()).await;
    for path in [SUPPRESSIONS, CONSENTS] {
        get(&gateway, path).await.assert_error(404, "USER_NOT_FOUND");
    }
}
