//! After the dial: the gateway records how a call ends, from the provider's webhooks or by asking
//! the provider. Webhooks may arrive early, late, twice, forged or not at all.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use simulator::{Behaviour, CallOutcome, ScriptedBehaviour, WebhookScript};
use testkit::eventually;
use tokio::time::sleep;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Gateway, World};

const NUMBER: &str = "+14165550175";
const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };

/// Scripts the phone and its webhooks, requests a call, and returns the call's id.
async fn call(world: &World, gateway: &Gateway, behaviour: Behaviour, webhooks: WebhookScript) -> String {
    world.simulator.script(ScriptedBehaviour::new(behaviour).webhook(webhooks));
    gateway.client.call_number(NUMBER).await.call_id()
}

/// Waits until the simulator has sent more than `earlier` webhooks and has had time for the rest.
/// Returns the statuses of the responses to the new ones.
async fn webhook_statuses(world: &World, earlier: usize) -> Vec<Option<u16>> {
    let webhooks = || world.simulator.webhook_deliveries();
    eventually("the simulator sends a webhook", async || webhooks().len() > earlier).await;
    sleep(Duration::from_millis(300)).await;
    webhooks()[earlier..].iter().map(|delivery| delivery.status).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_call_is_read_with_its_transcript(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let call_id = call(&world, &gateway, ANSWER, WebhookScript::default()).await;
    let call = gateway.client.read_call_when(&call_id, "completed").await;
    assert_eq!(call["callId"], json!(call_id));
    assert_eq!((&call["to"], &call["from"]), (&json!(NUMBER), &json!("+14165550100")));
    assert_eq!(call["direction"], "outbound");
    assert_eq!(call["contactId"]["phoneNumber"], NUMBER);
    assert_eq!(call["userId"]["fullName"], "Charles Babbage");
    assert!(call["transcript"].as_array().is_some_and(|lines| lines.len() > 1), "{call}");
    assert!(call["summary"].is_string() && call["duration"].is_number(), "{call}");

    let history = gateway.client.get("/api/calls/history?status=completed").await;
    assert_eq!(history.body["total"], 1, "{}", history.body);
    assert_eq!(history.body["calls"][0]["callId"], json!(call_id));
    assert_eq!(gateway.client.get("/api/calls/history?status=busy").await.body["total"], 0);
    let other_tenant = gateway.client.of_user("u2");
    other_tenant.get_call(&call_id).await.assert_error(404, "CALL_NOT_FOUND");
    assert_eq!(other_tenant.get("/api/calls/history").await.body["total"], 0);
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_callee_is_recorded_as_busy(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let busy = Behaviour::Busy { after_ms: 20 };
    let before_the_response = WebhookScript { before_answer: true, ..WebhookScript::default() };
    let call_id = call(&world, &gateway, busy, before_the_response).await;
    gateway.client.read_call_when(&call_id, "busy").await;
    assert!(webhook_statuses(&world, 0).await.iter().all(|status| *status == Some(200)));
    assert_eq!(gateway.client.read_call(&call_id).await["status"], "busy");
    gateway.stop().await;
}

/// The webhooks arrive twice, in the wrong order, before the response to the dial, mixed with
/// events of an unknown type, or with a large body.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_ends_completed_in_whatever_order_its_events_arrive(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await.with_short_lock();
    let gateway = world.start_with_webhooks().await;
    let plain = WebhookScript::default();
    for webhooks in [
        WebhookScript { duplicate: true, ..plain },
        WebhookScript { out_of_order: true, ..plain },
        WebhookScript { before_answer: true, duplicate: true, ..plain },
        WebhookScript { unknown_type: true, audio: true, ..plain },
        WebhookScript { large: true, ..plain },
    ] {
        let before = world.simulator.webhook_deliveries().len();
        let call_id = call(&world, &gateway, ANSWER, webhooks).await;
        gateway.client.read_call_when(&call_id, "completed").await;
        // Time for late webhooks, and for the lock to expire before the next call to the number.
        sleep(Duration::from_millis(1700)).await;
        let call = gateway.client.read_call(&call_id).await;
        assert_eq!(call["status"], "completed", "{webhooks:?}");
        assert!(call["transcript"].as_array().is_some_and(|lines| !lines.is_empty()), "{webhooks:?}");
        let statuses = webhook_statuses(&world, before).await;
        assert!(statuses.iter().all(|status| *status == Some(200)), "{webhooks:?}: {statuses:?}");
    }
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_or_stale_event_is_refused_and_changes_nothing(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let gateway = world.start_with_webhooks().await;
    let plain = WebhookScript::default();
    for (number, webhooks) in [
        ("+14165550176", WebhookScript { bad_signature: true, ..plain }),
        ("+14165550177", WebhookScript { stale: true, ..plain }),
    ] {
        let before = world.simulator.webhook_deliveries().len();
        world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(webhooks));
        let call_id = gateway.client.call_number(number).await.call_id();
        assert_eq!(webhook_statuses(&world, before).await[0], Some(401));
        assert_eq!(gateway.client.read_call(&call_id).await["status"], "in-progress");
    }
    gateway.stop().await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_events_are_lost_is_reconciled(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let world = world.with_frequent_reconciliation().with("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
    let gateway = world.start_with_webhooks().await;
    let lost = WebhookScript { dropped: true, ..WebhookScript::default() };
    let call_id = call(&world, &gateway, ANSWER, lost).await;
    assert_eq!(gateway.client.read_call(&call_id).await["status"], "in-progress");
    let call = gateway.client.read_call_when(&call_id, "completed").await;
    assert!(call["transcript"].as_array().is_some_and(|lines| !lines.is_empty()), "{call}");
    assert_eq!(world.simulator.dials().len(), 1, "reconciliation does not dial");
    gateway.stop().await;
}

/// The process is killed while the phone rings, and no webhook will arrive. The next process finds
/// the provider's record by our call id.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_cut_short_by_a_crash_is_reconciled_after_a_restart(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let world = world.with_short_lock().with_short_ringing().with_frequent_reconciliation();
    world.script(Behaviour::Answer { after_ms: 900 });
    let process = world.spawn().await;
    let call = process.client.start_calling(NUMBER);
    world.wait_for_dial_to(NUMBER).await;
    process.kill().await;
    assert!(call.try_response().await.is_none(), "the connection breaks");
    let next = world.spawn().await;
    let call_id = world.simulator.dials()[0].user_id.clone().expect("the dial carries our call id");
    assert_eq!(next.client.read_call(&call_id).await["status"], "initiated");
    next.client.read_call_when(&call_id, "completed").await;
    assert_eq!(world.simulator.dials().len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_of_unknown_outcome_is_recorded_as_unknown(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::http_error(503));
    let gateway = world.start().await;
    let response = gateway.client.call_number(NUMBER).await;
    response.assert_error(500, "CALL_OUTCOME_UNKNOWN");
    let call = gateway.client.read_call(&response.call_id()).await;
    assert_eq!(call["status"], "unknown", "{call}");
    gateway.stop().await;
}

/// After a crash in mid-dial, the provider has no record of the call either.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_a_provider_record_is_reported_as_unknown(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    let world = world.with_short_lock().with_short_ringing().with_frequent_reconciliation();
    world.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).call(CallOutcome::NotDialled));
    let process = world.spawn().await;
    let call = process.client.start_calling(NUMBER);
    eventually("the provider gets the request", async || !world.simulator.requests().is_empty()).await;
    process.kill().await;
    assert!(call.try_response().await.is_none(), "the connection breaks");
    let next = world.spawn().await;
    let history = next.client.get("/api/calls/history").await.body;
    assert_eq!(history["total"], 1, "{history}");
    assert_eq!(history["calls"][0]["status"], "initiated", "{history}");
    let call_id = history["calls"][0]["callId"].as_str().expect("the call has an id");
    next.client.read_call_when(call_id, "unknown").await;
    assert_eq!(world.simulator.dials().len(), 0, "reconciliation does not dial");
}

/// The gateway is down for three days after a crash in mid-dial. The call is asked about once, and
/// then it has an end for clients and receivers, which comes once.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_from_before_a_long_outage_is_given_up(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let world = World::new(backing).await;
    let world = world.with_short_lock().with_short_ringing().with_frequent_reconciliation();
    world.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).call(CallOutcome::NotDialled));
    let process = world.spawn().await;
    let call = process.client.start_calling(NUMBER);
    eventually("the provider gets the request", async || !world.simulator.requests().is_empty()).await;
    process.kill().await;
    assert!(call.try_response().await.is_none(), "the connection breaks");
    world
        .execute(
            "update calls set booked_at = booked_at - interval '3 days'",
            "update calls set booked_at = booked_at - 259200000",
        )
        .await;
    let next = world.spawn().await;
    let mut events = next.client.follow_events(Some("0")).await;
    assert_eq!(events.next().await.name, "call_initiated");
    let ended = events.next().await;
    assert_eq!((ended.name.as_str(), &ended.json()["data"]["status"]), ("call_ended", &json!("unknown")));
    let unknown = next.client.get("/api/calls/history?status=unknown").await.body;
    assert_eq!(unknown["calls"][0]["givenUpReason"], "no-record", "{unknown}");
    assert!(unknown["calls"][0]["givenUpTime"].is_string(), "{unknown}");
    assert_eq!(next.client.get("/api/calls/history?status=initiated").await.body["total"], 0);
    assert!(events.is_silent_for(Duration::from_secs(2)).await, "the end is published once");
    assert_eq!(world.simulator.dials().len(), 0, "reconciliation does not dial");
}

/// The workspace is shared: most of its events are about calls of other systems, with ids of their
/// own or with agents of their own.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_other_systems_are_closed_without_a_call(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world
        .execute(
            r#"insert into provider_events (key, kind, body, received_at)
               select 'foreign:' || number, 'post_call_transcription',
                      convert_to('{"type":"post_call_transcription","data":{"agent_id":"agent_of_others",'
                          || case when number % 2 = 0 then '"user_id":"crm-7",' else '' end
                          || '"conversation_id":"conv_' || number || '"}}', 'utf8'),
                      clock_timestamp() - interval '1 hour'
                 from generate_series(1, 2000) as number"#,
            r#"with recursive numbers (number) as (select 1 union all select number + 1 from numbers limit 2000)
               insert into provider_events (key, kind, body, received_at, open_at)
               select 'foreign:' || number, 'post_call_transcription',
                      cast('{"type":"post_call_transcription","data":{"agent_id":"agent_of_others",'
                          || iif(number % 2 = 0, '"user_id":"crm-7",', '')
                          || '"conversation_id":"conv_' || number || '"}}' as blob),
                      unixepoch() * 1000 - 3600000, 0
               from numbers"#,
        )
        .await;
    let gateway = world.start_with_webhooks().await;
    let call_id = call(&world, &gateway, ANSWER, WebhookScript::default()).await;
    gateway.client.read_call_when(&call_id, "completed").await;
    eventually("every event is closed", async || {
        world.count("select count(*) from provider_events where closed_at is null").await == 0
    })
    .await;
    let with_call = "select count(*) from provider_events where key like 'foreign:%' and call_id is not null";
    assert_eq!(world.count(with_call).await, 0);
    gateway.stop().await;
}
