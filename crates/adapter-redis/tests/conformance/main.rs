//! The conformance suites of both ports, and tests of faults, refusals and cost in Redis.

mod cluster;
mod cost;
mod day_counts;
mod faults;
mod foreign_values;
mod harness;
mod memory;
mod own_server;
mod refusals;
mod sentinels;
mod slots;

use harness::StoreHarness;

testkit::context_cache_suite!(StoreHarness::new().await);
testkit::idempotency_lock_suite!(StoreHarness::new().await);
testkit::intent_holds_suite!({
    let harness = StoreHarness::new().await;
    testkit::harness::LockHolds { holds: std::sync::Arc::new(harness.store.clone()), harness }
});
