//! Call events and webhook endpoints, beyond what the ports show.

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

async fn published(harness: &PostgresHarness, tenant: &Tenant) -> Vec<CallEvent> {
    harness.adapter().publish(1000).await.expect("the server responds");
    let query = FeedQuery {
        organization_id: tenant.organization.id.clone(),
        after: EventSequence::START,
        limit: 1000,
        wait: Duration::ZERO,
    };
    harness.adapter().read(&query).await.expect("the server responds")
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

/// The statement picks the merged status and the events: from every status to every other they are
/// those of the domain.
#[tokio::test]
async fn a_settlement_writes_the_events_of_the_domain_for_every_rise() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    let mut expected = Vec::new();
    for before in CallStatus::ALL {
        for after in CallStatus::ALL {
            let booking = tenant.booking(MINUTE);
            harness.adapter().book(&booking).await.expect("the server responds");
            let (call_id, rank) = (&booking.identity.call_id, before.rank());
            let raise = format!("update calls set status_rank = {rank} where id = '{call_id}'");
            harness.database().execute(&raise).await;
            for _ in 0..2 {
                harness
                    .adapter()
                    .settle(&settlement(&booking, &outcome, after))
                    .await
                    .expect("the server responds");
            }
            expected.push(EventId::of(call_id, CallEventKind::Initiated, CallStatus::Initiated));
            let steps = CallEventKind::between(before, after);
            expected.extend(steps.into_iter().map(|kind| EventId::of(call_id, kind, after)));
        }
    }
    let ids: Vec<EventId> = published(&harness, &tenant).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, expected);
}

/// While one process publishes, another one does not wait, and publishes nothing.
#[tokio::test]
async fn one_process_publishes_at_a_time() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server responds");
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut publishing = other.begin().await.expect("the server responds");
    sqlx::query("select from event_order for no key update")
        .execute(&mut *publishing)
        .await
        .expect("the server responds");
    assert_eq!(harness.adapter().publish(10).await, Ok(0));
    publishing.rollback().await.expect("the server responds");
    assert_eq!(harness.adapter().publish(10).await, Ok(1));
}

/// A position is not given twice, even if its event was deleted: a reader that has read the
/// position would never see the new event.
#[tokio::test]
async fn a_position_is_given_once() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server responds");
    let first = published(&harness, &tenant).await;
    harness.database().execute("delete from calls").await;
    harness.adapter().book(&tenant.booking(MINUTE)).await.expect("the server responds");
    let second = published(&harness, &tenant).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].sequence > first[0].sequence);
}

/// A registration does not wait for an import, which locks its organizations until it ends.
#[tokio::test]
async fn an_endpoint_is_registered_during_an_import() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut import = harness.adapter().begin().await.expect("the server responds");
    import.upsert(&tenant.records()).await.expect("the records agree with each other");
    let endpoint = fixtures::webhook_endpoint(&tenant.organization.id);
    assert_eq!(harness.adapter().register(&endpoint, 1).await, Ok(RegistrationResult::Registered));
    // Repeated, as after a broken connection: the endpoint is stored, whatever the maximum is.
    assert_eq!(harness.adapter().register(&endpoint, 1).await, Ok(RegistrationResult::Registered));
}

/// A registration waits for another one of its organization, and counts the endpoint that the other
/// one stored.
#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_registered_one_after_the_other() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    let mut other = PgConnection::connect(&harness.database().url()).await.expect("the server responds");
    let mut registering = other.begin().await.expect("the server responds");
    for step in [
        "select pg_advisory_xact_lock(hashtextextended('outdial webhook endpoints of ' || id, 0)) from organizations",
        "insert into webhook_endpoints (id, organization_id, url, kinds, secret, created_at) \
         select 'e', id, 'https://hooks.example', array['call_ended'], '', now() from organizations",
    ] {
        sqlx::query(step).execute(&mut *registering).await.expect("the server responds");
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
    registering.commit().await.expect("the server responds");
    assert_eq!(second.await.expect("no task panics"), Ok(RegistrationResult::TooMany));
}

/// Calls from before the migration that added events get events from then on.
#[tokio::test]
async fn a_call_from_before_the_events_gets_events_from_then_on() {
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
    for migration in [
        include_str!("../../migrations/0003_events_webhooks_recordings.sql"),
        include_str!("../../migrations/0004_unrecorded_calls.sql"),
        include_str!("../../migrations/0005_given_up_calls_and_foreign_events.sql"),
        include_str!("../../migrations/0006_recording_reports.sql"),
        include_str!("../../migrations/0013_why_a_call_ended.sql"),
        include_str!("../../migrations/0015_client_data_of_calls.sql"),
        include_str!("../../migrations/0016_calling_decisions.sql"),
        include_str!("../../migrations/0017_idempotency_keys.sql"),
        include_str!("../../migrations/0022_retention.sql"),
    ] {
        database.execute(migration).await;
    }

    let (store, parse) = (database.open().await, |id| domain::CallId::parse(id).expect("an id"));
    let (dialling, placed) = (parse("dialling"), parse("placed"));
    let template = Tenant::new().booking(MINUTE);
    let booking =
        Booking { identity: CallIdentity { call_id: dialling.clone(), ..template.identity }, ..template };
    let outcome = DialOutcome::Placed(fixtures::provider_reference());
    store.settle(&settlement(&booking, &outcome, CallStatus::InProgress)).await.expect("the server responds");
    let failure = CallFailure::new(NotConnectedReason::Busy, fixtures::moment());
    let update =
        CallUpdate { conversation_id: None, carrier_call_id: None, content: UpdateContent::Failure(failure) };
    store.merge(&placed, &update).await.expect("the server responds");
    let recording = fixtures::recording(&placed, AudioFormat::Wav);
    store.attach_recording(&placed, &recording).await.expect("the server responds");

    assert_eq!(store.publish(10).await, Ok(3));
    let organization_id = domain::OrganizationId::parse("o").expect("an id");
    let query = FeedQuery {
        organization_id: organization_id.clone(),
        after: EventSequence::START,
        limit: 10,
        wait: Duration::ZERO,
    };
    let events = store.read(&query).await.expect("the server responds");
    let steps: Vec<_> =
        events.iter().map(|event| (&event.identity.call_id, event.kind, event.status)).collect();
    assert_eq!(
        steps,
        [
            (&dialling, CallEventKind::Answered, CallStatus::InProgress),
            (&placed, CallEventKind::Ended, CallStatus::Busy),
            (&placed, CallEventKind::RecordingReady, CallStatus::Busy),
        ]
    );
    let read = CallReader::find(&store, &organization_id, &placed).await.expect("the server responds");
    assert_eq!(read.expect("the call is in the ledger").recording, Some(recording));
    let read = CallReader::find(&store, &organization_id, &dialling).await.expect("the server responds");
    assert_eq!(read.expect("the call is in the ledger").recording, None);
}

/// Many tasks attach recordings to a call while its status rises: one event is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_many_attach_writes_one_event() {
    let (harness, tenant) = (PostgresHarness::new().await, Tenant::new());
    harness.store(&tenant.records()).await;
    for _ in 0..5 {
        let booking = tenant.booking(MINUTE);
        harness.adapter().book(&booking).await.expect("the server responds");
        let attaching = (0..8_u8).map(|rank| {
            let (store, call_id) = (harness.adapter(), booking.identity.call_id.clone());
            let recording = fixtures::recording(&call_id, AudioFormat::Mp3);
            tokio::spawn(async move {
                if rank % 2 == 0 {
                    store.attach_recording(&call_id, &recording).await
                } else {
                    let failure = CallFailure::new(NotConnectedReason::Busy, fixtures::moment());
                    let content = UpdateContent::Failure(failure);
                    let update = CallUpdate { conversation_id: None, carrier_call_id: None, content };
                    store.merge(&call_id, &update).await
                }
            })
        });
        for attached in attaching.collect::<Vec<_>>() {
            assert_eq!(attached.await.expect("no task panics"), Ok(()));
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
