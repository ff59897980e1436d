//! Whether a call may be made: what a refused request gets, what a dry run does and does not do, and
//! what the call shows of its decision.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{OutboundDirectory, OutboundParties, OutboundQuery, PortUnavailable};
use domain::{
    AppliedRule, CallingFacts, CallingPolicy, Cap, Country, Interval, LocalDate, Mode, Modes, OpenTimes,
    Place, PlaceBasis, RuleId, TimeOfRule, Timestamp, VersionedPolicy, ZoneName,
};
use serde_json::{Value, json};
use testkit::eventually;
use testkit::memory::Memory;

use crate::running::{Response, Running, send, start};
use crate::world::{CALL_ID, NOW, World};

/// The directory of a store, with these facts.
struct WithFacts(Memory, CallingFacts);

#[async_trait]
impl OutboundDirectory for WithFacts {
    async fn resolve<'a>(
        &self,
        query: &OutboundQuery<'a>,
    ) -> Result<Option<OutboundParties>, PortUnavailable> {
        let found = self.0.resolve(query).await?;
        Ok(found.map(|parties| OutboundParties { calling: self.1.clone(), ..parties }))
    }
}

fn with(facts: CallingFacts) -> World {
    let mut world = World::new();
    world.outbound = Arc::new(WithFacts(world.memory.clone(), facts));
    world
}

/// All rules are enforced. The hours of one open in ten minutes.
fn closed() -> World {
    let policy = CallingPolicy {
        modes: Modes::all(Mode::Enforce),
        allowed_countries: Some([Country::parse("CA").expect("a country")].into()),
        caps: vec![Cap { attempts: 1, within: std::time::Duration::from_secs(60), unless_consent: false }],
        ..CallingPolicy::default()
    };
    let policy = VersionedPolicy { policy, revision: 7, changed: None };
    let mut world =
        with(CallingFacts { policy: Some(policy), attempts: vec![NOW], ..CallingFacts::default() });
    let later = |minutes: i64| Timestamp::from_unix_millis(NOW.unix_millis() + minutes * 60_000);
    let day = LocalDate::new(2023, 11, 14).expect("a date");
    world.rules.applied.places =
        vec![Place { region: None, basis: PlaceBasis::Number, zones: vec![ZoneName::utc()] }];
    world.rules.applied.rules = vec![AppliedRule {
        id: RuleId("ca-on".into()),
        version: 3,
        source: "a law".into(),
        place: 0,
        open: Some(OpenTimes {
            intervals: vec![Interval { from: later(10), until: later(60) }],
            closed: Some(TimeOfRule::Day(day, "a holiday".into())),
        }),
        caps: Vec::new(),
        cool_downs: Vec::new(),
        consent: None,
        do_not_call_list: None,
        least_ring: None,
        bars_local_number: false,
    }];
    world
}

async fn decide(gateway: &Running, body: Value) -> Response {
    send(gateway.json("POST", "/api/calls/ai/outbound/decision", body.to_string())).await
}

fn nothing_is_stored(world: &World) {
    let tables = world.memory.tables();
    assert_eq!((tables.calls.len(), tables.locks.len(), tables.directory.contacts.len()), (0, 0, 1));
    assert_eq!(world.provider.dials().len(), 0);
}

#[tokio::test]
async fn a_refusal_has_the_first_reason_as_its_code_and_lists_all_of_them() {
    let world = closed();
    let gateway = start(&world).await;
    let refused = gateway.place(json!({ "phoneNumber": "+14165550119" })).await;
    refused.assert_error(400, "CLOSED_DAY");
    let ten_minutes_later = "2023-11-14T22:23:20.000Z";
    assert_eq!(refused.body["opensAt"], ten_minutes_later);
    assert_eq!(
        refused.body["refusals"],
        json!([
            {
                "code": "CLOSED_DAY",
                "ruleId": "ca-on",
                "source": "a law",
                "detail": "2023-11-14 is a closed day of the callee: a holiday",
                "opensAt": ten_minutes_later
            },
            {
                "code": "ATTEMPT_CAP",
                "ruleId": "attempt-caps",
                "source": "the organization's calling policy",
                "detail": "1 attempts in 60 s, of at most 1, for this number and subject",
                "opensAt": "2023-11-14T22:14:20.000Z"
            }
        ])
    );
    nothing_is_stored(&world);
}

#[tokio::test]
async fn an_unknown_purpose_and_a_long_subject_are_not_valid() {
    let gateway = start(&World::new()).await;
    let contact = |field: &str, value: &str| json!({ "contactId": "c1", field: value });
    for (field, value) in [("purpose", "hunter2"), ("subject", &"x".repeat(129)), ("subject", "a\tb")] {
        for response in
            [gateway.place(contact(field, value)).await, decide(&gateway, contact(field, value)).await]
        {
            response.assert_invalid(&[field], value);
        }
    }
    gateway.place(json!({ "contactId": "c1", "purpose": 7 })).await.assert_invalid(&["purpose"], "7");
}

#[tokio::test]
async fn a_dry_run_returns_the_decision_and_does_nothing() {
    let world = closed();
    let gateway = start(&world).await;
    let body = json!({ "phoneNumber": "+14165550119", "callReason": "a quote", "purpos": "debt" });
    let refused = decide(&gateway, body).await;
    assert_eq!((refused.status, &refused.body["success"]), (200, &json!(true)));
    let decision = &refused.body["decision"];
    assert_eq!((&decision["verdict"], decision.get("contactId")), (&json!("refused"), None));
    assert_eq!(decision["refusals"].as_array().map(Vec::len), Some(2));
    assert_eq!(decision["opensAt"], "2023-11-14T22:23:20.000Z");
    assert_eq!(
        decision["calleeLocalTime"],
        json!([{ "basis": "number", "timeZone": "UTC", "localTime": "2023-11-14T22:13" }])
    );
    assert_eq!(
        refused.body["dial"],
        json!({
            "agentId": "a1",
            "providerAgentId": "agent_1",
            "from": "+14165550100",
            "providerNumberId": "phnum_1",
            "to": "+14165550119",
            "organizationName": "Analytical Insurance",
            "callReason": "a quote",
            "ringingTimeout": 60
        })
    );
    assert_eq!(refused.body["duplicate"], json!({ "state": "none" }));
    assert_eq!(refused.body["ignoredFields"], json!(["purpos"]));
    nothing_is_stored(&world);
}

#[tokio::test]
async fn a_dry_run_has_the_errors_of_the_request_for_the_call() {
    let gateway = start(&World::new()).await;
    decide(&gateway, json!({ "contactId": "unknown" })).await.assert_error(404, "CONTACT_NOT_FOUND");
    decide(&gateway, json!({ "phoneNumber": "+14165550100" }))
        .await
        .assert_error(400, "DESTINATION_NOT_ALLOWED");
    decide(&gateway, json!({})).await.assert_error(400, "CONTACT_OR_PHONE_REQUIRED");
    let lost = start(&World::lost()).await;
    decide(&lost, json!({ "contactId": "c1" })).await.assert_error(500, "SERVICE_UNAVAILABLE");
    let panicking = start(&World::panicking()).await;
    decide(&panicking, json!({ "contactId": "c1" })).await.assert_error(500, "INTERNAL");
}

#[tokio::test]
async fn a_dry_run_shows_a_duplicate_in_flight_and_then_settled() {
    let (world, phones) = World::ringing();
    let gateway = start(&world).await;
    let body = json!({ "contactId": "c1" });
    let call = tokio::spawn(send(gateway.post(body.to_string())));
    eventually("the phone rings", async || phones.arrived() == 1).await;
    let duplicate = decide(&gateway, body.clone()).await.body["duplicate"].clone();
    assert_eq!(duplicate, json!({ "state": "in-flight", "retryAfter": 30 }));
    phones.release(1);
    assert_eq!(call.await.expect("a response").status, 200);
    let duplicate = decide(&gateway, body).await.body["duplicate"].clone();
    assert_eq!(duplicate, json!({ "state": "settled", "callId": CALL_ID }));
}

#[tokio::test]
async fn a_call_shows_its_purpose_its_subject_and_its_decision() {
    let gateway = start(&World::new()).await;
    let body = json!({ "contactId": "c1", "purpose": "debt", "subject": "invoice 7" });
    assert_eq!(gateway.place(body).await.status, 200);
    let call = send(gateway.authorized("GET", &format!("/api/calls/{CALL_ID}"))).await.body["call"].clone();
    assert_eq!((&call["purpose"], &call["subject"]), (&json!("debt"), &json!("invoice 7")));
    let decision = &call["decision"];
    assert_eq!((&decision["verdict"], &decision["contactId"]), (&json!("allowed"), &json!("c1")));
    assert_eq!(decision["agent"], json!({ "agentId": "a1", "why": "default" }));
    assert_eq!(decision["callerNumber"], json!({ "phoneNumber": "+14165550100", "why": "first" }));
    let suppressions = decision["rulesApplied"].as_array().and_then(|rules| rules.first());
    assert_eq!(
        suppressions,
        Some(&json!({
            "id": "suppressions",
            "version": 0,
            "source": "the organization's calling policy",
            "group": "suppressions",
            "mode": "enforce",
            "verdict": "allows"
        }))
    );
    let listed = send(gateway.authorized("GET", "/api/calls/history")).await.body["calls"][0].clone();
    assert_eq!((&listed["purpose"], listed.get("decision")), (&json!("debt"), None));
}
