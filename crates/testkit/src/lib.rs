//! What every adapter of a port must do, as suites that any adapter can run.

pub mod services;
