//! The idempotency lock and the context cache in Redis (7 or newer) or Valkey.
//!
//! [`RedisStore`] is both ports at once, so that a result and its context are written in one round trip. The path to the
//! dial costs one command, `SET key pending:<token> NX PX ms`; every later write is a script that compares the token.
//!
//! | Key | Value | Lives |
//! |---|---|---|
//! | `<prefix>:{<lock key>}:lock` | `pending:<token>`, then `settled:<token>:<json>` | as long as it is held |
//! | `<prefix>:{<conversation id>}:context` | `<json>` | as long as the context is kept |
//! | `<prefix>:{ready}:probe` | `1`, written by [`RedisStore::ping`] | one second |
//!
//! The context of a placed call and that of a call that came in are two versions of JSON under the same key.
//!
//! The JSON says its version, and fields may be added to it: a reader ignores those that it does not know. What cannot be
//! read is never taken for a free key, but answered as unavailable.

mod connections;
mod context;
mod eviction;
mod failure;
mod keys;
mod lock;
mod settings;
mod store;
mod wire;

pub use eviction::EvictionPolicy;
pub use settings::RedisSettings;
pub use store::RedisStore;
