//! The HTTP face of Outdial: routes, authentication, wire types, OpenAPI.
//!
//! [`serve`] runs the routes on a listener. What they need comes as a [`Gateway`]: the [`CallDesk`] that runs calls where
//! neither a client that hangs up nor a signal can cancel them, the [`Authenticator`] that reads bearer tokens, and a
//! [`Readiness`] that says which parts are healthy.
//!
//! **Invariant:** the handlers run on the server's workers; whatever touches a pool runs on the desk's runtime.

mod auth;
mod desk;
mod documents;
mod error_answer;
mod gateway;
mod health;
mod openapi;
mod place_call;
mod request_body;
mod request_log;
mod routes;
mod wire;

pub use auth::{AuthSettings, AuthSettingsError, Authenticator, JwtKeys, SignError};
pub use desk::{CallDesk, DeskError};
pub use gateway::{Gateway, HttpSettings, serve};
pub use health::{ComponentHealth, Readiness};
pub use openapi::{openapi, openapi_yaml};
pub use request_body::REQUEST_BODY_LIMIT;
