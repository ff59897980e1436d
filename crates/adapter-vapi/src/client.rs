//! One request, sent once.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{AnswerTime, DialOutcome};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::config::{InvalidSettings, VapiSettings};
use crate::outcome::{self, MAX_ANSWER_BYTES};
use crate::wire::{CALL, CreateCall};

/// Vapi. It answers a dial when it is queued; how the callee took it is told in the call's record and by webhook.
///
/// A clone is cheap and shares nothing that matters: every dial has a connection of its own, driven by the tokio runtime on
/// which it is made.
#[derive(Clone)]
pub struct Vapi {
    http: Client,
    create_call: Url,
}

impl Vapi {
    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// A setting is out of its bounds, or the base is `https` and the machine has no CA certificates.
    pub fn new(settings: &VapiSettings) -> Result<Self, InvalidSettings> {
        let create_call = settings.endpoint(CALL)?;
        let http = http_client(settings)?;
        Ok(Self { http, create_call })
    }

    /// Sends the dial and reads its answer, up to the first chunk past [`MAX_ANSWER_BYTES`].
    async fn post(&self, request: &DialRequest) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
        let body = CreateCall::from(request);
        // The time is from here to the last byte of the answer.
        let dial = self.http.post(self.create_call.clone()).timeout(request.answer_within).json(&body);
        let mut response = dial.send().await?;
        let mut answer = Vec::new();
        while answer.len() <= MAX_ANSWER_BYTES
            && let Some(chunk) = response.chunk().await?
        {
            answer.extend_from_slice(&chunk);
        }
        Ok((response.status(), answer))
    }
}

#[async_trait]
impl VoiceProvider for Vapi {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::BeforeRinging
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        let answered = self.post(request).await;
        let outcome = match &answered {
            Ok((status, body)) => outcome::classify(status.as_u16(), body),
            Err(error) => outcome::classify_error(error),
        };
        // The outcome does not carry status and cause, so this is where they are said.
        match &answered {
            Ok((status, _)) => tracing::info!(
                call.id = %request.call_id,
                http.status = status.as_u16(),
                outcome = outcome.as_str(),
                "the provider answered a dial"
            ),
            Err(error) => tracing::warn!(
                call.id = %request.call_id,
                outcome = outcome.as_str(),
                cause = %root_cause(error),
                "the provider did not answer a dial"
            ),
        }
        outcome
    }
}

impl fmt::Debug for Vapi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vapi").field("create_call", &self.create_call.as_str()).finish_non_exhaustive()
    }
}

/// A client that sends every request once, over a connection of its own.
pub(crate) fn http_client(settings: &VapiSettings) -> Result<Client, InvalidSettings> {
    let headers = HeaderMap::from_iter([(AUTHORIZATION, settings.authorization()?)]);
    let mut client = Client::builder()
        .default_headers(headers)
        .user_agent(concat!("outdial/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.checked_connect_timeout()?)
        // One intent, one request: no redirect, no retry, and no kept connection on which the client would believe that
        // nothing was sent. No shared connection either, whose loss would make many dials unknown at once.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .http1_only();
    if settings.base_url.scheme() == "http" {
        // No certificate is ever checked, so a machine without CA certificates will do.
        client = client.no_proxy().tls_certs_only([]);
    }
    client.build().map_err(|error| InvalidSettings::HttpClient(error.into()))
}

/// The innermost error: what the operating system, the resolver or TLS said. The outer ones say that a request failed.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error)
}
