//! The HTTP face of Outdial: routes, authentication, wire types, OpenAPI.
//!
//! [`serve`] runs the routes on a listener. What they need comes as a [`Gateway`], made of its [`GatewayParts`]: the
//! [`CallDesk`] that runs calls where neither a client that hangs up nor a signal can cancel them, the [`Authenticator`] that
//! reads bearer tokens, a [`Readiness`] that says which parts are healthy, the use cases that read the books, follow calls,
//! keep the webhooks of organizations and say who calls, and the [`EventIntake`] that takes in what the voice provider tells
//! of calls.
//!
//! **Invariant:** the handlers run on the server's workers; whatever touches a pool runs on the gateway's runtime.

mod answer;
mod auth;
mod common_answers;
mod desk;
mod documents;
mod error_answer;
mod event_intake;
mod event_streams;
mod follow_calls;
mod gateway;
mod health;
mod openapi;
mod personalize_call;
mod place_call;
mod read_calls;
mod read_recording;
mod receive_event;
mod request_body;
mod request_log;
mod routes;
mod webhook_endpoints;
mod webhooks_sent;
mod wire;

pub use auth::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, SignError};
pub use desk::{CallDesk, DeskError};
pub use event_intake::{EVENT_BODY_LIMIT, EventIntake};
pub use gateway::{Gateway, GatewayParts, HttpSettings, serve};
pub use health::{ComponentHealth, Readiness};
pub use openapi::{openapi, openapi_yaml};
pub use request_body::REQUEST_BODY_LIMIT;
