use sqlx::SqliteConnection;

use super::*;

async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> String {
    let statement = sqlx::AssertSqlSafe(format!("select cast({name} as text) from pragma_{name}"));
    sqlx::query_scalar(statement).fetch_one(connection).await.expect("a pragma")
}

#[tokio::test]
async fn connections_have_the_modes_that_the_crate_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = SqliteSettings::file(folder.path().join("outdial.db"));
    let connections = Connections::open(&settings).await.expect("opens");

    let mut synced = connections.begin_synced().await.expect("begins");
    assert_eq!(pragma(&mut synced, "journal_mode").await, "wal");
    assert_eq!(pragma(&mut synced, "synchronous").await, "2", "full");
    assert_eq!(pragma(&mut synced, "foreign_keys").await, "1");
    drop(synced);

    let mut unsynced = connections.write_unsynced().await.expect("writes");
    assert_eq!(pragma(&mut unsynced, "journal_mode").await, "wal");
    assert_eq!(pragma(&mut unsynced, "synchronous").await, "1", "normal");
    drop(unsynced);

    let mut reader = connections.read().await.expect("reads");
    assert_eq!(pragma(&mut reader, "journal_mode").await, "wal");
    let refused = sqlx::query("create table t (x)").execute(&mut *reader).await;
    assert!(refused.is_err(), "a reader cannot write");
}
