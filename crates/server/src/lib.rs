//! The gateway: settings, wiring, telemetry and the command line. The only crate that names
//! concrete adapters.
//!
//! [`Application`] is the composition root. Tests start it in the same way as `outdial serve`.

mod application;
mod check;
pub mod cli;
mod commands;
mod config;
mod credential_keys;
mod demo;
mod drain;
mod file_mode;
mod history_replica;
mod import;
mod instruments;
mod metrics;
mod opening;
mod own_accounts;
mod pausing_recordings;
mod system;
mod telemetry;
mod traces;
mod vendor_failure;
mod wakes_publisher;
mod wiring;
mod workers;

pub use application::Application;
pub use commands::serve_with;
pub use config::{
    Auth, Credentials, Deliveries, LogFormat, Observation, Process, Reconciliation, Risk, Setting, Settings,
    SettingsError, SettingsWarning, Source, Storage, Synchronization, TokenRules, Voice, WebhookSecrets,
    env_example, settings, vendors,
};
pub use credential_keys::CredentialKeys;
pub use metrics::{METRICS, Metric};
pub use wiring::Stores;
