//! Listing calls: filters, pages, cursors.

use domain::ports::HistoryQuery;
use domain::{CallStatus, ContactId, HistoryFilter, OrganizationId, UserId};
use serde_json::{Value, json};

use crate::books::{Asked, Books, booked};
use crate::reading::{completed, completed_document};
use crate::running::{Answer, Options, Running, answer, start_with};
use crate::world::{CALL_ID, World};

async fn start_listing(books: &Books) -> Running {
    start_with(World::new(), Options { books: books.clone(), ..Options::default() }).await
}

async fn list(gateway: &Running, query: &str) -> Answer {
    answer(gateway.read(&format!("/api/calls/history{query}"))).await
}

/// What is asked of the books where the client asks for nothing.
fn usual() -> HistoryQuery {
    HistoryQuery {
        organization_id: OrganizationId::parse("organization of u1").expect("an id"),
        filter: HistoryFilter {
            contact_id: None,
            user_id: None,
            status: None,
            before: None,
            limit: 50,
            offset: 0,
        },
    }
}

#[tokio::test]
async fn calls_are_listed_without_their_transcripts() {
    let books = Books { total: 41, ..Books::of(vec![completed(CALL_ID)]) };
    let answer = list(&start_listing(&books).await, "").await;
    let expected = json!({ "success": true, "calls": [completed_document()], "total": 41 });
    assert_eq!((answer.status, &answer.body), (200, &expected));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(books.asked(), [Asked::History(usual())]);
}

#[tokio::test]
async fn no_calls_are_an_empty_list() {
    let answer = list(&start_listing(&Books::default()).await, "").await;
    assert_eq!((answer.status, answer.body), (200, json!({ "success": true, "calls": [], "total": 0 })));
}

#[tokio::test]
async fn every_parameter_reaches_the_books() {
    let contact = |id| Some(ContactId::parse(id).expect("an id"));
    let cases = [
        (
            "?contactId=c%2B1",
            HistoryQuery {
                filter: HistoryFilter { contact_id: contact("c+1"), ..usual().filter.clone() },
                ..usual()
            },
        ),
        (
            "?userId=u2",
            HistoryQuery {
                filter: HistoryFilter { user_id: UserId::parse("u2").ok(), ..usual().filter.clone() },
                ..usual()
            },
        ),
        (
            "?status=no-answer",
            HistoryQuery {
                filter: HistoryFilter { status: Some(CallStatus::NoAnswer), ..usual().filter.clone() },
                ..usual()
            },
        ),
        (
            "?limit=1&offset=100000",
            HistoryQuery {
                filter: HistoryFilter { limit: 1, offset: 100_000, ..usual().filter.clone() },
                ..usual()
            },
        ),
        (
            "?limit=200&offset=0",
            HistoryQuery { filter: HistoryFilter { limit: 200, ..usual().filter.clone() }, ..usual() },
        ),
        ("?contactId=&userId=&status=&limit=&offset=&before=", usual()),
        ("?organizationId=o2&organization_id=o2&page=7&page=8&&=", usual()),
    ];
    for (query, expected) in cases {
        let books = Books::default();
        let answer = list(&start_listing(&books).await, query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        assert_eq!(books.asked(), [Asked::History(expected)], "{query}");
    }
}

#[tokio::test]
async fn a_parameter_at_fault_is_named() {
    let too_long = format!("?contactId={}", "x".repeat(129));
    let cases: [(&str, &[&str]); 18] = [
        (&too_long, &["contactId"]),
        ("?contactId=a%00", &["contactId"]),
        ("?userId=a%0Ab", &["userId"]),
        ("?status=finished", &["status"]),
        ("?status=Completed", &["status"]),
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
    let books = Books::default();
    let gateway = start_listing(&books).await;
    for (query, fields) in cases {
        let answer = list(&gateway, query).await;
        answer.assert_error(400, "VALIDATION_FAILED");
        let details = answer.body["error"]["details"].as_array().expect("a list");
        let named: Vec<_> = details.iter().filter_map(|detail| detail["field"].as_str()).collect();
        assert_eq!(named, fields, "{query}");
        assert!(!answer.body.to_string().contains("hunter2"), "{}", answer.body);
    }
    assert_eq!(books.asked(), []);
}

#[tokio::test]
async fn the_cursor_of_a_full_page_leads_to_the_next() {
    let books = Books::of(vec![booked("newest"), booked("second"), booked("oldest")]);
    let gateway = start_listing(&books).await;
    let first = list(&gateway, "?limit=2&status=initiated").await;
    let cursor = first.body["nextCursor"].as_str().expect("a cursor").to_owned();
    assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{cursor}");
    let second = list(&gateway, &format!("?limit=200&before={cursor}")).await;
    // Three of at most 200: there is no page after it.
    assert_eq!((second.status, &second.body["nextCursor"]), (200, &Value::Null));
    let last = booked("second");
    let expected = HistoryQuery {
        filter: HistoryFilter {
            limit: 200,
            before: Some((last.booked_at, last.identity.call_id)),
            ..usual().filter.clone()
        },
        ..usual()
    };
    assert_eq!(books.asked().last(), Some(&Asked::History(expected)));
}
