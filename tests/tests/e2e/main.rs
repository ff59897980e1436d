//! End-to-end tests of the server on real stores: Postgres and Redis, or one SQLite file. The voice
//! provider is the simulator, over HTTP. Tests of crashes and signals use real processes.

mod support;

mod after_the_call;
mod backups;
mod call_events;
mod call_records;
mod callers;
mod calling_policy;
mod calling_rules;
mod checking;
mod command_line;
mod concurrency;
mod contract;
mod cost;
mod crashes;
mod faults;
mod first_call;
mod idempotency_keys;
mod importing;
mod magic_numbers;
mod metrics;
mod operating_files;
mod own_accounts;
mod pacing;
mod personal_data;
mod recordings;
mod redis_cluster;
mod retention;
mod ringing;
mod rolling_restart;
mod second_vendor;
mod shutdown;
mod slow_stores;
mod starting;
mod syncing;
mod toggling;
mod traces;
mod unknown_calls;
mod webhook_deliveries;
