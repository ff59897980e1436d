//! A file that an earlier release wrote.

use std::path::Path;
use std::time::Duration;

use domain::ports::{
    CallLedger, CallReader, CallUpdater, CallerNumberQuery, EventFeed, FeedQuery, NumberPool, Recipient,
    Settlement,
};
use domain::{
    AnswerTime, AudioFormat, Booking, CallEventKind, CallRecord, CallStatus, CallUpdate, ConversationRecord,
    DialOutcome, EventSequence, UpdateContent,
};
use sqlx::migrate::Migrator;
use sqlx::{Connection, SqliteConnection};
use testkit::fixtures::{SERVED_CARRIERS, Tenant, moment, phone_number, provider_reference, recording};

use crate::{LONG, connect, unmigrated};

/// A ledger from before events and recordings. A call that is not settled gets events from then on,
/// a call that has ended gets none for its past, and both can get a recording.
#[tokio::test]
async fn calls_from_before_the_events_get_events_from_then_on() {
    let (store, path, folder) = unmigrated().await;
    let mut earlier = connect(&path).await;
    migrate_to_the_second(&mut earlier, folder.path()).await;
    let tenant = Tenant::new();
    write_earlier_directory(&mut earlier, &tenant).await;
    let (dialling, ended) = (tenant.booking(LONG), tenant.booking(LONG));
    write_earlier_call(&mut earlier, &dialling, 0).await;
    write_earlier_call(&mut earlier, &ended, CallStatus::Completed.rank()).await;

    let pending = store.pending_migrations().await.expect("the store is available");
    assert_eq!(pending.first().map(String::as_str), Some("0003 events webhooks recordings"));
    store.migrate().await.expect("an earlier release wrote it");
    assert_eq!(store.publish(100).await, Ok(0), "the past has no events");
    for (booking, status) in [(&dialling, CallStatus::Initiated), (&ended, CallStatus::Completed)] {
        let record = find(&store, booking).await;
        assert_eq!((record.progress.status, record.recording), (Some(status), None));
    }

    let outcome = DialOutcome::Placed(provider_reference());
    let settlement = Settlement {
        call_id: &dialling.identity.call_id,
        key: &dialling.key,
        token: &dialling.token,
        outcome: &outcome,
        status: CallStatus::after(&outcome, AnswerTime::AfterRinging),
        hold_for: LONG,
        settled_at: moment(),
    };
    store.settle(&settlement).await.expect("the store is available");
    for booking in [&dialling, &ended] {
        store.merge(&booking.identity.call_id, &completed()).await.expect("the store is available");
        let recording = recording(&booking.identity.call_id, AudioFormat::Mp3);
        store.attach_recording(&booking.identity.call_id, &recording).await.expect("the store is available");
        assert_eq!(find(&store, booking).await.recording, Some(recording));
    }
    assert_eq!(store.publish(100).await, Ok(4));
    let query = FeedQuery {
        organization_id: tenant.organization.id.clone(),
        after: EventSequence::START,
        limit: 100,
        wait: Duration::ZERO,
    };
    let events = store.read(&query).await.expect("the store is available").into_iter();
    let steps: Vec<_> = events.map(|event| (event.identity.call_id, event.kind)).collect();
    let expected = [
        (&dialling, CallEventKind::Answered),
        (&dialling, CallEventKind::Ended),
        (&dialling, CallEventKind::RecordingReady),
        (&ended, CallEventKind::RecordingReady),
    ];
    assert_eq!(steps, expected.map(|(booking, kind)| (booking.identity.call_id.clone(), kind)));
}

/// The table of numbers is written again when carriers get names: its rows and indexes stay.
#[tokio::test]
async fn numbers_from_before_the_names_of_carriers_stay() {
    let (store, path, folder) = unmigrated().await;
    let mut file = connect(&path).await;
    migrate_to_the_second(&mut file, folder.path()).await;
    let tenant = Tenant::new();
    write_earlier_directory(&mut file, &tenant).await;
    store.migrate().await.expect("an earlier release wrote it");

    let recipient = phone_number();
    let query = CallerNumberQuery {
        organization_id: &tenant.organization.id,
        user_id: &tenant.user.id,
        requested: None,
        carriers: SERVED_CARRIERS,
        recipient: Recipient::Number(&recipient),
        list_numbers: false,
    };
    let chosen = store.choose(&query).await.expect("the store is available").caller;
    assert_eq!(chosen.as_ref(), Some(&tenant.number.number));
    let indexes = "select name from pragma_index_list('caller_numbers') where origin = 'c' order by name";
    let indexes: Vec<String> = sqlx::query_scalar(indexes).fetch_all(&mut file).await.expect("names");
    assert_eq!(indexes, ["caller_numbers_phone_number_idx", "caller_numbers_user_idx"]);
    let mut unnamed = file.begin().await.expect("the file is there");
    for name in ["", "Sinch", "9", "a b", "a\n"] {
        let update = sqlx::query("update caller_numbers set carrier = ?").bind(name);
        let refused = update.execute(&mut *unnamed).await.expect_err("this names no carrier");
        assert!(refused.to_string().contains("caller_numbers_carrier_check"), "{name:?}: {refused}");
    }
}

/// Applies the migrations of the previous release only.
async fn migrate_to_the_second(file: &mut SqliteConnection, folder: &Path) {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let earlier = folder.join("migrations");
    std::fs::create_dir(&earlier).expect("the folder is new");
    for name in ["0001_directory_books_and_leases.sql", "0002_books_after_the_dial.sql"] {
        std::fs::copy(all.join(name), earlier.join(name)).expect("a migration is never edited");
    }
    let migrator = Migrator::new(earlier).await.expect("there are two");
    migrator.run_direct(None, file, false).await.expect("the file is new");
}

/// An import of this release names columns that the file does not have yet.
async fn write_earlier_directory(file: &mut SqliteConnection, tenant: &Tenant) {
    let organization_id = tenant.organization.id.as_str();
    let number = &tenant.number.number;
    let statements = [
        sqlx::query("insert into organizations (id, name) values (?1, ?2)")
            .bind(organization_id)
            .bind(tenant.organization.name.as_str()),
        sqlx::query("insert into users (organization_id, id, full_name) values (?1, ?2, ?3)")
            .bind(organization_id)
            .bind(tenant.user.id.as_str())
            .bind(tenant.user.full_name.as_str()),
        sqlx::query("insert into agents (organization_id, id, name, voice_enabled) values (?1, ?2, ?3, 1)")
            .bind(organization_id)
            .bind(tenant.agent.id.as_str())
            .bind(tenant.agent.name.as_str()),
        sqlx::query(
            "insert into caller_numbers
                 (organization_id, user_id, phone_number, carrier, ai_enabled, on_trunk, provider_number_id, position)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .bind(organization_id)
        .bind(tenant.user.id.as_str())
        .bind(number.phone_number.as_e164())
        .bind(number.carrier.as_str())
        .bind(number.ai_enabled)
        .bind(number.on_trunk)
        .bind(number.provider_number_id.as_ref().map(|id| id.as_str()))
        .bind(tenant.number.position),
        sqlx::query("insert into contacts (organization_id, id) values (?1, ?2)")
            .bind(organization_id)
            .bind(tenant.contact_id().as_str().to_owned()),
    ];
    for statement in statements {
        statement.execute(&mut *file).await.expect("the table is there");
    }
}

async fn write_earlier_call(file: &mut SqliteConnection, booking: &Booking, status_rank: u8) {
    let has_ended = status_rank > 0;
    sqlx::query(
        "insert into calls (id, organization_id, user_id, contact_id, agent_id, from_number, to_number, state, booked_at,
                            settled_at, status_rank)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(booking.identity.call_id.as_str())
    .bind(booking.identity.organization_id.as_str())
    .bind(booking.identity.user_id.as_str())
    .bind(booking.identity.contact_id.as_str())
    .bind(booking.identity.agent_id.as_str())
    .bind(booking.identity.from.as_e164())
    .bind(booking.identity.to.as_e164())
    .bind(if has_ended { "placed" } else { "dialling" })
    .bind(booking.booked_at.unix_millis())
    .bind(has_ended.then_some(1))
    .bind(status_rank)
    .execute(file)
    .await
    .expect("the table is there");
}

async fn find(store: &adapter_sqlite::SqliteStore, booking: &Booking) -> CallRecord {
    let found = store
        .find(&booking.identity.organization_id, &booking.identity.call_id)
        .await
        .expect("the store is available");
    found.expect("the call is in the ledger")
}

fn completed() -> CallUpdate {
    let conversation = ConversationRecord {
        duration_secs: Some(42),
        has_recording: true,
        ..ConversationRecord::new(CallStatus::Completed)
    };
    CallUpdate {
        conversation_id: None,
        carrier_call_id: None,
        content: UpdateContent::Conversation(conversation),
    }
}
