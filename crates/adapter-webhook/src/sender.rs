use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DeliveryFailure, DueDelivery, TestEvent, Timestamp, WebhookSecret, WebhookUrl};
use reqwest::dns::{Name, Resolve};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder};
use url::{Host, Url};

use crate::address::is_public;
use crate::config::{InvalidSettings, WebhookSenderSettings};
use crate::names::{ForbiddenAddress, PublicNames, SystemNames};
use crate::{retry_after, signature};

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";
/// Many servers close an idle connection after 5 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_IDLE_PER_HOST: usize = 2;

/// Sends events over HTTP, one request for each attempt, with a signature of Standard Webhooks.
///
/// It follows no redirect, uses no proxy, and reads only the header of a response. It reuses a
/// connection only if the response has no unread body.
///
/// Unless the settings permit more, it sends only over https and to public addresses, for an
/// address in the URL and for every address of a host name. It checks the addresses of a name each
/// time it connects, because a name may resolve to other addresses than when
/// [`WebhookSender::check`] ran.
#[derive(Clone)]
pub struct HttpWebhookSender {
    http: Client,
    names: Arc<dyn Resolve>,
    settings: WebhookSenderSettings,
}

impl HttpWebhookSender {
    /// Checks the settings and builds the client. Sends nothing.
    ///
    /// # Errors
    ///
    /// A time is out of bounds, or the machine has no CA certificates and `allow_private` is off.
    pub fn new(settings: WebhookSenderSettings) -> Result<Self, InvalidSettings> {
        Self::with_names(settings, Arc::new(SystemNames))
    }

    /// The same with another resolver than the operating system's. Its addresses are checked too.
    ///
    /// # Errors
    ///
    /// Those of [`HttpWebhookSender::new`].
    pub fn with_names(
        settings: WebhookSenderSettings,
        names: Arc<dyn Resolve>,
    ) -> Result<Self, InvalidSettings> {
        let settings = settings.checked()?;
        let names = if settings.allow_private { names } else { Arc::new(PublicNames(names)) };
        let http = builder(&settings, &names).build().or_else(|error| {
            if !settings.allow_private {
                return Err(InvalidSettings::HttpClient(error.into()));
            }
            // A developer's machine may need only http.
            tracing::warn!("no CA certificates found: deliveries to https URLs will fail");
            let http = builder(&settings, &names).tls_certs_only([]).build();
            http.map_err(|error| InvalidSettings::HttpClient(error.into()))
        })?;
        Ok(Self { http, names, settings })
    }

    /// Parses a URL and checks everything except the addresses of its host name.
    fn permitted(&self, url: &WebhookUrl) -> Result<Url, UrlRefusal> {
        let url = Url::parse(url.as_str()).map_err(|_| UrlRefusal::Unusable)?;
        let without_user = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !without_user {
            return Err(UrlRefusal::Unusable);
        }
        if self.settings.allow_private {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(UrlRefusal::NotEncrypted);
        }
        // The client connects to an address in the URL without a resolver. The parser has
        // normalized its spelling.
        let public = match url.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(_)) | None => true,
        };
        if public { Ok(url) } else { Err(UrlRefusal::ForbiddenAddress) }
    }
}

#[async_trait]
impl WebhookSender for HttpWebhookSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal> {
        let url = self.permitted(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let name: Name = name.parse().map_err(|_| UrlRefusal::Unusable)?;
        match tokio::time::timeout(self.settings.connect_within, self.names.resolve(name)).await {
            Ok(Ok(mut addresses)) => addresses.next().map(|_| ()).ok_or(UrlRefusal::Unresolved),
            Ok(Err(error)) if error.is::<ForbiddenAddress>() => Err(UrlRefusal::ForbiddenAddress),
            Ok(Err(_)) | Err(_) => Err(UrlRefusal::Unresolved),
        }
    }

    async fn send(&self, delivery: &DueDelivery, now: Timestamp) -> SendOutcome {
        let body = event_json::to_json(&delivery.event).into_bytes();
        self.attempt(&delivery.url, delivery.event.id.as_str(), &delivery.secrets, body, now).await
    }

    async fn send_test(&self, event: &TestEvent, now: Timestamp) -> SendOutcome {
        let body = event_json::test_to_json(event, now).into_bytes();
        self.attempt(&event.url, &event.id, &event.secrets, body, now).await
    }
}

impl HttpWebhookSender {
    async fn attempt(
        &self,
        url: &WebhookUrl,
        id: &str,
        secrets: &[WebhookSecret],
        body: Vec<u8>,
        now: Timestamp,
    ) -> SendOutcome {
        // The URL was permitted when it was registered, but the settings may have changed since.
        let Ok(url) = self.permitted(url) else {
            return SendOutcome::Failed { failure: DeliveryFailure::ForbiddenAddress, retry_after: None };
        };
        let headers = headers(id, secrets, now, &body);
        let request = self.http.post(url).timeout(self.settings.attempt_within).headers(headers).body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => SendOutcome::Accepted,
            Ok(response) => SendOutcome::Failed {
                failure: DeliveryFailure::Status(response.status().as_u16()),
                retry_after: retry_after::read(response.status(), response.headers(), now),
            },
            Err(error) => SendOutcome::Failed { failure: failure(&error), retry_after: None },
        }
    }
}

impl fmt::Debug for HttpWebhookSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpWebhookSender").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn builder(settings: &WebhookSenderSettings, names: &Arc<dyn Resolve>) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Outdial/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::clone(names))
        .connect_timeout(settings.connect_within)
        .https_only(!settings.allow_private)
        // A proxy would resolve the name itself and may reach other networks than this machine.
        .no_proxy()
        // The target of a redirect is not checked.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // The delivery queue schedules the next attempt.
        .retry(reqwest::retry::never())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .http1_only()
}

fn headers(id: &str, secrets: &[WebhookSecret], now: Timestamp, body: &[u8]) -> HeaderMap {
    let unix_secs = now.unix_millis().div_euclid(1000);
    let signature = signature::of(secrets, id, unix_secs, body);
    let id = HeaderValue::from_bytes(id.as_bytes()).expect("an id has no control characters");
    let signature =
        HeaderValue::try_from(signature).expect("base64, commas and spaces are valid in a header");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ID, id);
    headers.insert(TIMESTAMP, HeaderValue::from(unix_secs));
    headers.insert(SIGNATURE, signature);
    headers
}

fn failure(error: &reqwest::Error) -> DeliveryFailure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<ForbiddenAddress>() {
            return DeliveryFailure::ForbiddenAddress;
        }
        cause = error.source();
    }
    if error.is_timeout() { DeliveryFailure::TimedOut } else { DeliveryFailure::Unreachable }
}
