//! What an organization is told of its calls while they go on: by server-sent events, and at URLs that it registered.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use simulator::{Behaviour, ScriptedBehaviour, WebhookScript};

use crate::on_both_backings;
use crate::support::{Backing, Client, Gateway, Received, Receiver, World};

const ANSWER: Behaviour = Behaviour::Answer { after_ms: 20 };

/// A gateway that the simulator reports to.
async fn start(world: &World) -> Gateway {
    let gateway = world.start().await;
    world.report_to(gateway.address());
    gateway
}

/// Places a call, and gives its id.
async fn placed(client: &Client, number: &str) -> String {
    let answer = client.call_number(number).await;
    answer.body["callId"].as_str().unwrap_or_else(|| panic!("a call: {}", answer.body)).to_owned()
}

/// Whether a receiver could tell by this secret that the event is ours.
fn is_signed(received: &Received, secret: &str) -> bool {
    let secret = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let (id, timestamp) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let signed = format!("{id}.{timestamp}.{}", received.body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(tag));
    received.header("webhook-signature").split(' ').any(|signature| signature == expected)
}

/// The steps of a call that were told, in order.
fn steps(received: &[Received], call_id: &str) -> Vec<String> {
    let told = received.iter().map(Received::told);
    told.filter(|(call, _)| call == call_id).map(|(_, step)| step).collect()
}

/// Where a call stands once its end is known, or that nobody knows it.
async fn decided(client: &Client, call_id: &str) -> String {
    for _ in 0..200 {
        let status =
            client.read(call_id).await.body["call"]["status"].as_str().unwrap_or_default().to_owned();
        if !["initiated", "ringing", "in-progress"].contains(&status.as_str()) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is known of {call_id}");
}

const A_WHOLE_CALL: [&str; 4] = ["call_initiated", "call_answered", "call_ended", "call_recording_ready"];

on_both_backings! {
    /// As server-sent events and as signed deliveries, the same documents; and to the tenant alone.
    async fn a_call_is_told_from_its_beginning_to_its_recording(world: World) {
        world.simulator.script(ScriptedBehaviour::new(ANSWER).webhook(WebhookScript { audio: true, ..WebhookScript::default() }));
        let gateway = start(&world).await;
        let receiver = Receiver::start().await;
        let (_, secret) = gateway.client.register(&receiver.url()).await;
        let mut stream = gateway.client.follow(None).await;
        let mut foreign = gateway.client.of_user("u2").follow(None).await;

        let call_id = placed(&gateway.client, "+14165550175").await;
        let mut streamed = Vec::new();
        for _ in A_WHOLE_CALL {
            streamed.push(stream.next().await);
        }
        streamed.sort_by_key(|event| event.name.clone());
        let received = receiver.received_until(|received| received.len() >= A_WHOLE_CALL.len()).await;
        let names: BTreeSet<_> = streamed.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(A_WHOLE_CALL));
        for event in &streamed {
            let sent = received.iter().find(|sent| sent.event()["type"] == event.name.as_str()).expect("sent as well");
            assert_eq!(sent.body, event.data, "one document, wherever it is told");
            let data = &event.json()["data"];
            assert_eq!((&data["callId"], &data["to"], &data["direction"]), (&json!(call_id), &json!("+14165550175"), &json!("outbound")));
            assert_eq!(sent.header("webhook-id"), data["eventId"]);
            assert!(is_signed(sent, &secret), "by the secret that was answered");
        }
        let ended = streamed.iter().find(|event| event.name == "call_ended").expect("it ended").json();
        assert_eq!(ended["data"]["status"], "completed", "{ended}");
        assert!(ended["data"]["conversationId"].is_string(), "{ended}");
        assert!(foreign.is_silent_for(Duration::from_millis(700)).await, "another tenant's calls");
        gateway.stop().await;
    }

    async fn whoever_was_away_goes_on_behind_the_last_event(world: World) {
        let gateway = start(&world).await;
        let mut stream = gateway.client.follow(None).await;
        placed(&gateway.client, "+14165550175").await;
        let first = stream.next().await;
        drop(stream);
        let missed = placed(&gateway.client, "+14165550176").await;
        gateway.client.read_until(&missed, "completed").await;
        let mut stream = gateway.client.follow(Some(&first.id)).await;
        let mut last: i64 = first.id.parse().expect("a number");
        let mut steps = Vec::new();
        while steps.len() < 3 {
            let event = stream.next().await;
            let id: i64 = event.id.parse().expect("a number");
            assert!(id > last, "each once, in order");
            last = id;
            if event.json()["data"]["callId"] == json!(missed) {
                steps.push(event.name);
            }
        }
        assert_eq!(steps, ["call_initiated", "call_answered", "call_ended"]);
        gateway.stop().await;
    }

    /// Whoever stops the gateway must not wait for those who listen.
    async fn a_stop_ends_the_streams(world: World) {
        let gateway = start(&world).await;
        let stream = gateway.client.follow(None).await;
        let (ended, ()) = tokio::join!(stream.ends(), async {
            tokio::time::timeout(Duration::from_secs(20), gateway.stop()).await.expect("it stops");
        });
        assert!(ended);
    }

    /// A receiver that fails gets everything once it works again; what is given up can be sent again by hand.
    async fn what_a_receiver_did_not_take_is_sent_again(world: World) {
        let mut world = world;
        world.set("OUTDIAL_DELIVERY_GIVE_UP_SECS", "2");
        let gateway = start(&world).await;
        let receiver = Receiver::start().await;
        let (endpoint, secret) = gateway.client.register(&receiver.url()).await;
        receiver.answer(500);
        let call_id = placed(&gateway.client, "+14165550175").await;
        gateway.client.read_until(&call_id, "completed").await;
        let dead = format!("/api/webhook-endpoints/{endpoint}/deliveries?state=dead");
        let mut letters = Value::Null;
        for _ in 0..200 {
            letters = gateway.client.get_as_user(&dead).await.body["deliveries"].clone();
            if letters.as_array().is_some_and(|letters| letters.len() >= 3) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let letters = letters.as_array().expect("a list").clone();
        assert!(letters.len() >= 3, "{letters:?}");
        assert_eq!((&letters[0]["state"], &letters[0]["lastFailure"]), (&json!("dead"), &json!("status-500")));
        assert!(letters[0]["attempts"].as_u64() > Some(1), "it was tried more than once: {letters:?}");
        gateway.client.of_user("u2").get_as_user(&dead).await.assert(404, "WEBHOOK_ENDPOINT_NOT_FOUND");

        receiver.answer(200);
        let before = receiver.received().len();
        let listed = world.outdial(&["webhooks", "list", "--organization", "o1"]).await;
        assert!(listed.contains(&endpoint) && listed.contains("status-500") && !listed.contains("s3cret"), "{listed}");
        let replayed = world.outdial(&["webhooks", "replay", "--organization", "o1"]).await;
        assert!(replayed.contains("sent again"), "{replayed}");
        let received = receiver.received_until(|received| steps(&received[before..], &call_id).len() >= 3).await;
        let again = &received[before..];
        let told: BTreeSet<_> = steps(again, &call_id).into_iter().collect();
        assert!(A_WHOLE_CALL[..3].iter().all(|step| told.contains(*step)), "{told:?}");
        assert!(again.iter().all(|sent| is_signed(sent, &secret)));
        let ids = |received: &[Received]| received.iter().map(|sent| sent.header("webhook-id").to_owned()).collect::<BTreeSet<_>>();
        assert!(ids(again).is_subset(&ids(&received[..before])), "an event keeps its id however often it is sent");
        gateway.stop().await;
    }

    async fn a_replaced_secret_signs_along_and_a_removed_url_gets_nothing(world: World) {
        let gateway = start(&world).await;
        let receiver = Receiver::start().await;
        let (endpoint, old) = gateway.client.register(&receiver.url()).await;
        let path = format!("/api/webhook-endpoints/{endpoint}");
        gateway.client.of_user("u2").post_as_user(&format!("{path}/secret"), &json!({})).await.assert(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
        let answer = gateway.client.post_as_user(&format!("{path}/secret"), &json!({})).await;
        let new = answer.body["secret"].as_str().expect("a secret").to_owned();
        assert_ne!(new, old);
        let call_id = placed(&gateway.client, "+14165550175").await;
        let received = receiver.received_until(|received| steps(received, &call_id).len() >= 3).await;
        assert!(received.iter().all(|sent| is_signed(sent, &old) && is_signed(sent, &new)));

        gateway.client.of_user("u2").delete_as_user(&path).await.assert(404, "WEBHOOK_ENDPOINT_NOT_FOUND");
        assert_eq!(gateway.client.delete_as_user(&path).await.status, 200);
        let listed = gateway.client.get_as_user("/api/webhook-endpoints").await.body;
        assert_eq!(listed["endpoints"], json!([]), "{listed}");
        let before = receiver.received().len();
        let next = placed(&gateway.client, "+14165550176").await;
        gateway.client.read_until(&next, "completed").await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(receiver.received().len(), before);
        gateway.stop().await;
    }

    /// Registered by an operator's own user or not: a URL inside the network is refused, by its address and by its name.
    async fn a_url_that_leads_inside_is_refused(world: World) {
        let mut world = world;
        world.set("OUTDIAL_DELIVERY_ALLOW_PRIVATE", "false");
        let gateway = start(&world).await;
        for url in [
            "https://127.0.0.1/hook",
            "https://localhost/hook",
            "https://[::ffff:10.0.0.1]/hook",
            "https://169.254.169.254/latest/meta-data",
            "http://example.com/hook",
            "https://user:password@example.com/hook",
        ] {
            let answer = gateway.client.post_as_user("/api/webhook-endpoints", &json!({ "url": url })).await;
            answer.assert(400, "WEBHOOK_URL_REFUSED");
        }
        let answer = gateway.client.post_as_user("/api/webhook-endpoints", &json!({ "url": "ftp://example.com" })).await;
        answer.assert(400, "VALIDATION_FAILED");
        assert_eq!(gateway.client.get_as_user("/api/webhook-endpoints").await.body["endpoints"], json!([]));
        gateway.stop().await;
    }

    /// Killed again and again, at any moment, while calls go on and a receiver is away half of the time: whatever the books say
    /// of a call, the receiver was told of it in the end.
    async fn no_event_is_lost_however_often_the_process_is_killed(world: World) {
        let mut world = world.with_a_short_lock();
        world.set("OUTDIAL_RINGING_TIMEOUT_SECS", "1");
        world.set("OUTDIAL_ANSWER_MARGIN_SECS", "1");
        world.set("OUTDIAL_RECONCILE_EVERY_SECS", "1");
        world.set("OUTDIAL_WEBHOOK_WITHIN_SECS", "2");
        world.script(Behaviour::Answer { after_ms: 150 });
        let receiver = Receiver::start().await;
        let mut registered = false;
        for round in 0..5_u64 {
            let process = world.spawn().await;
            world.report_to(process.client.address());
            if !registered {
                process.client.register(&receiver.url()).await;
                registered = true;
            }
            receiver.answer(if round % 2 == 0 { 503 } else { 204 });
            let dialled = world.simulator.dials().len();
            let calls = (0..6).map(|call| {
                let client = process.client.clone();
                let number = format!("+141655502{round}{call}");
                tokio::spawn(async move { client.try_place(json!({ "phoneNumber": number })).await })
            });
            let calls: Vec<_> = calls.collect();
            // A process that has just begun is slow: its first dial shows that it is at work.
            while world.simulator.dials().len() == dialled {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(round * 90)).await;
            process.kill().await;
            for call in calls {
                let _cut_short = call.await.expect("no panic");
            }
        }
        receiver.answer(204);
        let last = world.spawn().await;
        world.report_to(last.client.address());
        let history = last.client.get_as_user("/api/calls/history?limit=200").await.body;
        let booked: Vec<String> =
            history["calls"].as_array().expect("a list").iter().map(|call| call["callId"].as_str().expect("an id").to_owned()).collect();
        assert!(booked.len() > 5, "too few calls were under way: {history}");
        let mut completed = 0;
        for call_id in &booked {
            // One that was booked and never dialled is known to nobody.
            let status = decided(&last.client, call_id).await;
            let owed = if status == "completed" { &A_WHOLE_CALL[..3] } else { &A_WHOLE_CALL[..1] };
            completed += usize::from(status == "completed");
            let is_told = |received: &[Received]| {
                let told = steps(received, call_id);
                owed.iter().all(|step| told.iter().any(|told| told == step))
            };
            receiver.received_until(is_told).await;
        }
        assert!(completed > 3, "too few calls came to an end: {completed}");
        let calls: BTreeSet<_> = receiver.received().iter().map(|sent| sent.told().0).collect();
        assert_eq!(calls, booked.into_iter().collect(), "of nothing else");
    }
}

/// Whichever replica placed the call, and whichever one is followed; a stream is taken up again at the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_one_replica_is_told_by_the_others() {
    let world = World::new(Backing::Services).await;
    let (one, other) = (start(&world).await, world.start().await);
    let receiver = Receiver::start().await;
    other.client.register(&receiver.url()).await;
    let mut stream = other.client.follow(None).await;
    let call_id = placed(&one.client, "+14165550175").await;
    let first = stream.next().await;
    assert_eq!((first.name.as_str(), &first.json()["data"]["callId"]), ("call_initiated", &json!(call_id)));
    drop(stream);
    let mut stream = one.client.follow(Some(&first.id)).await;
    let rest = [stream.next().await.name, stream.next().await.name];
    assert_eq!(rest, ["call_answered", "call_ended"]);
    let received = receiver.received_until(|received| received.len() >= 3).await;
    let told: BTreeSet<_> = received.iter().map(|sent| sent.header("webhook-id").to_owned()).collect();
    assert_eq!(told.len(), received.len(), "two replicas send, and each event is sent once");
    one.stop().await;
    other.stop().await;
}
