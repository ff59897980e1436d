//! The promises of `number_pool`.
