//! What is told of calls, beyond what the ports let one see.

use std::time::Duration;

use domain::ports::{
    CallLedger, CallReader, CallUpdater, Directory, EventFeed, FeedQuery, RegistrationResult, Settlement,
    WebhookEndpoints,
};
use domain::{
    AudioFormat, Booking, CallEvent, CallEventKind, CallFailure, CallIdentity, CallStatus, CallUpdate,
    DialOutcome, EventId, EventSequence, NotConnectedReason, UpdateContent,
};
use sqlx::{Connection, PgConnection, Row};
use testkit::fixtures::{self, Tenant};
use testkit::harness::StoresRecords;

use crate::harness::{PostgresHarness, TestDatabase};

const MINUTE: Duration = Duration::from_secs(60);

async fn told(harness: &PostgresHarness, tenant: &Tenant) -> Vec<CallEvent> {
    harness.adapter().publish(1000).await.expect("the server answers");
    let query = FeedQuery {
        organization_id: tenant.organization.id.clone(),
        after: EventSequence::START,
        limit: 1000,
        wait: Duration::ZERO,
    };
    harness.adapter().read(&query).await.expect("the server answers")
}

fn settlement<'a>(booking: &'a Booking, outcome: &'a DialOutcome, status: CallStatus) -> Settlement<'a> {
    Settlement {
        call_id: &booking.identity.call_id,
        key: &booking.key,
        token: &booking.token,
        outcome,
        status,
        hold_for: MINUTE,
        settled_at: booking.booked_at,
    }
}

/// What a settlement tells is reckoned in SQL: from every status to every other it is what the domain names.
#[tokio::test]
async fn a_settlement_tells_every_rise_as_the_domain_names_it() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    let mut expected = Vec::new();
    for before in CallStatus::ALL {
        for after in CallStatus::ALL {
            let booking = tenant.booking(MINUTE);
            harness.adapter().book(&booking).await.expect("the server answers");
            let (call_id, rank) = (&booking.identity.call_id, before.rank());
            let raised = format!("update calls set status_rank = {rank} where id = '{call_id}'");
            harness.database().execute(&raised).await;
            for _ in 0..2 {
                harness
                    .adapter()
                    .settle(&settlement(&booking, &outcome, after))
                    .await
                    .expect("the server answers");
            }
            expected.push(EventId::of(call_id, CallEventKind::Initiated, CallStatus::Initiated));
            let steps = CallEventKind::between(before, after);
            expected.extend(steps.into_iter().map(|kind| EventId::of(call_id, kind, after)));
        }
    }
    let told: Vec<EventId> = told(&harness, &tenant).await.into_iter().map(|event| event.id).collect();
    assert_eq!(told, expected);
}

/// Whoever comes while another one publishes leaves it to that one, and does not wait.
#[tokio::test]
async fn who_publishes_is_left_to_it() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server answers");
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server answers");
    let mut publishing = other.begin().await.expect("the server answers");
    sqlx::query("select from event_order for no key update")
        .execute(&mut *publishing)
        .await
        .expect("the server answers");
    assert_eq!(harness.adapter().publish(10).await, Ok(0));
    publishing.rollback().await.expect("the server answers");
    assert_eq!(harness.adapter().publish(10).await, Ok(1));
}

/// A place is not given twice, even where whatever had it was deleted: nobody who read it would read the other one.
#[tokio::test]
async fn a_place_is_given_once() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server answers");
    let first = told(&harness, &tenant).await;
    harness.database().execute("delete from calls").await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server answers");
    let second = told(&harness, &tenant).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].sequence > first[0].sequence);
}

/// Registering waits for no import, which holds its organizations until it is done.
#[tokio::test]
async fn an_endpoint_is_registered_during_an_import() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut import = harness.adapter().begin().await.expect("the server answers");
    import.upsert(&tenant.records()).await.expect("the records agree with each other");
    let endpoint = fixtures::webhook_endpoint(&tenant.organization.id);
    assert_eq!(harness.adapter().register(&endpoint, 1).await, Ok(RegistrationResult::Registered));
    // As after a broken connection: it is stored, however many there are.
    assert_eq!(harness.adapter().register(&endpoint, 1).await, Ok(RegistrationResult::Registered));
}

/// Who registers waits for another one of its organization, and counts what that one stored.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_registered_one_after_the_other() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server answers");
    let mut registering = other.begin().await.expect("the server answers");
    for step in [
        "select pg_advisory_xact_lock(hashtextextended('outdial webhook endpoints of ' || id, 0)) from organizations",
        "insert into webhook_endpoints (id, organization_id, url, kinds, secret, created_at) \
         select 'e', id, 'https://hooks.example', array['call_ended'], '', now() from organizations",
    ] {
        sqlx::query(step).execute(&mut *registering).await.expect("the server answers");
    }
    let second = tokio::spawn({
        let (store, endpoint) = (harness.adapter(), fixtures::webhook_endpoint(&tenant.organization.id));
        async move { store.register(&endpoint, 1).await }
    });
    let is_waiting = "select from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
    while !second.is_finished() && harness.database().query(is_waiting).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    registering.commit().await.expect("the server answers");
    assert_eq!(second.await.expect("nobody panics"), Ok(RegistrationResult::TooMany));
}

/// Calls that were booked before there were events go on as they are, and are told of from then on.
#[tokio::test]
async fn a_call_from_before_there_were_events_goes_on() {
    let database = TestDatabase::create().await;
    for migration in [
        include_str!("../../migrations/0001_directory_and_books.sql"),
        include_str!("../../migrations/0002_books_after_the_dial.sql"),
    ] {
        database.execute(migration).await;
    }
    database
        .execute(
            "insert into organizations values ('o', 'O'); insert into users values ('u', 'o', 'U'); \
             insert into agents (id, organization_id, name, voice_enabled) values ('a', 'o', 'A', true); \
             insert into contacts values ('c', 'o'); \
             insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at, \
                                settled_at, status_rank, conversation_id) \
             values ('dialling', 'o', 'u', 'c', 'a', '+14165550100', '+14165550101', 'dialling', now(), null, 0, null), \
                    ('placed', 'o', 'u', 'c', 'a', '+14165550100', '+14165550101', 'placed', now(), now(), 3, 'conv')",
        )
        .await;
    database.execute(include_str!("../../migrations/0003_events_webhooks_recordings.sql")).await;

    let (store, parse) = (database.open().await, |id| domain::CallId::parse(id).expect("an id"));
    let (dialling, placed) = (parse("dialling"), parse("placed"));
    let template = Tenant::new().booking(MINUTE);
    let booking =
        Booking { identity: CallIdentity { call_id: dialling.clone(), ..template.identity }, ..template };
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    store.settle(&settlement(&booking, &outcome, CallStatus::InProgress)).await.expect("the server answers");
    let failure = CallFailure { reason: NotConnectedReason::Busy, at: fixtures::moment() };
    let update =
        CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Failure(failure) };
    store.merge(&placed, &update).await.expect("the server answers");
    let recording = fixtures::recording(&placed, AudioFormat::Wav);
    store.attach_recording(&placed, &recording).await.expect("the server answers");

    assert_eq!(store.publish(10).await, Ok(3));
    let organization_id = domain::OrganizationId::parse("o").expect("an id");
    let query = FeedQuery {
        organization_id: organization_id.clone(),
        after: EventSequence::START,
        limit: 10,
        wait: Duration::ZERO,
    };
    let told = store.read(&query).await.expect("the server answers");
    let told: Vec<_> = told.iter().map(|event| (&event.identity.call_id, event.kind, event.status)).collect();
    assert_eq!(
        told,
        [
            (&dialling, CallEventKind::Answered, CallStatus::InProgress),
            (&placed, CallEventKind::Ended, CallStatus::Busy),
            (&placed, CallEventKind::RecordingReady, CallStatus::Busy),
        ]
    );
    let read = CallReader::find(&store, &organization_id, &placed).await.expect("the server answers");
    assert_eq!(read.expect("it is in the books").recording, Some(recording));
    let read = CallReader::find(&store, &organization_id, &dialling).await.expect("the server answers");
    assert_eq!(read.expect("it is in the books").recording, None);
}

/// Many at once attach recordings of a call whose status rises meanwhile: that is told once.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_told_once_however_many_attach_it() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    for _ in 0..5 {
        let booking = tenant.booking(MINUTE);
        harness.adapter().book(&booking).await.expect("the server answers");
        let attaching = (0..8_u8).map(|rank| {
            let (store, call_id) = (harness.adapter(), booking.identity.call_id.clone());
            let recording = fixtures::recording(&call_id, AudioFormat::Mp3);
            tokio::spawn(async move {
                if rank % 2 == 0 {
                    store.attach_recording(&call_id, &recording).await
                } else {
                    let failure = CallFailure { reason: NotConnectedReason::Busy, at: fixtures::moment() };
                    let content = UpdateContent::Failure(failure);
                    let update = CallUpdate { conversation_id: None, carrier_call_id: None, content };
                    store.merge(&call_id, &update).await
                }
            })
        });
        for attached in attaching.collect::<Vec<_>>() {
            assert_eq!(attached.await.expect("nobody panics"), Ok(()));
        }
    }
    let rows = harness.database().query(
        "select count(*)::text as events, count(distinct call_id)::text as calls from call_events where kind = 'call_recording_ready'",
    );
    let rows = rows.await;
    assert_eq!(
        (rows[0].get::<String, _>("events"), rows[0].get::<String, _>("calls")),
        ("5".into(), "5".into())
    );
}
