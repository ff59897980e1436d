//! Clients that disconnect, and processes that are killed or paused.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;
use testkit::eventually;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Process, World};

const NUMBER: &str = "+14165550182";

/// Requests a call and resets the connection once the phone rings.
async fn call_and_disconnect(process: &Process, world: &World) {
    let request = process.client.call_request(&json!({ "phoneNumber": NUMBER })).build();
    let request = request.expect("the request is valid");
    let body = request.body().and_then(|body| body.as_bytes()).expect("the body is JSON");
    let address = process.client.address();
    let lines = [
        format!("POST {} HTTP/1.1", request.url().path()),
        format!("host: {address}"),
        format!("authorization: Bearer {}", process.client.token()),
        "content-type: application/json".to_owned(),
        format!("content-length: {}", body.len()),
    ];
    let head = lines.join("\r\n") + "\r\n\r\n";
    let mut connection = TcpStream::connect(address).await.expect("the gateway listens");
    connection.write_all(head.as_bytes()).await.expect("the gateway reads the head");
    connection.write_all(body).await.expect("the gateway reads the body");
    world.wait_for_dial_to(NUMBER).await;
    // With a linger of zero, closing resets the connection, and the HTTP server drops its request.
    connection.set_zero_linger().expect("the connection is open");
}

/// Requests the call again until the response is that of a duplicate.
async fn wait_for_duplicate(process: &Process) {
    eventually("the request becomes a duplicate", async || {
        let response = process.client.call_number(NUMBER).await;
        assert!(response.is_duplicate() || response.is_in_flight(), "{}", response.body);
        response.is_duplicate()
    })
    .await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_client_has_gone_is_recorded_and_deduplicated(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 1000 });
    let process = world.spawn().await;
    call_and_disconnect(&process, &world).await;
    wait_for_duplicate(&process).await;
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_placed_and_recorded_although_the_log_is_closed(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 100 });
    let mut process = world.spawn().await;
    process.close_log().await;
    let placed = process.client.call_number(NUMBER).await;
    assert!(placed.is_new_call(), "{}", placed.body);
    assert!(process.client.call_number(NUMBER).await.is_duplicate(), "the call was recorded");
    process.signal("TERM").await;
    assert!(process.ended().await.success());
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_client_has_gone_survives_sigterm(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 1500 });
    let mut process = world.spawn().await;
    call_and_disconnect(&process, &world).await;
    sleep(Duration::from_millis(200)).await;
    process.signal("TERM").await;
    assert!(process.ended().await.success(), "{}", process.log());
    let next = world.spawn().await;
    let again = next.client.call_number(NUMBER).await;
    assert!(again.is_duplicate(), "the call was recorded before the process ended: {}", again.body);
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
}

/// The process is killed while the phone rings. Later requests are in flight and do not dial.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_cut_short_by_a_crash_is_not_dialled_again(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock();
    world.script(Behaviour::Answer { after_ms: 60_000 });
    let process = world.spawn().await;
    let first = process.client.start_calling(NUMBER);
    world.wait_for_dial_to(NUMBER).await;
    process.kill().await;
    assert!(first.try_response().await.is_none(), "the connection breaks");

    let next = world.spawn().await;
    let response = next.client.call_number(NUMBER).await;
    assert!(response.is_in_flight(), "{}", response.body);
    // The lock has expired by then. The reservation holds until the phone can no longer ring.
    sleep(Duration::from_millis(2000)).await;
    let response = next.client.call_number(NUMBER).await;
    assert!(response.is_in_flight(), "{}", response.body);
    // No longer than the lock: a result that comes by then is still held when the client comes back.
    assert!((1..=2).contains(&response.retry_after()), "{}", response.retry_after());
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
}

/// The process is paused while the phone rings, for longer than its lock lives. When it continues,
/// it overwrites nothing that other processes have written.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_paused_mid_dial_makes_no_second_dial(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock();
    world.script(Behaviour::Answer { after_ms: 1000 });
    let paused = world.spawn().await;
    let other = world.spawn().await;
    let first = paused.client.start_calling(NUMBER);
    world.wait_for_dial_to(NUMBER).await;
    paused.signal("STOP").await;
    sleep(Duration::from_millis(2500)).await;
    let response = other.client.call_number(NUMBER).await;
    assert!(response.is_in_flight(), "{}", response.body);
    paused.signal("CONT").await;
    let first = first.response().await;
    assert!(first.is_new_call(), "{}", first.body);
    let again = other.client.call_number(NUMBER).await;
    assert!(again.is_duplicate(), "the paused process settled its own reservation: {}", again.body);
    assert_eq!(world.simulator.dials_to(NUMBER), 1);
}
