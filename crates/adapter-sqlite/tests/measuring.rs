//! The measuring of the ledger reads what has not ended, and not the whole tables.

use adapter_sqlite::{SqliteSettings, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

const MEASURING: &str = include_str!("../src/ledger_meter.sql");

#[tokio::test]
async fn measuring_reads_indexes_and_no_whole_table() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let path = folder.path().join("outdial.db");
    let store = SqliteStore::open(&SqliteSettings::file(&path)).await.expect("the file can be opened");
    store.migrate().await.expect("the schema is new");
    let connection = SqliteConnectOptions::new().filename(&path).connect().await;
    let mut connection = connection.expect("the file is there");
    let explain = AssertSqlSafe(format!("explain query plan {MEASURING}"));
    let rows = sqlx::query(explain).fetch_all(&mut connection).await.expect("the statement is valid");
    let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    for table in ["calls", "provider_events", "call_events", "webhook_deliveries"] {
        let steps = plan.iter().filter(|step| step.split(' ').any(|word| word == table));
        let steps: Vec<_> = steps.collect();
        assert!(!steps.is_empty(), "{plan:?}");
        assert!(steps.iter().all(|step| step.contains(" INDEX ")), "{plan:?}");
    }
    store.close().await;
}
