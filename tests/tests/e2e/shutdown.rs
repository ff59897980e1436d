//! SIGTERM and SIGINT: nothing is lost and nothing is taken.

use std::time::Duration;

use serde_json::json;
use simulator::Behaviour;

use crate::on_both_backings;

const NUMBER: &str = "+14165550185";

on_both_backings! {
    async fn sigterm_mid_dial_delivers_the_reply_and_books_the_call(world: World) {
        world.script(Behaviour::Answer { after_ms: 1500 });
        for signal in ["TERM", "INT"] {
            let before = world.simulator.dials().len();
            let mut process = world.spawn().await;
            let number = if signal == "TERM" { NUMBER } else { "+14165550186" };
            let client = process.client.clone();
            let first = tokio::spawn(async move { client.call_number(number).await });
            while world.simulator.dials().len() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            process.signal(signal).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            let late = process.client.try_place(json!({ "phoneNumber": "+14165550187" })).await;
            assert!(late.is_none(), "the listener is closed");
            let first = first.await.expect("no panic");
            assert!(first.is_placed_anew(), "{signal}: {}", first.body);
            assert!(process.ended().await.success(), "{signal}: {}", process.log());
            assert_eq!(world.simulator.dials().len(), before + 1);

            let next = world.spawn().await;
            let again = next.client.call_number(number).await;
            assert!(again.is_duplicate(), "{signal}: {}", again.body);
            assert_eq!(again.body["callId"], first.body["callId"]);
        }
    }

    async fn readiness_says_no_before_the_listener_closes(world: World) {
        let mut world = world;
        world.set("OUTDIAL_DRAIN_NOTICE_MS", "1500");
        let mut process = world.spawn().await;
        assert_eq!(process.client.get("/readyz").await.expect("an answer").status, 200);
        assert_eq!(process.client.get("/healthz").await.expect("an answer").status, 200);
        process.signal("TERM").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(process.client.get("/readyz").await.expect("it still listens").status, 503);
        assert_eq!(process.client.get("/healthz").await.expect("it still lives").status, 200);
        assert!(process.ended().await.success());
        assert!(process.client.get("/healthz").await.is_none());
    }
}
