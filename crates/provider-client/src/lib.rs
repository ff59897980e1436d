//! The HTTP client of the voice providers' adapters. It sends every request at most once.
//!
//! A dial that is sent twice rings the callee twice, so a request must never be repeated below the
//! adapter. [`ProviderClient`] therefore opens one connection for each request and sends one
//! request over it: no retry, no redirect, no connection pool. The failure of a request says
//! whether the provider can have received it ([`RequestFailure`]).
//!
//! A request that is given up resets its connection, so that the kernel does not deliver the rest of
//! it later. What the provider's host, or the proxy's, has accepted by then can still be acted on.
//!
//! The body of a response is the provider's JSON, in which half of a surrogate pair is replaced
//! ([`with_whole_characters`]).
//!
//! - Over `http`, which is for a simulator, no proxy is used: a proxy could read and repeat the
//!   request and its API key.
//! - Over `https` the certificate is checked against the root certificates of the machine. If the
//!   environment names a proxy (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`), the connection is a
//!   `CONNECT` tunnel through it; the proxy sees neither the API key nor the request.

mod client;
mod connect;
mod dial;
mod download;
mod failure;
mod json_text;
mod retry_after;
mod settings;
mod socket;
mod variables;

pub use client::{MAX_RECORD_BYTES, ProviderClient, Response};
pub use dial::MAX_DIAL_RESPONSE_BYTES;
pub use download::{Download, DownloadTimes};
pub use failure::RequestFailure;
pub use json_text::with_whole_characters;
pub use settings::{ApiKey, InvalidSettings, MAX_CONNECT_TIMEOUT, visible_ascii};
pub use variables::client_variables;
