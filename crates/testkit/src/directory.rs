//! The promises of `directory`.
