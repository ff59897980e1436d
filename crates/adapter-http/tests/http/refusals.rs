//! Reading how many requests were refused.

use std::time::Duration;

use domain::RefusalCode;
use domain::ports::{RefusalCount, RefusalCounts as _};
use serde_json::{Value, json};

use crate::log::log;
use crate::running::{send, start};
use crate::world::{NOW, World, organization_id};

const HOUR: Duration = Duration::from_hours(1);
/// The time of the world is 22:13:20.
const IN_THE_HOUR: Duration = Duration::from_secs(13 * 60 + 20);

/// A world whose organization has refusals in its first hour, in the two hours before, and a day
/// before. Another organization has some too.
async fn world() -> World {
    let world = World::new();
    let now = NOW.before(IN_THE_HOUR);
    let of = |organization, hours_ago: u32, code, refusals| RefusalCount {
        organization_id: organization_id(organization),
        hour: now.before(HOUR * hours_ago),
        code,
        refusals,
    };
    let counts = [
        of("o1", 0, RefusalCode::UserCallLimit, 4),
        of("o1", 1, RefusalCode::ClosedDay, 2),
        of("o1", 1, RefusalCode::CalleeOptedOut, 1),
        of("o1", 24, RefusalCode::CoolDown, 9),
        of("o2", 1, RefusalCode::ClosedDay, 7),
    ];
    world.memory.add(&counts).await.expect("the store is up");
    world
}

#[tokio::test]
async fn refusals_of_the_last_day_are_counted_by_hour_and_code() {
    let gateway = start(&world().await).await;
    let response = send(gateway.read("/api/calls/refusals")).await;
    let expected = json!({
        "success": true,
        "refusals": [
            { "hour": "2023-11-14T21:00:00.000Z", "code": "CALLEE_OPTED_OUT", "count": 1 },
            { "hour": "2023-11-14T21:00:00.000Z", "code": "CLOSED_DAY", "count": 2 },
            { "hour": "2023-11-14T22:00:00.000Z", "code": "USER_CALL_LIMIT", "count": 4 }
        ]
    });
    assert_eq!((response.status, response.body), (200, expected));
}

#[tokio::test]
async fn the_span_of_the_refusals_is_chosen() {
    let gateway = start(&world().await).await;
    for (query, counts) in [
        ("from=2023-11-13T22:00:00Z&to=2023-11-14T22:00:00Z", vec![9, 1, 2]),
        ("from=2023-11-13T22:00:01Z", vec![1, 2, 4]),
        ("to=2023-11-14T22:00:00Z", vec![9, 1, 2]),
        ("from=2023-11-14T22:00:00Z&to=", vec![4]),
        ("from=2023-09-01T00:00:00Z", vec![]),
        ("from=2023-10-14T22:00:00Z&to=2023-11-14T22:00:00Z", vec![9, 1, 2]),
    ] {
        let body = send(gateway.read(&format!("/api/calls/refusals?{query}"))).await.body;
        let listed = body["refusals"].as_array().expect("a list").iter();
        let listed: Vec<Value> = listed.map(|refusals| refusals["count"].clone()).collect();
        assert_eq!(listed, counts, "{query}");
    }
}

#[tokio::test]
async fn a_span_that_is_not_valid_is_refused() {
    let gateway = start(&world().await).await;
    for (query, field) in [
        ("from=yesterday", "from"),
        ("to=2023-11-14", "to"),
        ("from=2023-11-14T22:00:00Z&to=2023-11-14T22:00:00Z", "to"),
        ("from=2023-10-14T21:59:59Z&to=2023-11-14T22:00:00Z", "to"),
        ("until=2023-11-14T22:00:00Z", "until"),
    ] {
        let response = send(gateway.read(&format!("/api/calls/refusals?{query}"))).await;
        response.assert_invalid(&[field], query);
    }
}

#[tokio::test]
async fn refusals_that_cannot_be_read_are_an_error() {
    send(start(&World::without_user()).await.read("/api/calls/refusals"))
        .await
        .assert_error(404, "USER_NOT_FOUND");
    let (log, id) = (log(), "refusals-of-a-lost-store");
    let gateway = start(&World::lost_except_users()).await;
    let request = gateway.read("/api/calls/refusals").header("x-request-id", id);
    send(request).await.assert_unavailable(&log, id);
}
