//! The promises of both ports, and what is particular to Redis: broken connections, restarts, refusals, cost.

mod cost;
mod faults;
mod foreign_values;
mod harness;
mod own_server;
mod proxy;
mod refusals;

use harness::StoreHarness;

testkit::context_cache_suite!(StoreHarness::new().await);
testkit::idempotency_lock_suite!(StoreHarness::new().await);
