//! After the dial: what the provider tells, early, late, twice, garbled or not at all, comes into the books once and for all.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour, WebhookScript};

use crate::on_both_backings;
use crate::support::{Gateway, World};

const NUMBER: &str = "+14165550175";

/// Places a call to a phone that does so, with this done to its events, and gives the call's id.
async fn call(world: &World, gateway: &Gateway, behaviour: Behaviour, events: WebhookScript) -> String {
    world.simulator.script(ScriptedBehaviour::new(behaviour).webhook(events));
    let answer = gateway.client.call_number(NUMBER).await;
    answer.body["callId"].as_str().unwrap_or_else(|| panic!("a call: {}", answer.body)).to_owned()
}

/// A gateway that the simulator reports to.
async fn start(world: &World) -> Gateway {
    let gateway = world.start().await;
    world.report_to(gateway.address());
    gateway
}

/// Until every delivery of at least one event was answered; the statuses.
async fn delivered(world: &World) -> Vec<Option<u16>> {
    for _ in 0..150 {
        let deliveries = world.simulator.webhook_deliveries();
        if !deliveries.is_empty() {
            tokio::time::sleep(Duration::from_millis(300)).await;
            return world.simulator.webhook_deliveries().iter().map(|delivery| delivery.status).collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing was delivered");
}

const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };

on_both_backings! {
    async fn a_finished_call_is_read_with_what_was_said(world: World) {
        let gateway = start(&world).await;
        let call_id = call(&world, &gateway, ANSWER, WebhookScript::default()).await;
        let read = gateway.client.read_until(&call_id, "completed").await;
        assert_eq!((&read["callId"], &read["to"], &read["from"]), (&json!(call_id), &json!(NUMBER), &json!("+14165550100")));
        assert_eq!(read["direction"], "outbound");
        assert_eq!(read["contactId"]["phoneNumber"], NUMBER);
        assert_eq!(read["userId"]["fullName"], "Charles Babbage");
        assert!(read["transcript"].as_array().is_some_and(|lines| lines.len() > 1), "{read}");
        assert!(read["summary"].is_string() && read["duration"].is_number(), "{read}");

        let history = gateway.client.get_as_user("/api/calls/history?status=completed").await;
        assert_eq!(history.body["total"], 1, "{}", history.body);
        assert_eq!(history.body["calls"][0]["callId"], json!(call_id));
        assert_eq!(gateway.client.get_as_user("/api/calls/history?status=busy").await.body["total"], 0);
        let foreign = gateway.client.of_user("u2");
        foreign.read(&call_id).await.assert(404, "CALL_NOT_FOUND");
        assert_eq!(foreign.get_as_user("/api/calls/history").await.body["total"], 0);
        gateway.stop().await;
    }

    async fn a_callee_who_is_busy_is_busy_in_the_books(world: World) {
        let gateway = start(&world).await;
        let busy = Behaviour::Busy { after_ms: 20 };
        let call_id = call(&world, &gateway, busy, WebhookScript { before_answer: true, ..WebhookScript::default() }).await;
        gateway.client.read_until(&call_id, "busy").await;
        assert!(delivered(&world).await.iter().all(|status| *status == Some(200)));
        assert_eq!(gateway.client.read(&call_id).await.body["call"]["status"], "busy");
        gateway.stop().await;
    }

    /// Twice, in the wrong order, before the dial's own answer, larger than most, or among strangers: the end is the same.
    async fn however_events_come_the_call_ends_completed(world: World) {
        let world = world.with_a_short_lock();
        let gateway = start(&world).await;
        let plain = WebhookScript::default();
        for events in [
            WebhookScript { duplicate: true, ..plain },
            WebhookScript { out_of_order: true, ..plain },
            WebhookScript { before_answer: true, duplicate: true, ..plain },
            WebhookScript { unknown_type: true, audio: true, ..plain },
            WebhookScript { large: true, ..plain },
        ] {
            let before = world.simulator.webhook_deliveries().len();
            let call_id = call(&world, &gateway, ANSWER, events).await;
            gateway.client.read_until(&call_id, "completed").await;
            tokio::time::sleep(Duration::from_millis(1700)).await;
            let read = gateway.client.read(&call_id).await.body["call"].clone();
            assert_eq!(read["status"], "completed", "{events:?}");
            assert!(read["transcript"].as_array().is_some_and(|lines| !lines.is_empty()), "{events:?}");
            let statuses: Vec<_> = world.simulator.webhook_deliveries()[before..].iter().map(|d| d.status).collect();
            assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == Some(200)), "{events:?}: {statuses:?}");
        }
        gateway.stop().await;
    }

    async fn a_forged_or_stale_event_is_refused_and_changes_nothing(world: World) {
        let gateway = start(&world).await;
        let plain = WebhookScript::default();
        for (number, events) in [
            ("+14165550176", WebhookScript { bad_signature: true, ..plain }),
            ("+14165550177", WebhookScript { stale: true, ..plain }),
        ] {
            let before = world.simulator.webhook_deliveries().len();
            world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(events));
            let placed = gateway.client.call_number(number).await;
            let call_id = placed.body["callId"].as_str().expect("a call").to_owned();
            while world.simulator.webhook_deliveries().len() == before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(world.simulator.webhook_deliveries()[before].status, Some(401));
            assert_eq!(gateway.client.read(&call_id).await.body["call"]["status"], "in-progress");
        }
        gateway.stop().await;
    }

    async fn a_call_whose_events_are_lost_is_asked_for(world: World) {
        let mut world = world;
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.set("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
        let gateway = start(&world).await;
        let call_id = call(&world, &gateway, ANSWER, WebhookScript { dropped: true, ..WebhookScript::default() }).await;
        assert_eq!(gateway.client.read(&call_id).await.body["call"]["status"], "in-progress");
        let read = gateway.client.read_until(&call_id, "completed").await;
        assert!(read["transcript"].as_array().is_some_and(|lines| !lines.is_empty()), "{read}");
        assert_eq!(world.simulator.dials().len(), 1, "to ask is not to dial");
        gateway.stop().await;
    }

    /// Killed while the phone rings, with no webhook to come: the next process closes the books by our id.
    async fn a_call_cut_short_by_a_crash_is_closed_after_a_restart(world: World) {
        let mut world = world.with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.script(Behaviour::Answer { after_ms: 900 });
        let process = world.spawn().await;
        let client = process.client.clone();
        let placing = tokio::spawn(async move { client.try_place(json!({ "phoneNumber": NUMBER })).await });
        while world.simulator.dials().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process.kill().await;
        assert!(placing.await.expect("no panic").is_none());
        let next = world.spawn().await;
        let call_id = world.simulator.dials()[0].user_id.clone().expect("our id travelled along");
        assert_eq!(next.client.read(&call_id).await.body["call"]["status"], "initiated");
        next.client.read_until(&call_id, "completed").await;
        assert_eq!(world.simulator.dials().len(), 1);
    }

    async fn a_dial_of_unknown_outcome_is_unknown_in_the_books(world: World) {
        world.script(Behaviour::http_error(503));
        let gateway = world.start().await;
        let answer = gateway.client.call_number(NUMBER).await;
        answer.assert(500, "CALL_OUTCOME_UNKNOWN");
        let call_id = answer.body["callId"].as_str().expect("it is in the books").to_owned();
        let read: Value = gateway.client.read(&call_id).await.body;
        assert_eq!(read["call"]["status"], "unknown", "{read}");
        gateway.stop().await;
    }

    /// A crash left it dialling, and the provider has no record of it: asking settles that nobody knows, and it stays booked.
    async fn a_call_that_nobody_can_tell_of_is_reported_unknown(world: World) {
        let mut world = world.with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).call(CallOutcome::NotDialled));
        let process = world.spawn().await;
        let client = process.client.clone();
        let placing = tokio::spawn(async move { client.try_place(json!({ "phoneNumber": NUMBER })).await });
        while world.simulator.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        process.kill().await;
        assert!(placing.await.expect("no panic").is_none());
        let next = world.spawn().await;
        let history = next.client.get_as_user("/api/calls/history").await.body;
        assert_eq!((&history["total"], &history["calls"][0]["status"]), (&json!(1), &json!("initiated")), "{history}");
        next.client.read_until(history["calls"][0]["callId"].as_str().expect("an id"), "unknown").await;
        assert_eq!(world.simulator.dials().len(), 0, "to ask is not to dial");
    }
}
