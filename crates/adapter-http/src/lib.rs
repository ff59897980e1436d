//! The HTTP face of Outdial: routes, authentication, wire types, OpenAPI.
//!
//! [`serve`] runs the routes on a listener. What they need comes as a [`Gateway`], made of its [`GatewayParts`]: the
//! [`CallDesk`] that runs calls where neither a client that hangs up nor a signal can cancel them, the [`Authenticator`] that
//! reads bearer tokens, a [`Readiness`] that says which parts are healthy, the use case that reads the books, and the
//! [`EventIntake`] that takes in what the voice provider tells of calls.
//!
//! **Invariant:** the handlers run on the server's workers; whatever touches a pool runs on the gateway's runtime.

mod auth;
mod common_answers;
mod desk;
mod documents;
mod error_answer;
mod event_intake;
mod gateway;
mod health;
mod openapi;
mod place_call;
mod read_calls;
mod receive_event;
mod request_body;
mod request_log;
mod routes;
mod wire;

pub use auth::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, SignError};
pub use desk::{CallDesk, DeskError};
pub use event_intake::{EVENT_BODY_LIMIT, EventIntake};
pub use gateway::{Gateway, GatewayParts, HttpSettings, serve};
pub use health::{ComponentHealth, Readiness};
pub use openapi::{openapi, openapi_yaml};
pub use request_body::REQUEST_BODY_LIMIT;
