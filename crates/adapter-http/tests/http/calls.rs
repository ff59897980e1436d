//! What happens to a call when its client disconnects, the gateway stops, or the code panics.

use domain::MaxShare;
use futures_util::FutureExt;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::io::AsyncWriteExt;

use crate::log::{log, message_is};
use crate::running::{Options, send, soon, start, start_with};
use crate::world::World;

/// How many calls of this world have a recorded outcome.
fn settled(world: &World) -> usize {
    world.memory.tables().calls.iter().filter(|call| call.dial.is_some()).count()
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_end_the_call() {
    let (world, phones) = World::ringing();
    let log = log();
    let gateway = start(&world).await;
    let mut client = gateway.raw_head("Content-Length: 18\r\nX-Request-Id: hangs-up\r\n").await;
    client.write_all(br#"{"contactId":"c1"}"#).await.expect("the body is sent");
    eventually("the phone rings", async || phones.arrived() == 1).await;
    // With this option, closing resets the connection, and the server drops the handler.
    client.set_zero_linger().expect("a socket option");
    drop(client);
    let gone = |line: &Value| message_is(line, "the client disconnected before its response");
    eventually("the handler is dropped", async || log.lines("hangs-up").iter().any(gone)).await;
    assert_eq!((gateway.calls.in_flight(), settled(&world)), (1, 0));
    phones.release(1);
    eventually("the call is settled", async || settled(&world) == 1).await;
    eventually("no call is running", async || gateway.calls.in_flight() == 0).await;
    assert_eq!(world.provider.dials().len(), 1);
}

#[tokio::test]
async fn a_call_above_the_limit_is_refused_and_not_booked() {
    let (world, phones) = World::ringing();
    let max_share = MaxShare::from_percent(100).expect("a valid part");
    let gateway = start_with(&world, Options { max_in_flight: 2, max_share, ..Options::default() }).await;
    let first = gateway.post(r#"{"contactId":"c1"}"#);
    let second = gateway.post(r#"{"phoneNumber":"+14165550112"}"#);
    let calls = [tokio::spawn(send(first)), tokio::spawn(send(second))];
    eventually("two phones ring", async || phones.arrived() == 2).await;
    let third = gateway.place(json!({ "phoneNumber": "+14165550113" })).await;
    third.assert_error(500, "SERVICE_UNAVAILABLE");
    third.assert_retry_after();
    assert_eq!((phones.arrived(), world.memory.tables().calls.len()), (2, 2));
    phones.release(3);
    for call in calls {
        assert_eq!(soon(call).await.expect("a response").status, 200);
    }
    eventually("no call is running", async || gateway.calls.in_flight() == 0).await;
    assert_eq!(gateway.place(json!({ "phoneNumber": "+14165550113" })).await.status, 200);
    assert_eq!(world.provider.dials().len(), 3);
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_gives_its_permit_back() {
    let gateway = start_with(&World::panicking(), Options { max_in_flight: 1, ..Options::default() }).await;
    for _ in 0..3 {
        soon(gateway.place(json!({ "contactId": "c1" }))).await.assert_error(500, "INTERNAL");
    }
    assert_eq!(gateway.calls.in_flight(), 0);
}

#[tokio::test]
async fn a_closed_runner_ends_its_calls_and_starts_no_more() {
    let (world, phones) = World::ringing();
    let gateway = start(&world).await;
    let call = tokio::spawn(send(gateway.post(r#"{"contactId":"c1"}"#)));
    eventually("the phone rings", async || phones.arrived() == 1).await;
    gateway.calls.close();
    let refused = gateway.place(json!({ "phoneNumber": "+14165550112" })).await;
    refused.assert_error(500, "SERVICE_UNAVAILABLE");
    assert_eq!(phones.arrived(), 1);
    assert!(gateway.calls.drained().now_or_never().is_none());
    phones.release(1);
    soon(gateway.calls.drained()).await;
    assert_eq!(gateway.calls.in_flight(), 0);
    assert_eq!(soon(call).await.expect("a response").status, 200);
}

#[tokio::test]
async fn a_graceful_stop_waits_for_the_response_of_a_dial() {
    let (world, phones) = World::ringing();
    let gateway = start(&world).await;
    // An idle connection must not delay the stop.
    assert_eq!(send(gateway.get("/healthz")).await.status, 200);
    let call = tokio::spawn(send(gateway.post(r#"{"contactId":"c1"}"#)));
    eventually("the phone rings", async || phones.arrived() == 1).await;
    let stopped = tokio::spawn(gateway.server.stop(true));
    let address = gateway.address;
    eventually("the gateway refuses connections", async || std::net::TcpStream::connect(address).is_err())
        .await;
    assert!(!stopped.is_finished() && !call.is_finished());
    phones.release(1);
    assert_eq!(soon(call).await.expect("a response").status, 200);
    soon(stopped).await.expect("the server has stopped");
}
