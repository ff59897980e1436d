//! Migrations, and the list of pending ones.

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
    database.open().await.migrate().await.expect("an empty database can be migrated");
    let not_validated = "select conname from pg_constraint \
         where conname in ('calls_recording_check', 'calls_recording_report_check') and not convalidated";
    assert_eq!(database.query(not_validated).await.len(), 2);
}
