//! The idempotency lock and the context cache in Redis (7 or newer) or Valkey.
//!
//! [`RedisStore`] implements both ports, so that one round trip writes a result and its context.
//! Before the dial, a call costs one command: `SET key pending:<token> NX PX ms`, or a script if a limit
//! of the day or a pace applies to it. Every later write to a lock is a script that compares the token
//! first.
//!
//! | Key | Value | Lifetime |
//! |---|---|---|
//! | `<prefix>:{<intent key>}:lock` | `pending:<token>`, with limits `pending:<token>:<run>:<kinds of counts>`; later `settled:<token>:<json>` | the hold time of the lock |
//! | `<prefix>:{slots}:trunk:<id>`, `<prefix>:{slots}:number:<id>` | empty | until the next slot opens |
//! | `<prefix>:{<conversation id>}:context` | `<json>` | the time to live of the context |
//! | `<prefix>:{ready}:probe` | `1`, written by [`RedisStore::ping`] | one second |
//!
//! Outbound and inbound contexts share a key format; they are two versions of its JSON.
//!
//! The JSON carries its version. A release may add fields, and a reader ignores unknown fields. A
//! value that cannot be read is reported as unavailable, never as a free key.

mod connections;
mod context;
mod eviction;
mod failure;
mod inspection;
mod intent_holds;
mod keys;
mod lock;
mod servers;
mod settings;
mod slots;
mod store;
mod url;
mod wire;

pub use eviction::EvictionPolicy;
pub use inspection::{Inspection, Persistence};
pub use settings::RedisSettings;
pub use store::RedisStore;
