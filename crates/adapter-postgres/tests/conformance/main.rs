//! The adapter against a real server: every suite of the ports that it has, and what is its own beside them.

mod books;
mod deliveries;
mod dialects;
mod events;
mod harness;
mod imports;
mod inbox;
mod outages;
mod proxy;
mod round_trips;
mod schema;
mod updates;
mod waiting;

use harness::PostgresHarness;

testkit::agent_repo_suite!(PostgresHarness::new().await);
testkit::call_reader_suite!(PostgresHarness::new().await);
testkit::call_updater_suite!(PostgresHarness::new().await);
testkit::unfinished_calls_suite!(PostgresHarness::new().await);
testkit::call_ledger_suite!(PostgresHarness::new().await);
testkit::contact_repo_suite!(PostgresHarness::new().await);
testkit::delivery_queue_suite!(PostgresHarness::new().await);
testkit::directory_suite!(PostgresHarness::new().await);
testkit::event_feed_suite!(PostgresHarness::new().await);
testkit::event_inbox_suite!(PostgresHarness::new().await);
testkit::inbound_directory_suite!(PostgresHarness::new().await);
testkit::number_pool_suite!(PostgresHarness::new().await);
testkit::user_repo_suite!(PostgresHarness::new().await);
testkit::webhook_endpoints_suite!(PostgresHarness::new().await);
