//! The idempotency lock and the context cache in Redis or Valkey.
