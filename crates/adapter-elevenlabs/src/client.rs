//! One request, sent once.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use domain::ports::{DialRequest, VoiceProvider};
use domain::{AnswerTime, DialOutcome};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::config::{ElevenLabsSettings, InvalidSettings};
use crate::outcome::{self, MAX_ANSWER_BYTES};
use crate::wire::{API_KEY_HEADER, OUTBOUND_CALL, OutboundCall};

/// ElevenLabs, dialling over a SIP trunk. Its answer to a dial takes as long as the callee takes to pick up.
///
/// A clone is cheap and shares nothing that matters: every dial has a connection of its own, driven by the tokio runtime on
/// which it is made.
#[derive(Clone)]
pub struct ElevenLabs {
    http: Client,
    outbound_call: Url,
}

impl ElevenLabs {
    /// Checks the settings and makes the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// A setting is out of its bounds, or the base is `https` and the machine has no CA certificates.
    pub fn new(settings: &ElevenLabsSettings) -> Result<Self, InvalidSettings> {
        let outbound_call = settings.endpoint(&OUTBOUND_CALL)?;
        let http = http_client(settings)?;
        Ok(Self { http, outbound_call })
    }

    /// Sends the dial and reads its answer, up to the first chunk past [`MAX_ANSWER_BYTES`].
    async fn post(&self, request: &DialRequest) -> Result<(StatusCode, Vec<u8>), reqwest::Error> {
        let mut response = self
            .http
            .post(self.outbound_call.clone())
            // From here to the last byte of the answer.
            .timeout(request.answer_within)
            .json(&OutboundCall::from(request))
            .send()
            .await?;
        let mut body = Vec::new();
        while body.len() <= MAX_ANSWER_BYTES
            && let Some(chunk) = response.chunk().await?
        {
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}

#[async_trait]
impl VoiceProvider for ElevenLabs {
    fn answer_time(&self) -> AnswerTime {
        AnswerTime::AfterRinging
    }

    async fn dial(&self, request: &DialRequest) -> DialOutcome {
        match self.post(request).await {
            Ok((status, body)) => {
                let outcome = outcome::classify(status.as_u16(), &body);
                tracing::info!(
                    call.id = %request.call_id,
                    http.status = status.as_u16(),
                    outcome = outcome.as_str(),
                    "the provider answered a dial"
                );
                outcome
            }
            Err(error) => {
                let outcome = outcome::classify_error(&error);
                // The outcome does not carry the cause, so this is where it is said.
                tracing::warn!(
                    call.id = %request.call_id,
                    outcome = outcome.as_str(),
                    cause = %root_cause(&error),
                    "the provider did not answer a dial"
                );
                outcome
            }
        }
    }
}

impl fmt::Debug for ElevenLabs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElevenLabs")
            .field("outbound_call", &self.outbound_call.as_str())
            .finish_non_exhaustive()
    }
}

/// The client that every request is sent with: one request for each that is made, over a connection of its own.
pub(crate) fn http_client(settings: &ElevenLabsSettings) -> Result<Client, InvalidSettings> {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static(API_KEY_HEADER), settings.api_key_header()?);

    let mut client = Client::builder()
        .default_headers(headers)
        .user_agent(concat!("outdial/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.checked_connect_timeout()?)
        // One intent, one request. A redirect would send it (and the key) again, and so would the retry that the client
        // has by default, for a request that the protocol says was not processed.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // A kept connection may be closed by the provider at any time. The client then sends the request again on a new
        // one if it believes that nothing of it was sent; with no kept connection there is nothing to believe. The TLS
        // handshake that this costs is small against the seconds of a ring.
        .pool_max_idle_per_host(0)
        // Nor are dials to share a connection, whose loss would make all of them unknown at once.
        .http1_only();
    if settings.base_url.scheme() == "http" {
        // No certificate is ever checked, so a machine without CA certificates will do.
        client = client.no_proxy().tls_certs_only([]);
    }
    client.build().map_err(|error| InvalidSettings::HttpClient(error.into()))
}

/// The innermost error: what the operating system, the resolver or TLS said. The outer ones say that a request failed.
fn root_cause(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut innermost: &(dyn Error + 'static) = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}
