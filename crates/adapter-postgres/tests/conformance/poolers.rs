//! PgBouncer between the store and the server.

use adapter_postgres::{PostgresSettings, PostgresStore};
use domain::UserId;
use domain::ports::{PortUnavailable, UserRepo};
use testkit::pgbouncer::PgBouncer;
use testkit::{call_ledger, eventually};

use crate::harness::PostgresHarness;
use crate::proxy::url_through;

const IN_TRANSACTION_MODE: &str = PgBouncer::IN_TRANSACTION_MODE;

async fn connect(pooler: &PgBouncer, harness: &PostgresHarness) -> Result<PostgresStore, PortUnavailable> {
    let settings = PostgresSettings {
        max_connections: 8,
        ..PostgresSettings::new(url_through(&harness.database().url(), pooler.address()))
    };
    PostgresStore::connect(&settings).await
}

/// Reads with all connections at the same time. Returns the errors.
async fn read_together(store: &PostgresStore) -> Vec<PortUnavailable> {
    let read = |_| {
        let store = store.clone();
        tokio::spawn(async move { store.find(&UserId::parse("nobody").expect("an id")).await })
    };
    let mut errors = Vec::new();
    for read in (0..64).map(read).collect::<Vec<_>>() {
        errors.extend(read.await.expect("no panic").err());
    }
    errors
}

fn says_what_to_do(error: &PortUnavailable) -> bool {
    let text = error.to_string();
    text.contains("use PgBouncer 1.21 or newer") && text.contains("max_prepared_statements")
}

#[tokio::test]
async fn a_pooler_that_loses_prepared_statements_is_refused() {
    let harness = PostgresHarness::new().await;
    for settings in [
        "",
        "ignore_startup_parameters = extra_float_digits,options\n",
        "server_round_robin = 1\n",
        "default_pool_size = 1\n",
    ] {
        let pooler = PgBouncer::start(&PgBouncer::losing_statements(settings)).await;
        let error = connect(&pooler, &harness).await.expect_err("it loses statements");
        assert!(says_what_to_do(&error), "{settings}{error}");
        // The statement that found this is not left to others.
        let again = connect(&pooler, &harness).await.expect_err("it loses statements");
        assert!(says_what_to_do(&again), "{settings}{again}");
    }
}

#[tokio::test]
async fn sessions_of_their_own_need_no_support() {
    let harness = PostgresHarness::new().await;
    let pooler = PgBouncer::start("pool_mode = session\ndefault_pool_size = 20\n").await;
    let store = connect(&pooler, &harness).await.expect("session mode works");
    assert_eq!(read_together(&store).await, []);
    assert_eq!(store.pending_migrations().await.expect("the server responds"), [""; 0]);
}

#[tokio::test]
async fn a_pooler_that_keeps_prepared_statements_serves_all_work() {
    if !PgBouncer::keeps_prepared_statements() {
        // The refusal of this release is tested above.
        return;
    }
    let harness = PostgresHarness::new().await;
    for settings in
        ["", "ignore_startup_parameters = options\n", "server_round_robin = 1\n", "default_pool_size = 1\n"]
    {
        let pooler =
            PgBouncer::start(&format!("{IN_TRANSACTION_MODE}{settings}max_prepared_statements = 100\n"))
                .await;
        let store = connect(&pooler, &harness).await.expect("it keeps statements");
        assert_eq!(read_together(&store).await, [], "{settings}");
        assert_eq!(store.pending_migrations().await.expect("the server responds"), [""; 0]);
        // Their lock is one of a session.
        let refusal = store.migrate().await.expect_err("sessions are shared").to_string();
        assert!(refusal.contains("run `outdial migrate` with the URL of Postgres"), "{refusal}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_behind_a_pooler_keeps_the_promises_of_the_ledger() {
    if !PgBouncer::keeps_prepared_statements() {
        return;
    }
    let harness = PostgresHarness::new().await;
    let settings = format!("{IN_TRANSACTION_MODE}max_prepared_statements = 100\n");
    let pooler = PgBouncer::start(&settings).await;
    harness.use_store(connect(&pooler, &harness).await.expect("it keeps statements"));
    call_ledger::one_of_many_bookings_of_one_key_is_recorded(&harness).await;
    call_ledger::a_settled_call_answers_duplicates(&harness).await;
    call_ledger::an_expired_reservation_is_taken_over(&harness).await;
    call_ledger::only_its_own_token_settles_a_reservation(&harness).await;
    call_ledger::reservations_do_not_affect_each_other(&harness).await;
}

#[tokio::test]
async fn another_isolation_behind_a_pooler_is_refused() {
    if !PgBouncer::keeps_prepared_statements() {
        return;
    }
    let harness = PostgresHarness::new().await;
    harness.database().set("default_transaction_isolation", "'serializable'").await;
    let settings = format!("{IN_TRANSACTION_MODE}max_prepared_statements = 100\n");
    let pooler = PgBouncer::start(&settings).await;
    let refusal = connect(&pooler, &harness).await.expect_err("another isolation").to_string();
    assert!(refusal.contains("set default_transaction_isolation to 'read committed'"), "{refusal}");
}

/// A gateway that runs is not ready behind a pooler that was set up differently.
#[tokio::test]
async fn a_pooler_that_begins_to_lose_statements_makes_the_store_unavailable() {
    if !PgBouncer::keeps_prepared_statements() {
        return;
    }
    let harness = PostgresHarness::new().await;
    let good = format!("{IN_TRANSACTION_MODE}max_prepared_statements = 100\n");
    let mut pooler = PgBouncer::start(&good).await;
    let store = connect(&pooler, &harness).await.expect("it keeps statements");
    pooler.restart(&PgBouncer::losing_statements("")).await;
    eventually("the store is unavailable", async || {
        read_together(&store).await;
        store.ping().await.is_err_and(|error| says_what_to_do(&error))
    })
    .await;
    pooler.restart(&good).await;
    eventually("the store is available", async || store.ping().await.is_ok()).await;
    assert_eq!(read_together(&store).await, []);
}
