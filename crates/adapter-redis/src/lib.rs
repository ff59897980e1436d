//! The idempotency lock and the context cache in Redis (7 or newer) or Valkey.
//!
//! [`RedisStore`] implements both ports, so that one round trip writes a result and its context.
//! Before the dial, a call costs one command: `SET key pending:<token> NX PX ms`, or a script if a limit
//! of the day or a pace applies to it. Every later write to a lock is a script that compares the token
//! first.
//!
//! | Key | Value | Lifetime |
//! |---|---|---|
//! | `<prefix>:{<intent key>}:lock` | `pending:<token>`, in a cluster `pending:<token>:<number>`; later `settled:<token>:<json>` | the hold time of the lock |
//! | `<prefix>:{<intent key>}:counted:<token>` | which counts have counted the request: `<run>:<kinds>`, in a cluster `<kinds>` | ten minutes |
//! | `<prefix>:{<id>}:user-calls:<day>:<revision>`, `…:organization-calls:…` | a hash of the server's `run` and the `calls` of the day | an hour longer than the day |
//! | `<prefix>:{<id>}:user-calls-counted:<token>`, `…:organization-calls-counted:…` | in a cluster, that the count has counted the request: `:<run>` | ten minutes |
//! | `<prefix>:{slots}:trunk:<id>`, `<prefix>:{slots}:number:<id>` | the gaps before the last slot, empty without one | until a slot may begin behind the last one |
//! | `<prefix>:{<conversation id>}:context` | `<json>` | the time to live of the context |
//! | `<prefix>:{ready}:probe` | `1`, written by [`RedisStore::ping`] | one second |
//!
//! Outbound and inbound contexts share a key format; they are two versions of its JSON.
//!
//! The JSON carries its version. A release may add fields, and a reader ignores unknown fields. A
//! value that cannot be read is reported as unavailable, never as a free key.

mod cluster;
mod connections;
mod context;
mod eviction;
mod failure;
mod inspection;
mod intent_holds;
mod keys;
mod lock;
mod sentinels;
mod servers;
mod settings;
mod slots;
mod store;
mod url;
mod wire;

pub use eviction::EvictionPolicy;
pub use inspection::{Inspection, Persistence};
pub use sentinels::{SentinelInspection, Sentinels};
pub use settings::RedisSettings;
pub use store::RedisStore;
