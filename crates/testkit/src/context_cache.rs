//! The promises of `context_cache`.
