//! The HTTP adapter of Outdial: routes, authentication, wire types, OpenAPI.
//!
//! [`serve`] runs the routes on a listener. The handlers share a [`Gateway`], which is built from
//! its [`GatewayParts`]. A handler extracts the user and the request, runs a use case, and returns
//! a response or the error of its group of routes, which is a response too.
//!
//! | File | Content |
//! |---|---|
//! | `paths.rs`, `routes.rs` | every path, once, and its handlers |
//! | `extract.rs`, `respond.rs` | what handlers receive and return |
//! | `place_call.rs`, `read_calls.rs`, `read_directory.rs`, `read_refusals.rs`, `follow_calls.rs`, `organization_settings.rs`, `number_toggle.rs`, `webhook_endpoints.rs` | handlers for users |
//! | `provider_requests.rs`, `probes.rs`, `documents.rs` | the other handlers |
//! | `idempotency.rs` | the `Idempotency-Key` of a request for a call |
//! | `head_requests.rs`, `cors.rs` | `HEAD`, and pages of other origins |
//! | `failure.rs`, `*_error.rs` | errors: status, body, headers and log line |
//! | `call_runner.rs`, `event_intake.rs`, `event_streams.rs` | what limits calls, events and streams |
//! | `event_body.rs` | the body of an event, of any size |
//! | `audio_requests.rs`, `recording_permits.rs`, `recording_stream.rs` | which part of a recording a client asks for, how many are read at the same time, and how each is sent |
//! | `request_log.rs`, `request_trace.rs`, `request_watch.rs` | one log line, one span and one count for each request |
//! | `state.rs`, `server.rs` | what handlers share, and the server around them |
//! | `wire.rs` | the JSON of requests and responses |
//! | `openapi.rs`, `documented.rs` | the OpenAPI document, and its error responses and examples |
//!
//! **Invariant:** handlers run on the server's workers. Everything that uses a connection pool runs
//! on the gateway's runtime, as a task that no connection owns.

mod audio_requests;
mod auth;
mod call_runner;
mod callee_records;
mod callee_records_error;
mod cors;
mod documented;
mod documents;
mod event_body;
mod event_intake;
mod event_streams;
mod extract;
mod failure;
mod follow_calls;
mod head_requests;
mod health;
mod idempotency;
mod number_toggle;
mod number_toggle_error;
mod openapi;
mod organization_settings;
mod organization_settings_error;
pub mod paths;
mod place_call;
mod place_call_error;
mod probes;
mod provider_request_error;
mod provider_requests;
mod read_calls;
mod read_calls_error;
mod read_directory;
mod read_refusals;
mod recording_permits;
mod recording_stream;
mod request_log;
mod request_trace;
mod request_watch;
mod respond;
mod routes;
mod server;
mod state;
mod voice_config;
mod voice_config_error;
mod webhook_endpoints;
mod webhook_endpoints_error;
mod wire;

pub use auth::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, KeySetSource, SignError};
pub use call_runner::CallRunner;
pub use cors::AllowedOrigins;
pub use event_body::EVENT_BODY_LIMIT;
pub use event_intake::EventIntake;
pub use event_json::iso8601;
pub use extract::REQUEST_BODY_LIMIT;
pub use health::{ComponentHealth, Readiness};
pub use openapi::{openapi, openapi_yaml, provider_openapi_yaml};
pub use request_trace::{RequestTracer, span_context};
pub use request_watch::RequestWatch;
pub use server::{HttpSettings, serve};
pub use state::{Gateway, GatewayParts, TimeLimits};
pub use wire::{decision_json, duplicate_state};
