//! The commands, as an operator runs them.

use std::fmt::Write as _;

use serde_json::{Value, json};
use simulator::Behaviour;

use crate::on_both_backings;
use crate::support::{Backing, Client, World, run_outdial};

/// Writes a file and imports it; what the command said, and whether it succeeded.
async fn import(world: &World, lines: &str) -> (bool, String) {
    let file = world.folder().join("import.ndjson");
    std::fs::write(&file, lines).expect("the folder is writable");
    let ended = run_outdial(&["import", file.to_str().expect("an ASCII path")], world.settings()).await;
    (ended.status.success(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

on_both_backings! {
    async fn an_import_is_all_or_nothing_and_names_the_bad_line(world: World) {
        let contact = |id: &str, number: &str| {
            json!({ "kind": "contact", "id": id, "organizationId": "o1", "phoneNumber": number }).to_string()
        };
        let good = contact("new-1", "+14165550160");
        for (bad, reason) in [
            (contact("new-2", "+1416"), "line 3: phoneNumber: not a valid E.164 phone number"),
            (contact("new-2", "+14165550190"), "line 3: another contact of the organization has its phone number"),
            (contact("c2", "+14165550161"), "line 3: its id belongs to another organization"),
            (json!({ "kind": "contact", "id": "new-2", "organizationId": "o9" }).to_string(), "line 3: its organization is not known"),
            ("{\"kind\":".to_owned(), "line 3: not a JSON object"),
        ] {
            let (succeeded, said) = import(&world, &format!("{good}\n\n{bad}\n")).await;
            assert!(!succeeded && said.contains(reason), "{reason}: {said}");
            assert!(said.contains("nothing was imported"), "{said}");
            assert!(!said.contains("416555"), "no value is quoted: {said}");
        }
        world.script(Behaviour::Answer { after_ms: 10 });
        let gateway = world.start().await;
        gateway.client.place(json!({ "contactId": "new-1" })).await.assert(404, "CONTACT_NOT_FOUND");
        let (succeeded, said) = import(&world, &good).await;
        assert!(succeeded, "{said}");
        assert!(gateway.client.place(json!({ "contactId": "new-1" })).await.is_placed_anew());
        gateway.stop().await;
    }

    async fn a_file_of_many_contacts_is_loaded_and_loaded_again(world: World) {
        let mut lines = String::new();
        for n in 0..100_000 {
            let number = format!("+1647{}{:06}", 2 + n % 8, n);
            writeln!(lines, r#"{{"kind":"contact","id":"bulk-{n}","organizationId":"o1","firstName":"B","phoneNumber":"{number}"}}"#)
                .expect("writing to a string does not fail");
        }
        for _ in 0..2 {
            let (succeeded, said) = import(&world, &lines).await;
            assert!(succeeded, "{said}");
        }
        world.script(Behaviour::Answer { after_ms: 10 });
        let gateway = world.start().await;
        assert!(gateway.client.place(json!({ "contactId": "bulk-99999" })).await.is_placed_anew());
        gateway.stop().await;
    }

    async fn a_token_that_the_command_signs_is_accepted(world: World) {
        let token = world.outdial(&["token", "--user", "u1", "--ttl", "5m"]).await;
        let gateway = world.start().await;
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = format!("http://{}/api/calls/ai/outbound", gateway.address());
        let response = http.post(url).bearer_auth(token.trim()).json(&json!({})).send().await.expect("an answer");
        assert_eq!(response.status(), 400, "it got past the token");
        gateway.stop().await;
    }
}

/// `serve` says which command brings the schema up to date, and does not serve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unmigrated_database_is_refused() {
    let world = World::without_directory(Backing::Services).await;
    let ended = run_outdial(&["serve"], world.settings()).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && said.contains("outdial migrate"), "{said}");
    for _ in 0..2 {
        let ended = run_outdial(&["migrate"], world.settings()).await;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.is_empty(), "{said}");
    }
}

/// With nothing configured: the printed `curl`, taken at its word, places a call once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_curl_places_a_call() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mut child = crate::support::outdial_in(folder.path(), &["serve"], &[("OUTDIAL_BIND", "127.0.0.1:0")]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut said = String::new();
    while !said.contains("/docs") {
        said.push_str(&lines.next_line().await.expect("UTF-8").expect("it goes on"));
        said.push('\n');
    }
    let command: String =
        said.lines().skip_while(|line| !line.contains("curl")).take(4).collect::<Vec<_>>().join("\n");
    let curl = |script: String| async move {
        let ended = tokio::process::Command::new("sh").args(["-c", &script]).output().await.expect("a shell");
        assert!(ended.status.success(), "{script}: {}", String::from_utf8_lossy(&ended.stderr));
        serde_json::from_slice::<Value>(&ended.stdout).expect("JSON")
    };
    let first = curl(command.clone()).await;
    assert_eq!((&first["success"], &first["deduplicated"]), (&json!(true), &json!(false)), "{first}");
    let again = curl(command).await;
    assert_eq!(again["deduplicated"], true, "{again}");
    for field in ["conversationId", "sipCallId", "message"] {
        assert!(first[field].is_string() && first[field] == again[field], "{field}: {first}");
    }
    let dials = said.lines().find(|line| line.contains("/sim/dials")).expect("it says where");
    let dials = curl(dials[dials.find("curl").expect("a command")..].to_owned()).await;
    assert_eq!(dials["total"], 1, "{dials}");
    let read = said.lines().find(|line| line.contains("/api/calls/history")).expect("it says how to read it");
    let mut history = Value::Null;
    for _ in 0..100 {
        history = curl(read.trim().to_owned()).await;
        if history["calls"][0]["status"] == "completed" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        (&history["calls"][0]["status"], &history["total"]),
        (&json!("completed"), &json!(1)),
        "{history}"
    );
    assert_eq!(history["calls"][0]["callId"], first["callId"]);
    assert_ignored_by_git(folder.path());
    child.kill().await.expect("it runs");
}

/// `make run` leaves its files in the repository: none of them, the secret least of all, is one to commit.
fn assert_ignored_by_git(folder: &std::path::Path) {
    let ignored = include_str!("../../../.gitignore");
    for file in std::fs::read_dir(folder).expect("the folder is there") {
        let name = file.expect("a file").file_name().into_string().expect("an ASCII name");
        let patterns = match name.split_once('.') {
            Some((_, extension)) => format!("*.{extension}"),
            None => format!("/{name}/"),
        };
        assert!(ignored.lines().any(|line| line == patterns), "{name} is not ignored");
    }
}

/// `outdial simulate` speaks to whoever dials it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_works_on_a_simulator_of_its_own_process() {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    let mut world = World::new(Backing::Embedded).await;
    let mut child = crate::support::outdial_in(world.folder(), &["simulate", "--bind", "127.0.0.1:0"], &[]);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let first = lines.next_line().await.expect("UTF-8").expect("it says where it listens");
    let address = first
        .split_whitespace()
        .find_map(|word| word.trim_end_matches([':', ',']).parse::<std::net::SocketAddr>().ok());
    world.set("OUTDIAL_ELEVENLABS_BASE_URL", format!("http://{}", address.expect("an address")));
    let gateway = world.start().await;
    let client: &Client = &gateway.client;
    assert!(client.call_number("+14165550110").await.is_placed_anew());
    client.call_number("+14165550151").await.assert(500, "PROVIDER_REJECTED");
    gateway.stop().await;
    child.kill().await.expect("it runs");
}
