//! What becomes of a call when something else ends: the client, the process's patience, the code itself.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::log::{log, message_is};
use crate::running::{Options, answer, start, start_with};
use crate::world::World;

const PLENTY: Duration = Duration::from_secs(20);

/// Waits until something is so; a test that waits in vain fails here.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PLENTY, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PLENTY, future).await.expect("it ends")
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_call() {
    let world = World::ringing();
    let (pick_ups, dials, settled) =
        (Arc::clone(&world.pick_ups), Arc::clone(&world.dials), Arc::clone(&world.settled));
    let log = log();
    let gateway = start(world).await;
    let mut client = gateway.raw_head("Content-Length: 18\r\nX-Request-Id: hangs-up\r\n").await;
    client.write_all(br#"{"contactId":"c1"}"#).await.expect("the body is sent");
    until("the phone rings", || dials.load(Ordering::SeqCst) == 1).await;
    // Without lingering, closing resets the connection, which makes the server drop the handler where it stands.
    client.set_zero_linger().expect("a socket option");
    drop(client);
    let gone = |line: &Value| message_is(line, "the client disconnected before its response");
    until("the handler is dropped", || log.lines("hangs-up").iter().any(gone)).await;
    assert_eq!((gateway.calls.in_flight(), settled.load(Ordering::SeqCst)), (1, 0));
    pick_ups.add_permits(1);
    until("the call is settled", || settled.load(Ordering::SeqCst) == 1).await;
    until("the desk is empty", || gateway.calls.in_flight() == 0).await;
    assert_eq!(dials.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn more_calls_than_may_be_are_refused_before_anything_is_asked() {
    let world = World::ringing();
    let (pick_ups, dials) = (Arc::clone(&world.pick_ups), Arc::clone(&world.dials));
    let gateway = start_with(world, Options { max_in_flight: 2, ..Options::default() }).await;
    let first = gateway.post(r#"{"contactId":"c1"}"#);
    let second = gateway.post(r#"{"contactId":"c1"}"#);
    let calls = [tokio::spawn(answer(first)), tokio::spawn(answer(second))];
    until("two phones ring", || dials.load(Ordering::SeqCst) == 2).await;
    let third = gateway.place(json!({ "contactId": "c1" })).await;
    third.assert_error(500, "SERVICE_UNAVAILABLE");
    assert!(third.header("retry-after").is_some());
    assert_eq!(dials.load(Ordering::SeqCst), 2);
    pick_ups.add_permits(3);
    for call in calls {
        assert_eq!(soon(call).await.expect("an answer").status, 200);
    }
    until("there is room again", || gateway.calls.in_flight() == 0).await;
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_gives_its_seat_back() {
    let gateway = start_with(
        World { broken: true, ..World::new() },
        Options { max_in_flight: 1, ..Options::default() },
    )
    .await;
    for _ in 0..3 {
        soon(gateway.place(json!({ "contactId": "c1" }))).await.assert_error(500, "INTERNAL");
    }
    assert_eq!(gateway.calls.in_flight(), 0);
}

#[tokio::test]
async fn a_closed_desk_ends_what_it_has_and_takes_nothing_more() {
    let world = World::ringing();
    let (pick_ups, dials) = (Arc::clone(&world.pick_ups), Arc::clone(&world.dials));
    let gateway = start(world).await;
    let call = tokio::spawn(answer(gateway.post(r#"{"contactId":"c1"}"#)));
    until("the phone rings", || dials.load(Ordering::SeqCst) == 1).await;
    gateway.calls.close();
    gateway.place(json!({ "contactId": "c1" })).await.assert_error(500, "SERVICE_UNAVAILABLE");
    assert_eq!(dials.load(Ordering::SeqCst), 1);
    assert!(gateway.calls.drained().now_or_never().is_none());
    pick_ups.add_permits(1);
    soon(gateway.calls.drained()).await;
    assert_eq!(gateway.calls.in_flight(), 0);
    assert_eq!(soon(call).await.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_graceful_stop_waits_for_the_answer_of_a_dial() {
    let world = World::ringing();
    let (pick_ups, dials) = (Arc::clone(&world.pick_ups), Arc::clone(&world.dials));
    let gateway = start(world).await;
    // An idle connection must not hold the stop up.
    assert_eq!(answer(gateway.get("/healthz")).await.status, 200);
    let call = tokio::spawn(answer(gateway.post(r#"{"contactId":"c1"}"#)));
    until("the phone rings", || dials.load(Ordering::SeqCst) == 1).await;
    let stopped = tokio::spawn(gateway.server.stop(true));
    let address = gateway.address;
    until("nobody new is let in", || std::net::TcpStream::connect(address).is_err()).await;
    assert!(!stopped.is_finished() && !call.is_finished());
    pick_ups.add_permits(1);
    assert_eq!(soon(call).await.expect("an answer").status, 200);
    soon(stopped).await.expect("stopped");
}
