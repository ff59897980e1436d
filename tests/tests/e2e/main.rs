//! The promise, on the real composition root: real Postgres and Redis or the real SQLite file, the simulator over HTTP, and
//! where it matters real processes and real signals.

mod support;

mod after_the_call;
mod announcements;
mod callers;
mod command_line;
mod concurrency;
mod contract;
mod cost;
mod crashes;
mod faults;
mod magic_numbers;
mod recordings;
mod ringing;
mod second_vendor;
mod shutdown;
mod slow_stores;
mod starting;
