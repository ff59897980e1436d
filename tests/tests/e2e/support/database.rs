use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Connection as _;
use url::Url;

/// A Postgres database of one test. It is dropped with its world.
pub(super) struct Database {
    name: String,
    url: Url,
}

impl Database {
    pub(super) async fn create() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("outdial_e2e_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin_url = testkit::services::postgres_url();
        let mut connection = sqlx::PgConnection::connect(&admin_url).await.expect("Postgres is reachable");
        let statement = sqlx::AssertSqlSafe(format!("create database {name}"));
        sqlx::query(statement).execute(&mut connection).await.expect("a database can be created");
        let mut url = Url::parse(&admin_url).expect("TEST_DATABASE_URL is a URL");
        url.set_path(&name);
        Self { name, url }
    }

    /// The name is unique in the server.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The `host:port` of the server.
    pub(super) fn server(&self) -> String {
        let host = self.url.host_str().expect("TEST_DATABASE_URL names a host");
        format!("{host}:{}", self.url.port().unwrap_or(5432))
    }

    /// The URL of this database through a proxy.
    pub(super) fn url_through(&self, proxy: SocketAddr) -> String {
        let mut url = self.url.clone();
        url.set_ip_host(proxy.ip()).expect("a Postgres URL has a host");
        url.set_port(Some(proxy.port())).expect("a Postgres URL has a port");
        url.into()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // The test's runtime cannot block on a future, so a thread with a runtime of its own does.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be built").block_on(drop_database(&name));
        });
        let _ = dropping.join();
    }
}

/// How many tables have a row that contains this text.
pub(super) async fn tables_with(url: &str, text: &str) -> usize {
    let mut connection = sqlx::PgConnection::connect(url).await.expect("Postgres is reachable");
    let names = "select tablename::text from pg_tables where schemaname = 'public'";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut connection).await.expect("tables");
    assert!(!names.is_empty(), "the database has no tables");
    let mut found = 0;
    for name in names {
        // A row shows bytes as digits, and so a body is searched apart.
        let body = if name == "provider_events" { "convert_from(body, 'UTF8') || " } else { "" };
        let statement =
            format!("select exists (select from {name} as it where strpos({body}it::text, $1) > 0)");
        let statement = sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).bind(text);
        let is_found: bool = statement.fetch_one(&mut connection).await.expect("the table can be read");
        found += usize::from(is_found);
    }
    found
}

async fn drop_database(name: &str) {
    let Ok(mut connection) = sqlx::PgConnection::connect(&testkit::services::postgres_url()).await else {
        return;
    };
    let statement = sqlx::AssertSqlSafe(format!("drop database if exists {name} with (force)"));
    let _ = sqlx::query(statement).execute(&mut connection).await;
}
