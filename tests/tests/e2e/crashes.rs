//! Clients that hang up, and processes that die or stand still.

use std::time::Duration;

use serde_json::json;
use simulator::Behaviour;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::on_both_backings;
use crate::support::{Process, World};

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
        let log = process.log();
        assert!(log.contains("request"), "something is logged");
        let token = client.token();
        let signature = token.rsplit('.').next().expect("three parts");
        for secret in ["4165550190", "4165550183", "4165550184", "416555018", "Lovelace", reason, signature, "simulated-api-key"] {
            assert!(!log.contains(secret), "{secret} was logged: {}", log.lines().find(|line| line.contains(secret)).unwrap_or_default());
        }
    }
}
