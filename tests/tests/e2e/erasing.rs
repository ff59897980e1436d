//! A person is exported and erased while a gateway runs, with the real commands on both kinds of stores.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use rstest::rstest;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use testkit::eventually;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, Receiver, World};

const NUMBER: &str = "+14165550176";
const DIGITS: &str = "14165550176";
const REASON: &str = "a quince harvest";
/// What is stored of the person. The last one is a part of the recorded conversation.
const PERSON: [&str; 6] = [DIGITS, "Ottoline", "Featherstone", REASON, "walnut", "damson"];
const OF_NUMBER: [&str; 4] = ["--organization", "o1", "--number", NUMBER];

fn exit_status(output: &Output) -> Option<i32> {
    output.status.code()
}

async fn import_person(world: &World) {
    let lines = [
        json!({ "kind": "contact", "id": "c9", "organizationId": "o1", "firstName": "Ottoline",
                "lastName": "Featherstone", "phoneNumber": NUMBER }),
        json!({ "kind": "consent", "organizationId": "o1", "phoneNumber": NUMBER, "consent": "express",
                "givenAt": "2026-01-01T00:00:00Z", "method": "damson" }),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n");
    assert_eq!(world.import(&lines).await, (true, String::new()));
}

/// A recorded call of the person, whose events a receiver got. Returns its id.
async fn recorded_call(world: &World, gateway: &Gateway) -> String {
    let webhooks = WebhookScript { audio: true, ..WebhookScript::default() };
    let answer = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 20 });
    world.simulator.script(answer.webhook(webhooks));
    let call = json!({ "contactId": "c9", "callReason": REASON, "metadata": { "order": "walnut" } });
    let call_id = gateway.client.place_with_key("a-key", &call).await.call_id();
    gateway.client.read_call_when(&call_id, "completed").await;
    eventually("the call has a recording", async || {
        gateway.client.get(&format!("/api/calls/{call_id}/recording")).await.status == 200
    })
    .await;
    call_id
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("the path exists").permissions().mode() & 0o777
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_person_is_in_no_table_and_no_file(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_lock();
    import_person(&world).await;
    let gateway = world.start_with_webhooks().await;
    let receiver = Receiver::start().await;
    gateway.client.register_endpoint(&receiver.url()).await;
    let call_id = recorded_call(&world, &gateway).await;
    let suppressed = json!({ "contactId": "c9", "reason": "damson" });
    assert_eq!(gateway.client.post("/api/suppressions", &suppressed).await.status, 200);
    let call = gateway.client.read_call(&call_id).await;
    let said = call["transcript"][0]["message"].as_str().expect("a transcript").to_owned();
    let summary = call["summary"].as_str().expect("a summary").to_owned();

    // What is exported is what is searched for.
    let (document, recordings) = (world.folder().join("person.json"), world.folder().join("exported"));
    let (output, folder) = (document.to_str().expect("ASCII"), recordings.to_str().expect("ASCII"));
    let options = ["export-person", "--output", output, "--recordings", folder];
    world.outdial(&[&options[..], &OF_NUMBER].concat()).await;
    let exported = std::fs::read_to_string(&document).expect("the document is written");
    for text in PERSON.into_iter().chain([said.as_str(), summary.as_str()]) {
        assert!(exported.contains(text), "{text} is not exported");
    }
    assert_eq!((mode(&document), files(&recordings)), (0o600, 1));
    let refused = world.try_outdial(&[&options[..], &OF_NUMBER].concat()).await;
    assert_eq!(exit_status(&refused), Some(1), "a document is overwritten");
    assert!(world.places_of(DIGITS).await > 0);

    let rehearsed = world.try_outdial(&[&["erase", "--dry-run", "--json"][..], &OF_NUMBER].concat()).await;
    let erased = eventually("nothing blocks the erasure", async || {
        let output = world.try_outdial(&[&["erase", "--json"][..], &OF_NUMBER].concat()).await;
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        match exit_status(&output) {
            Some(0) => Some(report),
            status => {
                assert_eq!(status, Some(4), "{}", String::from_utf8_lossy(&output.stderr));
                None
            }
        }
    })
    .await;
    assert!([Some(0), Some(4)].contains(&exit_status(&rehearsed)));
    let counts = &erased["erased"];
    for (name, least) in
        [("contacts", 1), ("calls", 1), ("recordings", 1), ("consents", 1), ("suppressions", 1)]
    {
        assert_eq!(counts[name], json!(least), "{name}: {erased}");
    }

    for text in PERSON.into_iter().chain([said.as_str(), summary.as_str()]) {
        assert_eq!(world.places_of(text).await, 0, "{text} is left");
    }
    assert_eq!(files(&world.folder().join("recordings")), 0, "the recording is left");

    // The ledger is consistent, and the person is not called again.
    let call = gateway.client.read_call(&call_id).await;
    assert_eq!((&call["erased"], &call["to"]), (&json!(true), &json!("+99900000000")), "{call}");
    assert_eq!((&call["status"], &call["transcript"]), (&json!("completed"), &json!([])), "{call}");
    assert!(call["duration"].is_number() && call["contactId"].get("firstName").is_none(), "{call}");
    assert_eq!(gateway.client.get("/api/calls/history").await.body["total"], 1);
    let path = format!("/api/suppressions?phoneNumber=%2B{DIGITS}");
    let listed = gateway.client.get(&path).await.body;
    assert_eq!(listed["suppressions"][0]["numberErased"], json!(true), "{listed}");
    assert!(listed["suppressions"][0].get("phoneNumber").is_none(), "{listed}");
    let dials = world.simulator.dials().len();
    let again = json!({ "contactId": "c9", "callReason": REASON, "metadata": { "order": "walnut" } });
    let repeated = gateway.client.place_with_key("a-key", &again).await;
    repeated.assert_error(400, "IDEMPOTENCY_KEY_REUSED");
    gateway.client.place(json!({ "phoneNumber": NUMBER })).await.assert_error(400, "CALLEE_OPTED_OUT");
    assert_eq!(world.simulator.dials().len(), dials, "the person was called again");

    let repeated = world.outdial(&[&["erase"][..], &OF_NUMBER].concat()).await;
    assert!(repeated.starts_with("erased: contacts 0, calls 0, recordings 0"), "{repeated}");
    gateway.stop().await;
}

/// A call that has not ended refuses the erasure, and is named. The audit has the erasure after it.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ringing_phone_blocks_an_erasure(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with_short_ringing();
    import_person(&world).await;
    let gateway = world.start().await;
    world.script(Behaviour::Answer { after_ms: 20 });
    let call_id = gateway.client.place(json!({ "contactId": "c9", "callReason": REASON })).await.call_id();
    let blocked = world.try_outdial(&["erase", "--organization", "o1", "--contact", "c9"]).await;
    let text = String::from_utf8_lossy(&blocked.stdout).into_owned();
    assert_eq!(exit_status(&blocked), Some(4), "{text}");
    assert!(text.contains(&format!("call {call_id} has not ended")), "{text}");
    assert_eq!(gateway.client.read_call(&call_id).await["to"], NUMBER);
    let everywhere = world.try_outdial(&["erase", "--all-organizations", "--json", "--number", NUMBER]).await;
    let report: Value = serde_json::from_slice(&everywhere.stdout).expect("a report");
    assert_eq!(report["blocked"][0]["organizationId"], "o1", "{report}");
    assert_eq!(report["blocked"][0]["calls"], json!([call_id]), "{report}");
    gateway.stop().await;
}
