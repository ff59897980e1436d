//! Every request, however malformed, has a documented response.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::running::{Response, Running, send, start};
use crate::world::World;

fn started() -> (Runtime, Running) {
    let runtime = Runtime::new().expect("a runtime");
    let gateway = runtime.block_on(start(&World::new()));
    (runtime, gateway)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[+]?[0-9]{0,18}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_request() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        "contactId",
        "phoneNumber",
        "agentId",
        "fromNumber",
        "callReason",
        "dynamicVariables",
        "metadata",
        "[a-z]{1,8}"
    ];
    let value = prop_oneof![Just(json!("c1")), Just(json!("+14165550110")), any_json()];
    prop::collection::vec((field, value), 0..6)
        .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()))
}

fn assert_documented(response: &Response) {
    match response.status {
        200 => assert_eq!(response.body["success"], true),
        status @ (400 | 404) => {
            let code = response.body["code"].as_str().expect("a code").to_owned();
            response.assert_error(status, &code);
        }
        status => panic!("{status}: {}", response.body),
    }
}

#[test]
fn any_request_in_json_has_a_documented_response() {
    let (runtime, gateway) = started();
    proptest!(config(), |(request in any_request())| {
        assert_documented(&runtime.block_on(gateway.place(request)));
    });
}

#[test]
fn any_bytes_have_a_documented_response() {
    let (runtime, gateway) = started();
    proptest!(config(), |(body in prop::collection::vec(any::<u8>(), 0..200))| {
        assert_documented(&runtime.block_on(send(gateway.post(body))));
    });
}

#[test]
fn no_made_up_authorization_is_accepted() {
    let (runtime, gateway) = started();
    let made_up = prop_oneof![
        "(Bearer |bearer )?[ -~]{0,60}",
        "Bearer [A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}[.][A-Za-z0-9_-]{0,40}"
    ];
    proptest!(config(), |(authorization in made_up)| {
        let request = gateway.anonymous_post().header("authorization", authorization).body("{}");
        runtime.block_on(send(request)).assert_error(401, "UNAUTHORIZED");
    });
}
