//! Migrations, and the list of pending ones.

use sqlx::Row;

use crate::harness::TestDatabase;

#[tokio::test]
async fn a_new_database_lacks_every_migration_until_it_is_migrated() {
    let database = TestDatabase::create().await;
    let store = database.open().await;
    let pending = store.pending_migrations().await.expect("the server responds");
    assert_eq!(pending.first().map(String::as_str), Some("0001 directory and books"));
    store.migrate().await.expect("an empty database can be migrated");
    assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
    store.migrate().await.expect("migrating again does nothing");
}

#[tokio::test]
async fn processes_that_migrate_at_the_same_time_wait_for_each_other() {
    let database = TestDatabase::create().await;
    let store = database.open().await;
    let migrating: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for migration in migrating {
        assert_eq!(migration.await.expect("no migration panics"), Ok(()));
    }
    assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_schema_of_a_newer_program_can_be_used_but_not_migrated() {
    let database = TestDatabase::create().await;
    let store = database.open().await;
    store.migrate().await.expect("an empty database can be migrated");
    database
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
             values (9999, 'of the future', true, '', 0)",
        )
        .await;
    assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
    let refusal = store.migrate().await.expect_err("this program does not know that schema").to_string();
    assert!(refusal.contains("migration 9999 is applied but unknown"), "{refusal}");
}

#[tokio::test]
async fn a_migration_that_was_changed_is_noticed() {
    let database = TestDatabase::create().await;
    let store = database.open().await;
    store.migrate().await.expect("an empty database can be migrated");
    database.execute(r"update _sqlx_migrations set checksum = '\x00' where version = 1").await;
    for noticed in [store.pending_migrations().await.map(|_| ()), store.migrate().await] {
        let noticed = noticed.expect_err("the schema may be another one").to_string();
        assert!(noticed.contains("migration 1 was changed after it was applied"), "{noticed}");
    }
}

/// No call can be booked while the table is locked, and it has millions of rows: the migration must
/// not read them.
#[tokio::test]
async fn the_migrations_of_recordings_do_not_read_the_calls() {
    let database = TestDatabase::create().await;
    for migration in [
        include_str!("../../migrations/0001_directory_and_books.sql"),
        include_str!("../../migrations/0002_books_after_the_dial.sql"),
        include_str!("../../migrations/0003_events_webhooks_recordings.sql"),
        include_str!("../../migrations/0004_unrecorded_calls.sql"),
        include_str!("../../migrations/0005_given_up_calls_and_foreign_events.sql"),
        include_str!("../../migrations/0006_recording_reports.sql"),
    ] {
        database.execute(migration).await;
    }
    let not_validated = "select conname from pg_constraint \
         where conname in ('calls_recording_check', 'calls_recording_report_check') and not convalidated";
    assert_eq!(database.query(not_validated).await.len(), 2);
}

/// What a booking, a settlement and a publication pay for beyond their rows. A longer list makes each
/// call more expensive: measure it (see ADR 25).
#[tokio::test]
async fn the_way_to_the_dial_has_no_keys_and_checks_and_these_indexes() {
    let database = TestDatabase::create().await;
    database.open().await.migrate().await.expect("an empty database can be migrated");
    let names = async |sql: &str| -> Vec<String> {
        database.query(sql).await.iter().map(|row| row.get("name")).collect()
    };
    let constraints = "select conname::text as name from pg_constraint \
         where conrelid in ('calls'::regclass, 'call_events'::regclass, 'dial_guards'::regclass) and contype <> 'p'";
    assert_eq!(names(constraints).await, Vec::<String>::new());
    let indexes = "select indexrelid::regclass::text as name from pg_index \
         where indrelid in ('calls'::regclass, 'call_events'::regclass, 'dial_guards'::regclass) order by 1";
    assert_eq!(
        names(indexes).await,
        [
            "call_events_answered_once_key",
            "call_events_happened_at_idx",
            "call_events_organization_id_position_idx",
            "call_events_pkey",
            "call_events_position_key",
            "call_events_unpublished_idx",
            "calls_conversation_id_idx",
            "calls_decided_idx",
            "calls_organization_id_booked_at_idx",
            "calls_pkey",
            "calls_recorded_idx",
            "calls_to_number_organization_id_booked_at_idx",
            "calls_to_reconcile_idx",
            "calls_to_record_idx",
            "calls_transcribed_idx",
            "dial_guards_pkey",
        ]
    );
}
