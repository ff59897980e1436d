//! Clients that hang up, and processes that die or stand still.

use std::time::Duration;

use serde_json::json;
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::on_both_backings;
use crate::support::{Process, Receiver, TOOL_SECRET, WEBHOOK_SECRET, World};

const NUMBER: &str = "+14165550182";

async fn dialled(world: &World) {
    for _ in 0..1000 {
        if world.simulator.dials_to(NUMBER) > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing was dialled");
}

/// A client that asks for a call and resets the connection once the phone rings.
async fn ask_and_hang_up(process: &Process, world: &World) {
    let request = process.client.request(&json!({ "phoneNumber": NUMBER })).build().expect("a request");
    let (url, body) = (request.url(), request.body().and_then(|body| body.as_bytes()).expect("JSON"));
    let address = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        url.path(),
        process.client.token(),
        body.len()
    );
    let mut connection = TcpStream::connect(&address).await.expect("it listens");
    connection.write_all(head.as_bytes()).await.expect("sent");
    connection.write_all(body).await.expect("sent");
    dialled(world).await;
    // With a linger of zero the connection is reset, which is what makes a server drop what it was doing.
    connection.set_zero_linger().expect("a live socket");
}

/// Until a duplicate is answered from the result.
async fn becomes_a_duplicate(process: &Process) -> bool {
    for _ in 0..100 {
        let answer = process.client.call_number(NUMBER).await;
        if answer.is_duplicate() {
            return true;
        }
        assert!(answer.is_in_flight(), "{}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

on_both_backings! {
    async fn a_call_whose_client_has_gone_is_booked_and_deduplicated(world: World) {
        world.script(Behaviour::Answer { after_ms: 1000 });
        let process = world.spawn().await;
        ask_and_hang_up(&process, &world).await;
        assert!(becomes_a_duplicate(&process).await);
        assert_eq!(world.simulator.dials_to(NUMBER), 1);
    }

    async fn a_call_is_placed_and_booked_though_nobody_reads_the_log(world: World) {
        world.script(Behaviour::Answer { after_ms: 100 });
        let mut process = world.spawn().await;
        process.stop_reading_its_log().await;
        let placed = process.client.call_number(NUMBER).await;
        assert!(placed.is_placed_anew(), "{}", placed.body);
        assert!(process.client.call_number(NUMBER).await.is_duplicate(), "it was booked");
        process.signal("TERM").await;
        assert!(process.ended().await.success());
    }

    async fn a_call_whose_client_has_gone_survives_sigterm(world: World) {
        world.script(Behaviour::Answer { after_ms: 1500 });
        let mut process = world.spawn().await;
        ask_and_hang_up(&process, &world).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        process.signal("TERM").await;
        assert!(process.ended().await.success(), "{}", process.log());
        let next = world.spawn().await;
        assert!(next.client.call_number(NUMBER).await.is_duplicate(), "it was booked before the process ended");
        assert_eq!(world.simulator.dials_to(NUMBER), 1);
    }

    /// Killed while the phone rings: whoever comes next is told to wait, not to dial.
    async fn a_call_cut_short_by_a_crash_is_not_dialled_again(world: World) {
        let world = world.with_a_short_lock();
        world.script(Behaviour::Answer { after_ms: 60_000 });
        let process = world.spawn().await;
        let client = process.client.clone();
        let first = tokio::spawn(async move { client.try_place(json!({ "phoneNumber": NUMBER })).await });
        dialled(&world).await;
        process.kill().await;
        assert!(first.await.expect("no panic").is_none(), "the connection broke");

        let next = world.spawn().await;
        let answer = next.client.call_number(NUMBER).await;
        assert!(answer.is_in_flight(), "{}", answer.body);
        // The lock lapses with its owner; the guard blocks until the phone can no longer ring.
        tokio::time::sleep(Duration::from_millis(2000)).await;
        let answer = next.client.call_number(NUMBER).await;
        assert!(answer.is_in_flight(), "{}", answer.body);
        assert!(answer.retry_after() > 60, "{}", answer.retry_after());
        assert_eq!(world.simulator.dials_to(NUMBER), 1);
    }

    /// A process that stands still for longer than its lock lives while the phone rings writes nothing over what others know.
    async fn a_process_that_stands_still_mid_dial_makes_no_second_dial(world: World) {
        let world = world.with_a_short_lock();
        world.script(Behaviour::Answer { after_ms: 1000 });
        let sleeper = world.spawn().await;
        let other = world.spawn().await;
        let client = sleeper.client.clone();
        let first = tokio::spawn(async move { client.call_number(NUMBER).await });
        dialled(&world).await;
        sleeper.signal("STOP").await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let answer = other.client.call_number(NUMBER).await;
        assert!(answer.is_in_flight(), "{}", answer.body);
        sleeper.signal("CONT").await;
        assert!(first.await.expect("no panic").is_placed_anew());
        assert!(other.client.call_number(NUMBER).await.is_duplicate(), "the guard was settled by its own token");
        assert_eq!(world.simulator.dials_to(NUMBER), 1);
    }

    async fn nothing_personal_is_logged(world: World) {
        let mut world = world;
        world.set("OUTDIAL_LOG", "trace");
        let process = world.spawn().await;
        let client = &process.client;
        world.script(Behaviour::Answer { after_ms: 10 });
        let reason = "a very private reason";
        client.place(json!({ "contactId": "c1", "callReason": reason })).await;
        world.script(Behaviour::http_error(422));
        client.call_number("+14165550183").await;
        world.script(Behaviour::DropConnection);
        client.call_number("+14165550184").await;
        client.call_number("+1416555018").await;

        // What follows the call: its events sent, taken and not, its recording, and who calls.
        world.report_to(client.address());
        let receiver = Receiver::start().await;
        let (endpoint, secret) = client.register(&receiver.url()).await;
        receiver.answer(500);
        let recorded = ScriptedBehaviour::new(Behaviour::Answer { after_ms: 10 });
        world.simulator.script(recorded.webhook(WebhookScript { audio: true, ..WebhookScript::default() }));
        let mut stream = client.follow(Some("0")).await;
        let placed = client.place(json!({ "phoneNumber": "+14165550185", "callReason": reason })).await;
        let call_id = placed.body["callId"].as_str().expect("an id").to_owned();
        let call = client.read_until(&call_id, "completed").await;
        while stream.next().await.name != "call_recording_ready" {}
        receiver.received_until(|received| received.len() >= 3).await;
        receiver.answer(204);
        let renewed = client.post_as_user(&format!("/api/webhook-endpoints/{endpoint}/secret"), &json!({})).await;
        let received = receiver.received_until(|received| received.iter().any(|sent| sent.event()["type"] == "call_recording_ready")).await;
        let unusable = format!("https://{}/s3cret-of-the-url", client.address());
        client.post_as_user("/api/webhook-endpoints", &json!({ "url": unusable })).await;
        client.post_as_user("/api/webhook-endpoints", &json!({ "url": "http://user:s3cret-of-the-url@127.0.0.1/" })).await;
        client.post_as_user("/api/webhook-endpoints", &json!({ "url": "http://s3cret-of-the-url.invalid/" })).await;
        let recording = client.get_as_user(&format!("/api/calls/{call_id}/recording")).await;
        let audio = recording.body["audioData"].as_str().expect("a recording");
        let asked = json!({ "conversation_id": "conv_inbound", "caller_id": "+14165550190", "called_id": "+14165550100" });
        let told = client.post_with_bearer("/api/webhook/elevenlabs/personalization", TOOL_SECRET, &asked).await;
        assert_eq!(told.body["caller_name"], "Ada Lovelace");

        let keys = [secret.as_str(), renewed.body["secret"].as_str().expect("a secret")].map(|key| key.trim_start_matches("whsec_"));
        let signature_sent = received[0].header("webhook-signature").trim_start_matches("v1,").to_owned();
        let said = call["transcript"][0]["message"].as_str().expect("a transcript");
        let host = receiver.url().split('/').nth(2).expect("a host").to_owned();
        let log = process.log();
        assert!(log.contains("request"), "something is logged");
        let token = client.token();
        let signature = token.rsplit('.').next().expect("three parts");
        for secret in ["4165550190", "4165550183", "4165550184", "416555018", "Lovelace", reason, signature, "simulated-api-key",
            "4165550185", "s3cret-of-the-url", &host, keys[0], keys[1], &signature_sent, said, call["summary"].as_str().expect("a summary"),
            &audio[audio.len() - 60..], TOOL_SECRET, WEBHOOK_SECRET, "4165550100", "Analytical Engines"] {
            assert!(!log.contains(secret), "{secret} was logged: {}", log.lines().find(|line| line.contains(secret)).unwrap_or_default());
        }
    }
}
