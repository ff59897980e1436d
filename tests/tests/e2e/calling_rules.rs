//! Whether a call may be made now, at a time that the test sets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use simulator::Behaviour;

use crate::support::Backing::{self, PostgresAndRedis, Sqlite};
use crate::support::{Client, FixedClock, Gateway, Response, World};

/// The tests are about times and counts: what a sales call needs besides, a consent and a do-not-call
/// list, is not enforced.
fn enforced() -> Value {
    json!({ "modes": {
        "countries": "enforce",
        "suppressions": "warn",
        "quietHours": "enforce",
        "callingHours": "enforce",
        "caps": "enforce",
        "consent": "off",
        "zone": "enforce",
    } })
}

/// A gateway of a world with this policy, whose phones ring for up to 30 s.
async fn world(backing: Backing, policy: &Value) -> World {
    let world = World::new(backing)
        .await
        .with("OUTDIAL_ALLOWED_COUNTRIES", "*")
        .with("OUTDIAL_RINGING_TIMEOUT_SECS", "30");
    import(&world, &[json!({ "kind": "callingPolicy", "organizationId": "o1", "policy": policy })]).await;
    world.script(Behaviour::Answer { after_ms: 1 });
    world
}

async fn import(world: &World, records: &[Value]) {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    assert_eq!(world.import(&lines.join("\n")).await, (true, String::new()));
}

/// Requests calls at times that the test sets.
struct Caller {
    clock: Arc<FixedClock>,
    gateway: Gateway,
}

impl Caller {
    async fn new(world: &World) -> Self {
        let clock = Arc::new(FixedClock::showing(0));
        let gateway = world.start_at(Arc::clone(&clock)).await;
        Self { clock, gateway }
    }

    /// Requests a call at this time, in RFC 3339.
    async fn call_at(&self, time: &str, body: Value) -> Response {
        self.clock.set(unix_millis(time));
        self.gateway.client.place(body).await
    }

    async fn marketing_at(&self, time: &str, number: &str) -> Response {
        self.call_at(time, json!({ "phoneNumber": number, "purpose": "telemarketing" })).await
    }

    async fn information_at(&self, time: &str, number: &str) -> Response {
        self.call_at(time, json!({ "phoneNumber": number })).await
    }
}

fn unix_millis(time: &str) -> i64 {
    event_json::from_iso8601(time).expect("a time in RFC 3339").unix_millis()
}

fn assert_refused(response: &Response, code: &str, rule: &str, opens_at: Option<&str>) {
    response.assert_error(400, code);
    let refusals = response.body["refusals"].as_array().expect("a list");
    let first = refusals.iter().find(|refusal| refusal["ruleId"] == rule);
    let first = first.unwrap_or_else(|| panic!("no refusal by {rule}: {}", response.body));
    assert!(first["source"].as_str().is_some_and(|source| !source.is_empty()), "{}", response.body);
    assert_eq!(response.body["opensAt"].as_str(), opens_at, "{}", response.body);
}

fn assert_allowed(response: &Response) {
    assert!(response.is_new_call(), "{}", response.body);
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_in_florida_must_not_ring_after_the_last_minute(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = world(backing, &enforced()).await;
    let caller = Caller::new(&world).await;
    // A phone that begins to ring at 20:59:40 in summer rings at 21:00:10.
    let late = caller.information_at("2026-07-16T00:59:40Z", "+13055550123").await;
    assert_refused(&late, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-16T12:00:00.000Z"));
    assert_allowed(&caller.information_at("2026-07-16T00:59:20Z", "+13055550123").await);
    // The state's own hours for sales calls end an hour earlier.
    let late = caller.marketing_at("2026-07-15T23:59:40Z", "+13055550124").await;
    assert_refused(&late, "OUTSIDE_CALLING_HOURS", "us-fl", Some("2026-07-16T12:00:00.000Z"));
    assert_allowed(&caller.marketing_at("2026-07-15T23:59:20Z", "+13055550124").await);
    assert_eq!(world.simulator.dials().len(), 2);
    caller.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arizona_is_an_hour_behind_utah_in_summer_alone() {
    let world = world(Sqlite, &enforced()).await;
    let caller = Caller::new(&world).await;
    let (arizona, utah) = ("+16025550123", "+18015550123");
    // 08:30 in Utah.
    assert_allowed(&caller.information_at("2026-07-15T14:30:00Z", utah).await);
    let early = caller.information_at("2026-07-15T14:30:00Z", arizona).await;
    assert_refused(&early, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-15T15:00:00.000Z"));
    // 08:30 in both.
    assert_allowed(&caller.information_at("2026-12-15T15:30:00Z", "+16025550124").await);
    assert_allowed(&caller.information_at("2026-12-15T15:30:00Z", "+18015550124").await);
    caller.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_open_time_is_right_over_the_night_in_which_the_clocks_change() {
    let world = world(Sqlite, &enforced()).await;
    let caller = Caller::new(&world).await;
    // 22:00 in New York: the night is an hour short, then an hour long.
    let spring = caller.information_at("2026-03-08T03:00:00Z", "+12125550123").await;
    assert_refused(&spring, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-03-08T12:00:00.000Z"));
    let autumn = caller.information_at("2026-11-01T02:00:00Z", "+12125550123").await;
    assert_refused(&autumn, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-11-01T13:00:00.000Z"));
    let early = caller.information_at("2026-11-01T12:59:59Z", "+12125550123").await;
    assert_refused(&early, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-11-01T13:00:00.000Z"));
    assert_allowed(&caller.information_at("2026-11-01T13:00:00Z", "+12125550123").await);
    caller.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_zone_of_a_number_must_be_open() {
    let world = world(Sqlite, &enforced()).await;
    let caller = Caller::new(&world).await;
    // The area code 208 is in Mountain and in Pacific time: 08:30 and 07:30.
    let early = caller.information_at("2026-07-15T14:30:00Z", "+12085550123").await;
    assert_refused(&early, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-15T15:00:00.000Z"));
    assert_allowed(&caller.information_at("2026-07-15T15:00:00Z", "+12085550123").await);
    // 20:30 in Pacific time and 21:30 in Mountain time.
    let late = caller.information_at("2026-07-16T03:30:00Z", "+12085550124").await;
    assert_refused(&late, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-16T15:00:00.000Z"));
    caller.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_who_moved_is_called_by_the_stated_zone() {
    let world = world(Sqlite, &enforced()).await;
    let contact = |id: &str, number: &str| json!({ "kind": "contact", "id": id, "organizationId": "o1", "phoneNumber": number, "timeZone": "America/Los_Angeles" });
    import(&world, &[contact("c-new-york", "+12125550123"), contact("c-florida", "+13055550123")]).await;
    let caller = Caller::new(&world).await;
    let of = |id: &str| json!({ "contactId": id });
    // 08:30 in New York, 05:30 in Los Angeles.
    let early = caller.call_at("2026-07-15T12:30:00Z", of("c-new-york")).await;
    assert_refused(&early, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-15T15:00:00.000Z"));
    // 20:30 in Los Angeles, 23:30 in New York and Florida: the law of Florida takes the area code for the place.
    let evening = "2026-07-16T03:30:00Z";
    let late = caller.call_at(evening, of("c-florida")).await;
    assert_refused(&late, "OUTSIDE_CALLING_HOURS", "quiet-hours", Some("2026-07-16T15:00:00.000Z"));
    assert_allowed(&caller.call_at(evening, of("c-new-york")).await);
    caller.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sales_call_goes_to_france_on_a_holiday() {
    let world = world(Sqlite, &enforced()).await;
    let caller = Caller::new(&world).await;
    // 10:30 on 14 July, and on the day after it.
    let holiday = caller.marketing_at("2026-07-14T08:30:00Z", "+33142685300").await;
    assert_refused(&holiday, "CLOSED_DAY", "fr-hours", Some("2026-07-15T08:00:00.000Z"));
    // During lunch.
    let lunch = caller.marketing_at("2026-07-15T11:30:00Z", "+33142685300").await;
    assert_refused(&lunch, "OUTSIDE_CALLING_HOURS", "fr-hours", Some("2026-07-15T12:00:00.000Z"));
    assert_allowed(&caller.marketing_at("2026-07-15T08:30:00Z", "+33142685300").await);
    // The rules of sales calls do not bind other calls.
    assert_allowed(&caller.information_at("2026-07-14T08:30:00Z", "+33142685301").await);
    caller.gateway.stop().await;
}

/// A cap counts 24 hours, not calendar days.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_holds_over_midnight(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    let mut policy = enforced();
    policy["modes"]["quietHours"] = json!("off");
    policy["modes"]["callingHours"] = json!("off");
    policy["caps"] = json!([{ "attempts": 2, "withinSecs": 86400 }]);
    let world = world(backing, &policy).await;
    let caller = Caller::new(&world).await;
    let client = &caller.gateway.client;
    let number = "+12125550123";
    let body = |subject: &str| json!({ "phoneNumber": number, "subject": subject });
    assert_allowed(&caller.call_at("2026-07-15T23:00:00Z", body("a debt")).await);
    // Another user: the same one would get the result of the first call.
    let second = client.of_user("u1b").place(body("a debt")).await;
    assert_allowed(&second);
    let refused = caller.call_at("2026-07-16T00:30:00Z", with_agent(body("a debt"))).await;
    assert_refused(&refused, "ATTEMPT_CAP", "attempt-caps", Some("2026-07-16T23:00:00.000Z"));
    // Another subject has attempts of its own.
    assert_allowed(&caller.call_at("2026-07-16T00:30:00Z", with_agent(body("another debt"))).await);
    assert_eq!(world.simulator.dials().len(), 3);
    caller.gateway.stop().await;
}

/// The first call of an intent is an attempt, and its hours may end: its duplicate gets its result all the
/// same. A client that was told to come back would call the person twice.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_gets_the_result_of_its_call_whatever_the_rules_say_by_now(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let mut policy = enforced();
    policy["caps"] = json!([{ "attempts": 1, "withinSecs": 86400 }]);
    let world = world(backing, &policy).await;
    let caller = Caller::new(&world).await;
    let number = "+12125550123";
    let first = caller.information_at("2026-07-15T23:30:00Z", number).await;
    assert_allowed(&first);
    for time in ["2026-07-15T23:30:10Z", "2026-07-16T01:00:00Z"] {
        let again = caller.information_at(time, number).await;
        assert!(again.is_duplicate(), "{}", again.body);
        assert_eq!(again.call_id(), first.call_id());
    }
    // Another intent is decided on.
    let other = caller.call_at("2026-07-15T23:30:10Z", with_agent(json!({ "phoneNumber": number }))).await;
    other.assert_error(400, "ATTEMPT_CAP");
    assert_eq!(world.simulator.dials().len(), 1);
    caller.gateway.stop().await;
}

/// The same call with another agent is another intent.
fn with_agent(mut body: Value) -> Value {
    body["agentId"] = json!("a1-second");
    body
}

/// Many users of three processes call one person about one subject at the same time.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_is_exact_across_processes(#[values(Sqlite, PostgresAndRedis)] backing: Backing) {
    const USERS: usize = 200;
    let mut policy = enforced();
    policy["modes"]["quietHours"] = json!("off");
    policy["modes"]["callingHours"] = json!("off");
    policy["caps"] = json!([{ "attempts": 3, "withinSecs": 86400 }]);
    let world = world(backing, &policy).await;
    let users = (0..USERS).flat_map(|n| {
        [
            json!({ "kind": "user", "id": format!("caller{n}"), "organizationId": "o1", "fullName": "A caller" }),
            json!({ "kind": "number", "organizationId": "o1", "userId": format!("caller{n}"), "phoneNumber": format!("+1416556{n:04}"),
                    "carrier": "sinch", "aiEnabled": true, "onTrunk": true, "providerNumberId": format!("phnum_c{n}") }),
        ]
    });
    import(&world, &users.collect::<Vec<_>>()).await;
    let processes = join_all((0..3).map(|_| world.spawn())).await;
    let calling = (0..USERS).map(|n| {
        let client = processes[n % processes.len()].client.of_user(&format!("caller{n}"));
        tokio::spawn(async move {
            client.place(json!({ "phoneNumber": "+12125550123", "subject": "a debt" })).await
        })
    });
    let mut placed = 0;
    for response in calling.collect::<Vec<_>>() {
        let response = response.await.expect("the client does not panic");
        if response.is_new_call() {
            placed += 1;
        } else {
            let overloaded = response.code() == "SERVICE_UNAVAILABLE";
            assert!(overloaded || response.code() == "ATTEMPT_CAP", "{}", response.body);
        }
    }
    assert_eq!(placed, 3);
    assert_eq!(world.simulator.dials().len(), 3);
    for process in processes {
        process.kill().await;
    }
}

/// An opt-out counts from the next decision on, at every replica.
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opt_out_blocks_the_next_call_at_every_replica(
    #[values(Sqlite, PostgresAndRedis)] backing: Backing,
) {
    let world = World::new(backing).await;
    world.script(Behaviour::Answer { after_ms: 1 });
    let (one, other) = (world.spawn().await, world.spawn().await);
    let number = "+14165550111";
    let opted_out =
        one.client.post("/api/suppressions", &json!({ "phoneNumber": number, "reason": "asked us" })).await;
    assert!(opted_out.status.is_success(), "{}", opted_out.body);
    for client in [&one.client, &other.client] {
        let refused = client.call_number(number).await;
        refused.assert_error(400, "CALLEE_OPTED_OUT");
        assert_eq!(refused.body["opensAt"], Value::Null, "{}", refused.body);
    }
    assert_allowed(&calls_another(&other.client).await);
    assert_eq!(world.simulator.dials().len(), 1);
    for process in [one, other] {
        process.kill().await;
    }
}

async fn calls_another(client: &Client) -> Response {
    tokio::time::timeout(Duration::from_secs(30), client.call_number("+14165550112")).await.expect("in time")
}
