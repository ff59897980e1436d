//! The adapter against a real server: the suite of every port that it implements, and tests of what
//! is specific to Postgres.

mod attempts;
mod call_ledger_rows;
mod call_updates;
mod cancellations;
mod delivery_order;
mod delivery_queue_rows;
mod dialects;
mod event_feed_rows;
mod event_inbox_rows;
mod failover;
mod harness;
mod idempotency_key_rows;
mod imports;
mod measuring;
mod old_rows;
mod outages;
mod poolers;
mod proxy;
mod removed_records;
mod round_trips;
mod schema;
mod several_servers;
mod unreadable_rows;
mod wakeups;

use harness::PostgresHarness;

testkit::agent_repo_suite!(PostgresHarness::new().await);
testkit::ai_numbers_suite!(PostgresHarness::new().await);
testkit::call_reader_suite!(PostgresHarness::new().await);
testkit::call_traces_suite!(PostgresHarness::new().await);
testkit::call_updater_suite!(PostgresHarness::new().await);
testkit::unfinished_calls_suite!(PostgresHarness::new().await);
testkit::call_ledger_suite!(PostgresHarness::new().await);
testkit::idempotency_keys_suite!(PostgresHarness::new().await);
testkit::consents_suite!(PostgresHarness::new().await);
testkit::contact_repo_suite!(PostgresHarness::new().await);
testkit::delivery_queue_suite!(PostgresHarness::new().await);
testkit::directory_suite!(PostgresHarness::new().await);
testkit::directory_reader_suite!(PostgresHarness::new().await);
testkit::event_feed_suite!(PostgresHarness::new().await);
testkit::event_inbox_suite!(PostgresHarness::new().await);
testkit::intent_holds_suite!({
    let harness = PostgresHarness::new().await;
    testkit::harness::LedgerHolds { holds: std::sync::Arc::new(harness.adapter()), harness }
});
testkit::inbound_directory_suite!(PostgresHarness::new().await);
testkit::number_pool_suite!(PostgresHarness::new().await);
testkit::outbound_directory_suite!(PostgresHarness::new().await);
testkit::refusal_counts_suite!(PostgresHarness::new().await);
testkit::retention_suite!(PostgresHarness::new().await);
testkit::suppressions_suite!(PostgresHarness::new().await);
testkit::job_leases_suite!(PostgresHarness::new().await);
testkit::ledger_meter_suite!(PostgresHarness::new().await);
testkit::provisioning_suite!(PostgresHarness::new().await);
testkit::user_repo_suite!(PostgresHarness::new().await);
testkit::calling_policies_suite!(PostgresHarness::new().await);
testkit::credential_store_suite!(PostgresHarness::new().await);
testkit::audit_log_suite!(PostgresHarness::new().await);
testkit::webhook_endpoints_suite!(PostgresHarness::new().await);
