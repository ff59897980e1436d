//! The first call through Parrot: the use cases of the gateway, stores in memory, and a vendor that
//! is a socket.

use std::sync::Arc;
use std::time::Duration;

use adapter_parrot::{Parrot, ParrotRecords, ParrotSettings};
use domain::ports::Identifiers;
use domain::{
    CallId, CallPolicy, CallStatus, Carrier, ConsentId, ContactId, DestinationRules, OwnerToken, PlaceCall,
    PlaceCallCommand, PlaceCallPorts, RawPlaceCall, Reconcile, ReconcileTimes, SuppressionId, VendorSecret,
    WebhookEndpointId, WebhookSecret,
};
use testkit::clock::ManualClock;
use testkit::fixtures::{self, Tenant};
use testkit::memory::Memory;
use testkit::peer::{Connection, Peer};

/// Accepts each dial, and has a finished call on record.
async fn parrot(mut connection: Connection) {
    connection.read_request().await;
    let is_dial = connection.requests().iter().any(|request| request.method == "POST");
    let body = if is_dial {
        r#"{"accepted":true,"call":"p-1","leg":"l-1"}"#
    } else {
        r#"{"call":"p-1","state":"over","cause":"hung-up","secs":42}"#
    };
    let length = body.len();
    connection.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").as_bytes()).await;
}

struct Ids;

impl Identifiers for Ids {
    fn call_id(&self) -> CallId {
        fixtures::call_id()
    }

    fn contact_id(&self) -> ContactId {
        fixtures::contact_id()
    }

    fn suppression_id(&self) -> SuppressionId {
        fixtures::suppression_id()
    }

    fn consent_id(&self) -> ConsentId {
        fixtures::consent_id()
    }

    fn owner_token(&self) -> OwnerToken {
        fixtures::token()
    }

    fn webhook_endpoint_id(&self) -> WebhookEndpointId {
        fixtures::webhook_endpoint_id()
    }

    fn webhook_secret(&self) -> WebhookSecret {
        fixtures::webhook_secret()
    }

    fn tool_secret(&self) -> VendorSecret {
        VendorSecret::mint([0; 32])
    }
}

#[tokio::test]
async fn the_first_call_is_placed_once_and_its_end_is_in_the_ledger() {
    let vendor = Peer::start(parrot).await;
    let base_url = vendor.base_url().parse().expect("a URL");
    let settings = ParrotSettings { api_key: "a-key".into(), base_url };
    let clock = Arc::new(ManualClock::new());
    let store = Arc::new(Memory::new(clock.clone()));
    let mut tenant = Tenant::new();
    // One of the carriers whose numbers Parrot can dial from.
    tenant.number.number.carrier = Carrier::named("telnyx");
    store.import(&tenant.records());
    let place_call = PlaceCall::new(
        PlaceCallPorts {
            directory: store.clone(),
            contacts: store.clone(),
            lock: store.clone(),
            ledger: store.clone(),
            keys: store.clone(),
            provider: Arc::new(Parrot::new(&settings).expect("valid settings")),
            contexts: store.clone(),
            clock: clock.clone(),
            identifiers: Arc::new(Ids),
            rules: Arc::new(testkit::rules::ScriptedRules::default()),
        },
        CallPolicy::default(),
        DestinationRules::default(),
    );

    // The call, and the same request again.
    let contact_id = tenant.contact_id();
    let raw = RawPlaceCall { contact_id: Some(contact_id.as_str()), ..RawPlaceCall::default() };
    let command = PlaceCallCommand::parse(tenant.user.id, &raw).expect("a command");
    let first = place_call.execute(command.clone()).await.expect("the call is placed");
    let again = place_call.execute(command).await.expect("the same call");
    assert_eq!((first.deduplicated, again.deduplicated), (false, true));
    assert_eq!(first.reference, again.reference);
    let dials = vendor.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(dials, 1, "dials");

    // No webhook reports the end, so the gateway asks.
    let records = Arc::new(ParrotRecords::new(&settings).expect("valid settings"));
    let a_minute = Duration::from_mins(1);
    let times = ReconcileTimes {
        decided_within: 2 * a_minute,
        reported_within: 15 * a_minute,
        pause: a_minute,
        given_up_after: Duration::from_hours(48),
    };
    let reconcile = Reconcile::new(store.clone(), store.clone(), Some(records), clock.clone(), times);
    clock.advance(16 * a_minute).await;
    assert_eq!(reconcile.run_once().await.expect("the stores are available").found, 1);
    let ledger = store.tables();
    let statuses: Vec<_> = ledger.calls.iter().map(|call| call.progress.status).collect();
    assert_eq!(statuses, [Some(CallStatus::Completed)]);
}
