//! A model of the whole design around the real [`domain::PlaceCall`]: three replicas, Redis and
//! Postgres as two `testkit::memory` stores with a clock each, a provider, and one intent that clients
//! request again and again. Random runs search for two dials that are too close.
//!
//! **Time** passes by a manual clock, second by second. **Faults** act between two transitions, or at a
//! point for which they were armed: before or after a call of a port (`gate`). A paused process is not
//! polled while time passes. A crash drops the futures of its process, and with them what it held in
//! memory.
//!
//! **The window.** Let the first dial be accepted at any time, and its phone ring until *t*. The second
//! dial must not be accepted before *t* + 28 s. The design holds a result for the TTL of the lock, 30 s.
//! Up to 2 s of that may pass between a booking and its send, because the reservation is counted from the
//! booking.
//!
//! Each dial must also be in the ledger before it is sent, its process must own the reservation then,
//! and the lock while it waits for the response, as long as the faults of the run allow. A client must
//! only get calls that the provider accepted. After the end of all faults, the next request must be
//! dialled.
//!
//! **Limits.** The design does not promise everything (`scope::Limit`). Two dials that a limit explains
//! end no run. Each limit has a test that finds such dials and prints them. If a change closes a limit,
//! its test fails.
//!
//! A failure prints the shortest run that was found and `PROPTEST_RNG_SEED`, which repeats the search.
//! `PROPTEST_CASES` makes a search longer.

mod clocks;
mod gate;
mod gated;
mod history;
mod limits;
mod missing_parts;
mod mutants;
mod promises;
mod provider;
mod remaining_limits;
mod replica;
mod scope;
mod script;
mod search;
mod stores;
mod transition;
mod world;
