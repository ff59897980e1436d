//! Migrating, and knowing whether it was done.

use crate::harness::TestDatabase;

#[tokio::test]
async fn a_new_database_lacks_every_migration_until_it_is_migrated() {
    let database = TestDatabase::create().await;
    let store = database.open().await;
    let pending = store.pending_migrations().await.expect("the server answers");
    assert_eq!(pending.first().map(String::as_str), Some("0001 directory and books"));
    store.migrate().await.expect("an empty database can be migrated");
    assert_eq!(store.pending_migrations().await, Ok(Vec::new()));
    store.migrate().await.expect("migrating again does nothing");
}

#[tokio::test]
async fn processes_that_migrate_at_once_wait_for_each_other() {
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
async fn a_schema_of_a_newer_program_serves_but_is_not_migrated() {
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

/// While a table is changed nobody can book. A table of calls has millions of rows.
#[tokio::test]
async fn no_call_is_read_to_know_that_it_has_no_recording() {
    let database = TestDatabase::create().await;
    database.open().await.migrate().await.expect("an empty database can be migrated");
    let validated =
        "select conname from pg_constraint where conname = 'calls_recording_check' and not convalidated";
    assert_eq!(database.query(validated).await.len(), 1);
}
