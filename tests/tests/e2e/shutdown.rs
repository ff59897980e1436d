//! SIGTERM and SIGINT: the gateway finishes the calls under way and accepts no new ones.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::Behaviour;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Process, World};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_signal_mid_dial_delivers_the_response_and_records_the_call(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 1500 });
    for (signal, number) in [("TERM", "+14165550185"), ("INT", "+14165550186")] {
        let dials = world.simulator.dials().len();
        let mut process = world.spawn().await;
        let first = process.client.start_calling(number);
        world.wait_for_dial_to(number).await;
        process.signal(signal).await;
        sleep(Duration::from_millis(400)).await;
        let late = process.client.try_place(json!({ "phoneNumber": "+14165550187" })).await;
        assert!(late.is_none(), "the listener is closed");
        let first = first.response().await;
        assert!(first.is_new_call(), "{signal}: {}", first.body);
        assert!(process.ended().await.success(), "{signal}: {}", process.log());
        assert_eq!(world.simulator.dials().len(), dials + 1);

        let next = world.spawn().await;
        let again = next.client.call_number(number).await;
        assert!(again.is_duplicate(), "{signal}: {}", again.body);
        assert_eq!(again.body["callId"], first.body["callId"]);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_fails_before_the_listener_closes(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await.with("OUTDIAL_DRAIN_NOTICE_MS", "1500");
    let mut process = world.spawn().await;
    let status = async |process: &Process, path: &str| {
        process.client.get_unauthenticated(path).await.map(|response| response.status.as_u16())
    };
    assert_eq!(status(&process, "/readyz").await, Some(200));
    assert_eq!(status(&process, "/healthz").await, Some(200));
    process.signal("TERM").await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(status(&process, "/readyz").await, Some(503), "the listener is still open");
    assert_eq!(status(&process, "/healthz").await, Some(200), "the process still runs");
    assert!(process.ended().await.success());
    assert_eq!(status(&process, "/healthz").await, None);
}
