//! Listing agents, numbers and contacts.

use serde_json::{Value, json};

use crate::log::log;
use crate::running::{send, start};
use crate::world::{World, agent, contact, number, organization, user};

/// The paths, and the name of the list in each.
const LISTS: [(&str, &str); 3] =
    [("/api/agents", "agents"), ("/api/numbers", "numbers"), ("/api/contacts", "contacts")];

#[tokio::test]
async fn records_are_listed_with_what_is_known_of_them() {
    let world = World::new();
    world.memory.import(&[user("u2"), agent("a0", None), contact("c0", "o1", None)]);
    world.memory.import(&[number("o1", "u2", "+14165550101")]);
    {
        let mut tables = world.memory.tables();
        let bare = tables.directory.numbers.last_mut().expect("a number");
        bare.number.provider_number_id = None;
        (bare.number.ai_enabled, bare.number.on_trunk) = (false, false);
        tables.directory.contacts.last_mut().expect("a contact").first_name = None;
    }
    let gateway = start(&world).await;
    let expected = [
        json!([
            { "_id": "a0", "name": "Agent", "voiceEnabled": true },
            { "_id": "a1", "name": "Agent", "voiceEnabled": true, "providerAgentId": "agent_1" }
        ]),
        json!([
            {
                "phoneNumber": "+14165550100",
                "userId": "u1",
                "carrier": "sinch",
                "aiEnabled": true,
                "onTrunk": true,
                "providerNumberId": "phnum_1"
            },
            {
                "phoneNumber": "+14165550101",
                "userId": "u2",
                "carrier": "sinch",
                "aiEnabled": false,
                "onTrunk": false
            }
        ]),
        json!([
            { "_id": "c0" },
            { "_id": "c1", "firstName": "Ada", "phoneNumber": "+14165550110" }
        ]),
    ];
    for ((path, list), records) in LISTS.into_iter().zip(expected) {
        send(gateway.read(path)).await.assert_ok(200, &json!({ "success": true, list: records, "total": 2 }));
    }
}

#[tokio::test]
async fn another_organizations_records_are_not_listed() {
    let world = World::new();
    world.memory.import(&[organization("o2"), contact("c2", "o2", Some("+14165550119"))]);
    {
        let mut tables = world.memory.tables();
        let directory = &mut tables.directory;
        for agent in &mut directory.agents {
            agent.organization_id = crate::world::organization_id("o2");
        }
        for number in &mut directory.numbers {
            number.number.organization_id = crate::world::organization_id("o2");
        }
        directory.contacts.remove(0);
    }
    let gateway = start(&world).await;
    for (path, list) in LISTS {
        send(gateway.read(path)).await.assert_ok(200, &json!({ "success": true, list: [], "total": 0 }));
    }
}

/// An id may be any text, and a number begins with `+`.
#[tokio::test]
async fn the_cursor_of_a_full_page_of_records_leads_to_the_next() {
    let world = World::new();
    for index in 2..=5 {
        let (id, phone) = (format!("é {index}?&"), format!("+1416555011{index}"));
        world.memory.import(&[
            agent(&id, None),
            contact(&id, "o1", Some(&phone)),
            number("o1", "u1", &phone),
        ]);
    }
    let gateway = start(&world).await;
    for (path, list) in LISTS {
        let all = send(gateway.read(path)).await.body[list].clone();
        let mut paged = Vec::new();
        let mut query = "?limit=2".to_owned();
        for _ in 0..3 {
            let page = send(gateway.read(&format!("{path}{query}"))).await.body;
            assert_eq!(page["total"], 5);
            paged.extend(page[list].as_array().expect("a list").clone());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            assert!(cursor.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
            query = format!("?limit=2&after={cursor}");
        }
        assert_eq!((Value::from(paged.clone()), paged.len()), (all, 5), "{path}");
    }
}

/// More than 10,000 are not counted: nothing but the page is read.
#[tokio::test]
async fn the_total_of_records_is_a_lower_bound_above_10_000() {
    let world = World::new();
    {
        let contacts = &mut world.memory.tables().directory.contacts;
        let first = contacts[0].clone();
        contacts.extend((0..10_000).map(|index| domain::Contact {
            id: domain::ContactId::parse(&format!("more-{index}")).expect("a valid id"),
            ..first.clone()
        }));
    }
    let gateway = start(&world).await;
    let page = send(gateway.read("/api/contacts?limit=1")).await.body;
    assert_eq!((&page["total"], &page["totalIsLowerBound"]), (&json!(10_000), &json!(true)));
    world.memory.tables().directory.contacts.pop();
    let page = send(gateway.read("/api/contacts?limit=1")).await.body;
    assert_eq!((&page["total"], &page["totalIsLowerBound"]), (&json!(10_000), &Value::Null));
}

/// A query of the store would make this a 500.
#[tokio::test]
async fn an_invalid_parameter_of_a_list_is_named() {
    let gateway = start(&World::lost()).await;
    let too_long = format!("?after={}", "A".repeat(201));
    let cases: [(&str, &[&str]); 9] = [
        ("?limit=0", &["limit"]),
        ("?limit=201", &["limit"]),
        ("?limit=hunter2", &["limit"]),
        ("?after=%20", &["after"]),
        ("?after=AAAA", &["after"]),
        (&too_long, &["after"]),
        ("?limit=x&after=-", &["after", "limit"]),
        ("?offset=1", &["offset"]),
        ("?limit=1&limit=2", &[]),
    ];
    for (path, _) in LISTS {
        for (query, fields) in cases {
            send(gateway.read(&format!("{path}{query}"))).await.assert_invalid(fields, query);
        }
    }
    // The cursor of another list.
    send(gateway.read("/api/numbers?after=YzE")).await.assert_invalid(&["after"], "a cursor of contacts");
}

#[tokio::test]
async fn lists_take_the_token_of_a_user() {
    let (anonymous, unknown) = (start(&World::lost()).await, start(&World::without_user()).await);
    for (path, _) in LISTS {
        send(anonymous.get(path)).await.assert_error(401, "UNAUTHORIZED");
        send(unknown.read(path)).await.assert_error(404, "USER_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_list_without_its_store_is_a_500_whose_cause_is_logged_once() {
    let log = log();
    let gateway = start(&World::lost_except_users()).await;
    for (path, list) in LISTS {
        let id = format!("list-of-{list}-lost");
        send(gateway.read(path).header("x-request-id", &id)).await.assert_unavailable(&log, &id);
    }
}

#[tokio::test]
async fn nothing_of_a_listed_record_is_logged() {
    let log = log();
    let gateway = start(&World::new()).await;
    for (path, _) in LISTS {
        let path = format!("{path}?limit=1&after=");
        let response = send(gateway.read(&path).header("x-request-id", "private-list")).await;
        assert_eq!(response.status, 200);
    }
    log.assert_private("private-list", &["4165550110", "4165550100", "Ada"]);
}
