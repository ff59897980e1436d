//! The promises of `idempotency_lock`.
