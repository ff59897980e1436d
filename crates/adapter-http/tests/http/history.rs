//! Listing calls: filters, pages, cursors.

use domain::{AgentId, CallStatus, ContactId, PhoneNumber, Timestamp, UserId};
use serde_json::{Value, json};
use testkit::memory::LedgerCall;

use crate::reading::completed_document;
use crate::running::{Response, Running, send, start};
use crate::stored::{booked, completed};
use crate::world::{CALL_ID, World, contact, user};

async fn list(gateway: &Running, query: &str) -> Response {
    send(gateway.read(&format!("/api/calls/history{query}"))).await
}

fn listed(response: &Response) -> Vec<&str> {
    let calls = response.body["calls"].as_array().expect("a list");
    calls.iter().map(|call| call["callId"].as_str().expect("an id")).collect()
}

/// This many calls, the newest first: `call-0`, `call-1` and so on.
fn calls(number: u8) -> Vec<LedgerCall> {
    let aged = |age: u8| {
        let mut call = booked(&format!("call-{age}"));
        call.booking.booked_at = Timestamp::from_unix_millis(1_772_442_600_042 - i64::from(age));
        call
    };
    (0..number).map(aged).collect()
}

#[tokio::test]
async fn calls_are_listed_without_their_transcripts() {
    let response = list(&start(&World::with_calls([completed(CALL_ID)])).await, "").await;
    response.assert_ok(200, &json!({ "success": true, "calls": [completed_document()], "total": 1 }));
}

#[tokio::test]
async fn no_calls_are_an_empty_list() {
    let response = list(&start(&World::new()).await, "").await;
    response.assert_ok(200, &json!({ "success": true, "calls": [], "total": 0 }));
}

#[tokio::test]
async fn every_parameter_selects_calls() {
    let mut calls = calls(210);
    calls[3].booking.identity.contact_id = ContactId::parse("c+1").expect("a valid id");
    calls[5].booking.identity.user_id = UserId::parse("u2").expect("a valid id");
    calls[7].progress.status = Some(CallStatus::NoAnswer);
    calls[11].booking.identity.agent_id = AgentId::parse("a2").expect("a valid id");
    calls[13].booking.identity.to = PhoneNumber::parse("+14165550199").expect("a valid number");
    let world = World::with_calls(calls);
    world.memory.import(&[contact("c+1", "o1", None), user("u2")]);
    let gateway = start(&world).await;
    let cases = [
        ("?contactId=c%2B1", 3..4, 1),
        ("?userId=u2", 5..6, 1),
        ("?status=no-answer", 7..8, 1),
        ("?status=no-answer,completed", 7..8, 1),
        ("?agentId=a2", 11..12, 1),
        ("?toNumber=%2B14165550199", 13..14, 1),
        ("?toNumber=14165550199", 13..14, 1),
        ("?toNumber=%2B1%20(416)%20555-0199", 13..14, 1),
        // A `+` that is not escaped is a space.
        ("?toNumber=+14165550199", 13..14, 1),
        // The call of this age was booked at this time, and the one before it a millisecond earlier.
        ("?from=2026-03-02T09:10:00.040Z", 0..3, 3),
        ("?from=2026-03-02T10:10:00.040%2B01:00&to=2026-03-02T09:10:00.042Z", 1..3, 2),
        ("?limit=1&offset=9", 9..10, 210),
        ("?limit=1&offset=100000", 0..0, 210),
        ("?limit=200&offset=0", 0..200, 210),
        ("", 0..50, 210),
        ("?contactId=&userId=&agentId=&toNumber=&status=&from=&to=&limit=&offset=&before=", 0..50, 210),
    ];
    for (query, expected, total) in cases {
        let response = list(&gateway, query).await;
        assert_eq!(response.status, 200, "{query}: {}", response.body);
        let expected: Vec<_> = expected.map(|age| format!("call-{age}")).collect();
        assert_eq!(
            (listed(&response), &response.body["total"]),
            (expected.iter().map(String::as_str).collect(), &json!(total)),
            "{query}"
        );
    }
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn an_invalid_parameter_is_named() {
    let too_long = format!("?contactId={}", "x".repeat(129));
    let cases: [(&str, &[&str]); 25] = [
        (&too_long, &["contactId"]),
        ("?contactId=a%00", &["contactId"]),
        ("?userId=a%0Ab", &["userId"]),
        ("?status=finished", &["status"]),
        ("?status=Completed", &["status"]),
        ("?status=completed,", &["status"]),
        ("?status=completed,finished", &["status"]),
        ("?agentId=a%00", &["agentId"]),
        ("?toNumber=0416", &["toNumber"]),
        ("?from=2026-03-02", &["from"]),
        ("?to=2026-03-02T10:10:00+01:00", &["to"]),
        ("?from=1772442600", &["from"]),
        ("?limit=0", &["limit"]),
        ("?limit=201", &["limit"]),
        ("?limit=-1", &["limit"]),
        ("?limit=%2B1", &["limit"]),
        ("?limit=1.0", &["limit"]),
        ("?limit=99999999999999999999", &["limit"]),
        ("?limit=hunter2", &["limit"]),
        ("?offset=100001", &["offset"]),
        ("?offset=%20", &["offset"]),
        ("?before=hunter2", &["before"]),
        ("?before=MTcwMDAwMDAwMDAwMCBjMQ&offset=1", &["before"]),
        ("?limit=x&offset=y&status=z", &["status", "limit", "offset"]),
        ("?limit=1&limit=2", &[]),
    ];
    let gateway = start(&World::lost()).await;
    for (query, fields) in cases {
        list(&gateway, query).await.assert_invalid(fields, query);
    }
}

#[tokio::test]
async fn the_cursor_of_a_full_page_leads_to_the_next() {
    let gateway = start(&World::with_calls(calls(5))).await;
    let first = list(&gateway, "?limit=2&status=initiated").await;
    assert_eq!((listed(&first), &first.body["total"]), (vec!["call-0", "call-1"], &json!(5)));
    let cursor = first.body["nextCursor"].as_str().expect("a cursor").to_owned();
    assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{cursor}");
    let second = list(&gateway, &format!("?limit=200&before={cursor}")).await;
    // Three of at most 200: no page follows.
    assert_eq!(listed(&second), ["call-2", "call-3", "call-4"]);
    assert_eq!((second.status, &second.body["nextCursor"]), (200, &Value::Null));
}

/// The same calls as in JSON, and the way to the next page.
#[tokio::test]
async fn a_client_can_have_rows() {
    let gateway = start(&World::with_calls(calls(3))).await;
    let path = "/api/calls/history?limit=2&status=initiated&offset=0";
    let listed = send(gateway.read(path)).await.body;
    let ask = async |accept: &str| {
        let response = gateway.read(path).header("Accept", accept).send().await.expect("a response");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let link = response.headers()["link"].to_str().expect("text").to_owned();
        let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        (content_type, link, response.text().await.expect("text"))
    };

    let (content_type, link, rows) = ask("application/x-ndjson").await;
    assert_eq!(content_type, "application/x-ndjson");
    let calls: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(Value::from(calls), listed["calls"]);
    let cursor = listed["nextCursor"].as_str().expect("a next page");
    let next = format!("/api/calls/history?limit=2&status=initiated&before={cursor}");
    assert_eq!(link, format!("<{next}>; rel=\"next\""));
    assert_eq!(send(gateway.read(&next)).await.body["calls"][0]["callId"], "call-2");

    let (content_type, csv_link, rows) = ask("text/csv").await;
    assert_eq!((content_type.as_str(), csv_link), ("text/csv; charset=utf-8; header=present", link));
    let mut rows = rows.split("\n").map(|row| row.split(',').collect::<Vec<_>>());
    let columns = rows.next().expect("the names of the columns");
    let row = rows.next().expect("the first call");
    assert_eq!(columns.len(), row.len());
    for (column, value) in columns.into_iter().zip(row) {
        let call = &listed["calls"][0];
        let field = match column {
            "contactId" => &call["contactId"]["_id"],
            "firstName" | "lastName" => &call["contactId"][column],
            "userId" => &call["userId"]["_id"],
            "userName" => &call["userId"]["fullName"],
            _ => &call[column],
        };
        let expected = field.as_str().map_or_else(|| field.to_string(), ToOwned::to_owned);
        assert_eq!(value, expected.trim_start_matches("null"), "{column}");
    }
    assert_eq!(rows.count(), 2, "the second call, and the end of its line");
}
