//! The gateway: settings, wiring, telemetry and the command line. The only crate that names concrete adapters.
//!
//! [`Application`] is the composition root; tests start it just as `outdial serve` does.

mod application;
pub mod cli;
mod commands;
mod config;
mod demo;
mod drain;
mod import;
mod pausing_recordings;
mod system;
mod telemetry;
mod wiring;
mod workers;

pub use application::Application;
pub use config::{
    Auth, LogFormat, SETTINGS, Setting, Settings, SettingsError, Source, Storage, Voice, WebhookSecrets,
    env_example,
};
pub use import::{ImportError, ImportReport, import_ndjson};
pub use wiring::Stores;
