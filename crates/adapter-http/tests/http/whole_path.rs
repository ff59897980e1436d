//! The whole path: a request over HTTP, records and locks in a SQLite store, a dial over HTTP to the simulator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter_elevenlabs::{ElevenLabs, ElevenLabsSettings};
use adapter_sqlite::{SqliteSettings, SqliteStore};
use async_trait::async_trait;
use domain::ports::{Clock, Directory, Identifiers};
use domain::{
    Agent, AgentId, CallId, CallPolicy, CallerNumber, Carrier, ContactId, ContactIdentity, ContactRecord,
    DirectoryRecord, NumberRecord, NumberingPlan, Organization, OrganizationId, OwnerToken, PersonName,
    PhoneNumber, PlaceCall, PlaceCallPorts, ProviderAgentId, ProviderNumberId, Timestamp, UserId, UserRecord,
};
use serde_json::{Value, json};
use simulator::{Settings, Simulator};
use url::Url;

use crate::running::{Options, Running, answer, runtime_for_calls, start_calling};

/// A gateway on real parts. The simulator's delays are a thousandth of what they are in life.
async fn start() -> (Running, Simulator) {
    let settings = Settings { time_scale: 0.001, ..Settings::default() };
    let simulator = Simulator::start(settings).await.expect("a free port");
    let base_url = Url::parse(&simulator.base_url()).expect("a URL");
    let calls = runtime_for_calls();
    // On the runtime of the calls, since a connection belongs to the runtime that opened it.
    let place_call = calls.spawn(place_call(base_url)).await.expect("the parts start");
    (start_calling(calls, place_call, Options::default()), simulator)
}

async fn place_call(base_url: Url) -> PlaceCall {
    let store = SqliteStore::open(&SqliteSettings::in_memory()).await.expect("a store");
    store.migrate().await.expect("a schema");
    let mut import = store.begin().await.expect("an import");
    import.upsert(&records()).await.expect("the records are good");
    import.commit().await.expect("the records are stored");
    let settings = ElevenLabsSettings { base_url, ..ElevenLabsSettings::new("any".into()) };
    let store = Arc::new(store);
    let ports = PlaceCallPorts {
        users: store.clone(),
        contacts: store.clone(),
        agents: store.clone(),
        numbers: store.clone(),
        lock: store.clone(),
        ledger: store.clone(),
        provider: Arc::new(ElevenLabs::new(&settings).expect("the settings are good")),
        contexts: store,
        clock: Arc::new(TestClock(Instant::now())),
        identifiers: Arc::new(RandomIdentifiers),
    };
    PlaceCall::new(ports, CallPolicy::default(), NumberingPlan::default())
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a name")
}

fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn organization(id: &str) -> OrganizationId {
    OrganizationId::parse(id).expect("an id")
}

fn agent(id: &str, synced: bool) -> DirectoryRecord {
    DirectoryRecord::Agent(Agent {
        id: AgentId::parse(id).expect("an id"),
        organization_id: organization("o1"),
        name: name("Agent"),
        voice_enabled: true,
        provider_agent_id: synced.then(|| ProviderAgentId::parse("agent_1").expect("an id")),
    })
}

fn number(phone_number: &str, position: u32, on_trunk: bool) -> DirectoryRecord {
    let number = CallerNumber {
        organization_id: organization("o1"),
        user_id: UserId::parse("u1").expect("an id"),
        phone_number: phone(phone_number),
        carrier: Carrier::Sinch,
        ai_enabled: true,
        on_trunk,
        provider_number_id: Some(ProviderNumberId::parse("phnum_1").expect("an id")),
    };
    DirectoryRecord::Number(NumberRecord { number, position })
}

fn contact(id: &str, organization_id: &str, phone_number: Option<&str>) -> DirectoryRecord {
    DirectoryRecord::Contact(ContactRecord {
        identity: ContactIdentity::Known(ContactId::parse(id).expect("an id")),
        organization_id: organization(organization_id),
        first_name: Some(name("Ada")),
        last_name: None,
        phone_number: phone_number.map(phone),
    })
}

fn records() -> Vec<DirectoryRecord> {
    let tenant =
        |id: &str| DirectoryRecord::Organization(Organization { id: organization(id), name: name("Tenant") });
    let user = DirectoryRecord::User(UserRecord {
        id: UserId::parse("u1").expect("an id"),
        organization_id: organization("o1"),
        full_name: name("User"),
    });
    vec![
        tenant("o1"),
        tenant("o2"),
        user,
        agent("a1", true),
        agent("unsynced", false),
        number("+14165550100", 0, true),
        number("+14165550101", 1, false),
        contact("c1", "o1", Some("+14165550110")),
        contact("phoneless", "o1", None),
        contact("foreign", "o2", Some("+14165550111")),
    ]
}

struct TestClock(Instant);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(1_700_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

struct RandomIdentifiers;

impl RandomIdentifiers {
    fn bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).expect("the system has randomness");
        bytes
    }
}

impl Identifiers for RandomIdentifiers {
    fn call_id(&self) -> CallId {
        CallId::mint(1_700_000_000, Self::bytes())
    }

    fn contact_id(&self) -> ContactId {
        ContactId::mint(1_700_000_000, Self::bytes())
    }

    fn owner_token(&self) -> OwnerToken {
        OwnerToken::mint(Self::bytes())
    }

    fn webhook_endpoint_id(&self) -> domain::WebhookEndpointId {
        domain::WebhookEndpointId::mint(1_700_000_000, Self::bytes())
    }

    fn webhook_secret(&self) -> domain::WebhookSecret {
        domain::WebhookSecret::mint(Self::bytes())
    }
}

#[tokio::test]
async fn a_call_is_placed_and_its_duplicate_gets_the_same_ids() {
    let (gateway, simulator) = start().await;
    let first = gateway.place(json!({ "contactId": "c1", "callReason": "Follow up" })).await;
    assert_eq!((first.status, &first.body["deduplicated"]), (200, &json!(false)), "{}", first.body);
    assert!(first.body["conversationId"].is_string() && first.body["sipCallId"].is_string());
    // The number's own contact, spelled otherwise, with another reason: the same intent.
    let second = gateway.place(json!({ "phoneNumber": "14165550110", "agentId": "a1" })).await;
    let mut expected = first.body;
    expected["deduplicated"] = json!(true);
    assert_eq!((second.status, second.body), (200, expected));
    assert_eq!(simulator.dials().len(), 1);
}

#[tokio::test]
async fn every_outcome_of_a_dial_has_its_answer_and_its_effect_on_a_retry() {
    let (gateway, simulator) = start().await;
    // Number, code, reason, code of a retry at once, dials after both.
    let cases = [
        ("+14165550113", "CALL_NOT_CONNECTED", json!("busy"), "CALL_NOT_CONNECTED", 1),
        ("+14165550114", "CALL_NOT_CONNECTED", json!("no-answer"), "CALL_NOT_CONNECTED", 1),
        ("+14165550116", "CALL_NOT_CONNECTED", json!("declined"), "CALL_NOT_CONNECTED", 1),
        ("+14165550131", "CALL_OUTCOME_UNKNOWN", Value::Null, "OUTBOUND_IN_FLIGHT", 1),
        ("+14165550133", "CALL_OUTCOME_UNKNOWN", Value::Null, "OUTBOUND_IN_FLIGHT", 1),
        ("+14165550151", "PROVIDER_REJECTED", json!("insufficient_credits"), "PROVIDER_REJECTED", 0),
    ];
    for (number, code, reason, again, dials) in cases {
        let first = gateway.place(json!({ "phoneNumber": number })).await;
        first.assert_error(500, code);
        assert_eq!(first.body["reason"], reason, "{number}");
        let second = gateway.place(json!({ "phoneNumber": number })).await;
        second.assert_error(if again == "OUTBOUND_IN_FLIGHT" { 429 } else { 500 }, again);
        let same_call = first.body["callId"] == second.body["callId"];
        assert_eq!(same_call, again == "CALL_NOT_CONNECTED", "{number}");
        assert_eq!(simulator.dials_to(number), dials, "{number}");
    }
    simulator.refuse_connections(true).await;
    gateway.place(json!({ "contactId": "c1" })).await.assert_error(500, "PROVIDER_UNAVAILABLE");
    simulator.refuse_connections(false).await;
    assert_eq!(gateway.place(json!({ "contactId": "c1" })).await.status, 200);
}

#[tokio::test]
async fn a_call_that_the_provider_gives_no_ids_for_is_placed() {
    let (gateway, _simulator) = start().await;
    let answer = gateway.place(json!({ "phoneNumber": "+14165550119" })).await;
    assert_eq!((answer.status, &answer.body["success"]), (200, &json!(true)), "{}", answer.body);
    assert_eq!((answer.body.get("conversationId"), answer.body.get("sipCallId")), (None, None));
}

#[tokio::test]
async fn what_the_stored_records_do_not_allow_is_refused_and_nothing_is_dialled() {
    let (gateway, simulator) = start().await;
    let cases = [
        (json!({ "contactId": "phoneless" }), 400, "CONTACT_HAS_NO_PHONE"),
        (json!({ "contactId": "c1", "phoneNumber": "+14165550119" }), 400, "CONTACT_PHONE_MISMATCH"),
        (json!({ "contactId": "c1", "agentId": "nobody" }), 400, "AGENT_NOT_FOUND"),
        (json!({ "contactId": "c1", "agentId": "unsynced" }), 400, "AGENT_NOT_SYNCED"),
        (json!({ "contactId": "c1", "fromNumber": "+14165550109" }), 400, "FROM_NUMBER_NOT_AVAILABLE"),
        (json!({ "contactId": "c1", "fromNumber": "+14165550101" }), 400, "NUMBER_NOT_ON_TRUNK"),
        (json!({ "phoneNumber": "+14165550101" }), 400, "DESTINATION_NOT_ALLOWED"),
    ];
    for (body, status, code) in cases {
        gateway.place(body).await.assert_error(status, code);
    }
    let foreign = gateway.place(json!({ "contactId": "foreign" })).await;
    let unknown = gateway.place(json!({ "contactId": "nobody" })).await;
    foreign.assert_error(404, "CONTACT_NOT_FOUND");
    assert_eq!(foreign.body, unknown.body);
    assert!(simulator.requests().is_empty());
}

#[tokio::test]
async fn many_requests_of_one_intent_dial_once() {
    let (gateway, simulator) = start().await;
    let requests = (0..50).map(|_| tokio::spawn(answer(gateway.post(r#"{"phoneNumber":"+14165550199"}"#))));
    let mut placed = 0;
    for request in requests.collect::<Vec<_>>() {
        let answer = request.await.expect("an answer");
        match answer.status {
            200 if answer.body["deduplicated"] == false => placed += 1,
            200 => assert!(answer.body["conversationId"].is_string()),
            _ => answer.assert_error(429, "OUTBOUND_IN_FLIGHT"),
        }
    }
    assert_eq!((placed, simulator.dials().len()), (1, 1));
}
