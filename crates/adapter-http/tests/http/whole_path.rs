//! The whole path: a request over HTTP, records and locks in SQLite, a dial over HTTP to the
//! simulator.

use std::sync::Arc;

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings};
use adapter_sqlite::{SqliteSettings, SqliteStore};
use domain::ports::{CallReader, Directory};
use domain::{
    CallId, CallMetadata, CallPolicy, DestinationRules, DirectoryRecord, OrganizationId, PlaceCall,
    PlaceCallPorts,
};
use serde_json::{Value, json};
use simulator::{Settings, Simulator};
use testkit::clock::ManualClock;
use url::Url;

use crate::running::{Options, Running, runtime_for_calls, send, start_calling};
use crate::world::{World, agent, contact, directory, identifiers, number, organization};

/// A gateway that places calls with SQLite and the simulator, which runs a thousand times as fast as
/// a real provider.
async fn start() -> (Running, Simulator) {
    let (gateway, simulator, _) = start_with_store().await;
    (gateway, simulator)
}

async fn start_with_store() -> (Running, Simulator, Arc<SqliteStore>) {
    let settings = Settings { time_scale: 0.001, ..Settings::with_any_id() };
    let simulator = Simulator::start(settings).await.expect("a free port");
    let base_url = Url::parse(&simulator.base_url()).expect("a URL");
    let calls = runtime_for_calls();
    // A connection belongs to the runtime that opened it: here the runtime of the calls.
    let placing = calls.spawn(place_call(base_url)).await;
    let (place_call, store) = placing.expect("the store and the client start");
    (start_calling(calls, place_call, &World::new(), Options::default()), simulator, store)
}

async fn place_call(base_url: Url) -> (PlaceCall, Arc<SqliteStore>) {
    let store = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("a store");
    store.migrate().await.expect("a schema");
    let mut import = store.begin().await.expect("an import");
    import.upsert(&records()).await.expect("the records are valid");
    import.commit().await.expect("the records are stored");
    let settings = ElevenLabsSettings { base_url, ..ElevenLabsSettings::new("any".into()) };
    let store = Arc::new(store);
    let ports = PlaceCallPorts {
        directory: store.clone(),
        contacts: store.clone(),
        lock: store.clone(),
        ledger: store.clone(),
        keys: store.clone(),
        provider: Arc::new(ElevenLabs::new(&settings).expect("the settings are valid")),
        contexts: store.clone(),
        clock: Arc::new(ManualClock::new()),
        identifiers: identifiers(),
        rules: Arc::new(testkit::rules::ScriptedRules::default()),
    };
    (PlaceCall::new(ports, CallPolicy::default(), DestinationRules::default()), store)
}

fn records() -> Vec<DirectoryRecord> {
    let DirectoryRecord::Number(mut not_on_trunk) = number("o1", "u1", "+14165550101") else {
        unreachable!("the record is a number")
    };
    not_on_trunk.position = 1;
    not_on_trunk.number.on_trunk = false;
    let mut records = directory();
    records.extend([
        organization("o2"),
        agent("unsynced", None),
        DirectoryRecord::Number(not_on_trunk),
        contact("no-phone", "o1", None),
        contact("foreign", "o2", Some("+14165550111")),
    ]);
    records
}

#[tokio::test]
async fn a_call_is_placed_and_its_duplicate_gets_the_same_ids() {
    let (gateway, simulator) = start().await;
    let first = gateway.place(json!({ "contactId": "c1", "callReason": "Follow up" })).await;
    assert_eq!((first.status, &first.body["deduplicated"]), (200, &json!(false)), "{}", first.body);
    assert!(first.body["conversationId"].is_string() && first.body["sipCallId"].is_string());
    // The contact's number in another spelling, with another reason: the same intent.
    let second = gateway.place(json!({ "phoneNumber": "14165550110", "agentId": "a1" })).await;
    let mut expected = first.body;
    expected["deduplicated"] = json!(true);
    assert_eq!((second.status, second.body), (200, expected));
    assert_eq!(simulator.dials().len(), 1);
}

/// The agent gets the variables of the request that dialled, and the ledger keeps what this one gave.
#[tokio::test]
async fn a_duplicate_changes_neither_variables_nor_metadata() {
    let (gateway, simulator, store) = start_with_store().await;
    let given = json!({ "first_name": "Zoë", "count": -3, "price": 41.5, "is_new": true });
    let body = r#"{ "contactId": "c1", "metadata": { "z": [1.10, 12345678901234567890123], "a": null },
                    "dynamicVariables": { "first_name": "Zoë", "count": -3, "price": 41.5, "is_new": true } }"#;
    let first = send(gateway.post(body)).await;
    assert_eq!((first.status, &first.body["deduplicated"]), (200, &json!(false)), "{}", first.body);
    let other = json!({ "contactId": "c1", "dynamicVariables": { "other": 1 }, "metadata": "other" });
    let second = gateway.place(other).await;
    assert_eq!((second.status, &second.body["deduplicated"]), (200, &json!(true)), "{}", second.body);

    let dials = simulator.dials();
    assert_eq!(dials.len(), 1);
    let sent = &dials[0].dynamic_variables;
    for (name, value) in given.as_object().expect("an object") {
        assert_eq!(&sent[name], value);
    }
    assert_eq!(sent.len(), 8, "the gateway's own variables besides: {sent:?}");

    let organization_id = OrganizationId::parse("o1").expect("an id");
    let call_id = CallId::parse(first.body["callId"].as_str().expect("an id")).expect("an id");
    let call = store.find(&organization_id, &call_id).await.expect("the store is up").expect("the call");
    let metadata = call.metadata.as_ref().map(CallMetadata::as_json);
    assert_eq!(metadata, Some(r#"{"z":[1.10,12345678901234567890123],"a":null}"#));
    let names: Vec<&str> = call.variables.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["count", "first_name", "is_new", "price"]);
}

#[tokio::test]
async fn every_outcome_of_a_dial_has_its_response_and_its_effect_on_a_retry() {
    let (gateway, simulator) = start().await;
    // Number, code, reason, code of an immediate retry, dials after both.
    let cases = [
        ("+14165550113", "CALL_NOT_CONNECTED", json!("busy"), "CALL_NOT_CONNECTED", 1),
        ("+14165550114", "CALL_NOT_CONNECTED", json!("no-answer"), "CALL_NOT_CONNECTED", 1),
        ("+14165550116", "CALL_NOT_CONNECTED", json!("declined"), "CALL_NOT_CONNECTED", 1),
        ("+14165550131", "CALL_OUTCOME_UNKNOWN", Value::Null, "OUTBOUND_IN_FLIGHT", 1),
        ("+14165550133", "CALL_OUTCOME_UNKNOWN", Value::Null, "OUTBOUND_IN_FLIGHT", 1),
        ("+14165550151", "PROVIDER_REJECTED", json!("insufficient_credits"), "PROVIDER_REJECTED", 0),
    ];
    for (number, code, reason, again, dials) in cases {
        let first = gateway.place(json!({ "phoneNumber": number })).await;
        first.assert_error(500, code);
        assert_eq!(first.body["reason"], reason, "{number}");
        let second = gateway.place(json!({ "phoneNumber": number })).await;
        second.assert_error(if again == "OUTBOUND_IN_FLIGHT" { 429 } else { 500 }, again);
        let same_call = first.body["callId"] == second.body["callId"];
        assert_eq!(same_call, again == "CALL_NOT_CONNECTED", "{number}");
        assert_eq!(simulator.dials_to(number), dials, "{number}");
    }
    simulator.refuse_connections(true).await;
    gateway.place(json!({ "contactId": "c1" })).await.assert_error(500, "PROVIDER_UNAVAILABLE");
    simulator.refuse_connections(false).await;
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
}

#[tokio::test]
async fn a_call_that_the_provider_gives_no_ids_for_is_placed() {
    let (gateway, _simulator) = start().await;
    let response = gateway.place(json!({ "phoneNumber": "+14165550119" })).await;
    assert_eq!((response.status, &response.body["success"]), (200, &json!(true)), "{}", response.body);
    assert_eq!((response.body.get("conversationId"), response.body.get("sipCallId")), (None, None));
}

#[tokio::test]
async fn a_call_that_the_records_do_not_allow_is_refused_and_nothing_is_dialled() {
    let (gateway, simulator) = start().await;
    let cases = [
        (json!({ "contactId": "no-phone" }), 400, "CONTACT_HAS_NO_PHONE"),
        (json!({ "contactId": "c1", "phoneNumber": "+14165550119" }), 400, "CONTACT_PHONE_MISMATCH"),
        (json!({ "contactId": "c1", "agentId": "unknown" }), 400, "AGENT_NOT_FOUND"),
        (json!({ "contactId": "c1", "agentId": "unsynced" }), 400, "AGENT_NOT_SYNCED"),
        (json!({ "contactId": "c1", "fromNumber": "+14165550109" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (json!({ "contactId": "c1", "fromNumber": "+14165550101" }), 400, "NUMBER_NOT_ON_TRUNK"),
        (json!({ "phoneNumber": "+14165550101" }), 400, "DESTINATION_NOT_ALLOWED"),
    ];
    for (body, status, code) in cases {
        gateway.place(body).await.assert_error(status, code);
    }
    let foreign = gateway.place(json!({ "contactId": "foreign" })).await;
    let unknown = gateway.place(json!({ "contactId": "unknown" })).await;
    foreign.assert_error(404, "CONTACT_NOT_FOUND");
    assert_eq!(foreign.body, unknown.body);
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn many_requests_of_one_intent_dial_once() {
    let (gateway, simulator) = start().await;
    let requests = (0..50).map(|_| tokio::spawn(send(gateway.post(r#"{"phoneNumber":"+14165550199"}"#))));
    let mut placed = 0;
    for request in requests.collect::<Vec<_>>() {
        let response = request.await.expect("a response");
        match response.status {
            200 if response.body["deduplicated"] == false => placed += 1,
            200 => assert!(response.body["conversationId"].is_string()),
            _ => response.assert_error(429, "OUTBOUND_IN_FLIGHT"),
        }
    }
    assert_eq!((placed, simulator.dials().len()), (1, 1));
}
