//! A sender of webhooks over bare sockets. It is honest, but for the one flaw that it has.
//!
//! Only two addresses count as public, and the signature is a checksum: enough for the suite.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DeliveryFailure, DueDelivery, TestEvent, Timestamp, WebhookSecret, WebhookUrl};
use testkit::fixtures::due_delivery;
use testkit::harness::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use crate::flaw::Flaw;

const PUBLIC: [&str; 2] = ["1.1.1.1", "2606:4700:4700::1111"];
const LIMIT: Duration = Duration::from_millis(500);
const A_DAY: Duration = Duration::from_hours(24);

/// The harness.
pub(crate) struct Sockets {
    flaw: Option<Flaw>,
}

impl Sockets {
    pub(crate) fn honest() -> Self {
        Self { flaw: None }
    }

    pub(crate) fn with(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw) }
    }
}

impl WebhookSenderHarness for Sockets {
    fn sender(&self, allowed: AllowedReceivers, names: &ScriptedNames) -> Arc<dyn WebhookSender> {
        Arc::new(Sender { flaw: self.flaw, allowed, names: names.clone(), checked: Mutex::default() })
    }

    fn attempt_limit(&self) -> Duration {
        LIMIT
    }

    fn is_signed(&self, request: &[u8], secret: &WebhookSecret) -> bool {
        let request = String::from_utf8_lossy(request);
        let (head, body) = request.split_once("\r\n\r\n").expect("a head");
        head.contains(&format!("\r\nsignature: {}\r\n", checksum(secret, body)))
    }
}

struct Sender {
    flaw: Option<Flaw>,
    allowed: AllowedReceivers,
    names: ScriptedNames,
    /// The hosts that were checked, for the flaw that trusts an earlier check.
    checked: Mutex<Vec<String>>,
}

impl Sender {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn read_url(&self, url: &WebhookUrl) -> Result<Url, UrlRefusal> {
        let text = url.as_str();
        let url = Url::parse(text).map_err(|_| UrlRefusal::Unusable)?;
        if !(url.username().is_empty() && url.password().is_none() || self.has(Flaw::IgnoresUserNames)) {
            return Err(UrlRefusal::Unusable);
        }
        if self.allowed == AllowedReceivers::Public {
            if url.scheme() != "https" && !self.has(Flaw::SendsInClearText) {
                return Err(UrlRefusal::NotEncrypted);
            }
            let address = match url.host() {
                _ if self.has(Flaw::ComparesAddressesAsText) => {
                    let host = text.trim_start_matches("https://").split(['/', ':']).next();
                    host.and_then(|host| host.parse().ok())
                }
                Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
                Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
                Some(Host::Domain(_)) | None => None,
            };
            if address.is_some_and(|address| !is_public(address)) {
                return Err(UrlRefusal::ForbiddenAddress);
            }
        }
        Ok(url)
    }

    /// The addresses of the URL's host.
    async fn addresses(&self, url: &Url) -> Result<Vec<IpAddr>, UrlRefusal> {
        let addresses = match url.host() {
            Some(Host::Ipv4(address)) => return Ok(vec![address.into()]),
            Some(Host::Ipv6(address)) => return Ok(vec![address.into()]),
            _ => self.names.resolve().await,
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let was_checked = self.checked.lock().expect("no panic while it is locked").contains(&host);
        let judged = match self.flaw {
            Some(Flaw::TrustsAnEarlierCheck) if was_checked => &[],
            Some(Flaw::ChecksTheFirstAddressAlone) => &addresses[..addresses.len().min(1)],
            _ => &addresses[..],
        };
        if self.allowed == AllowedReceivers::Public && !judged.iter().all(|address| is_public(*address)) {
            return Err(UrlRefusal::ForbiddenAddress);
        }
        match addresses.is_empty() {
            true if self.has(Flaw::TakesUnresolvedForForbidden) => Err(UrlRefusal::ForbiddenAddress),
            true => Err(UrlRefusal::Unresolved),
            false => Ok(addresses),
        }
    }

    async fn attempt(&self, url: &Url, delivery: &DueDelivery) -> SendOutcome {
        let mut addresses = match self.addresses(url).await {
            Ok(addresses) => addresses,
            Err(UrlRefusal::ForbiddenAddress) => return failed(DeliveryFailure::ForbiddenAddress),
            Err(_) => return failed(DeliveryFailure::Unreachable),
        };
        if self.has(Flaw::ResolvesTwice) && url.domain().is_some() {
            addresses = self.names.resolve().await;
        }
        let unreachable = match self.flaw {
            Some(Flaw::TakesUnreachableForTimedOut) => DeliveryFailure::TimedOut,
            _ => DeliveryFailure::Unreachable,
        };
        let address = SocketAddr::new(addresses[0], url.port_or_known_default().unwrap_or_default());
        let Ok(mut stream) = TcpStream::connect(address).await else { return failed(unreachable) };
        // No TLS server responds to this, and no client of the suite speaks TLS.
        let request =
            if url.scheme() == "https" { "\x16\x03\x01".to_owned() } else { self.request(delivery) };
        if stream.write_all(request.as_bytes()).await.is_err() {
            return failed(unreachable);
        }
        let Some(head) = self.read_head(&mut stream).await else { return failed(unreachable) };
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
        let Some(status) = status.filter(|_| url.scheme() == "http") else { return failed(unreachable) };
        if self.has(Flaw::ReadsTheBody) {
            let mut buffer = vec![0; 1 << 16];
            while timeout(LIMIT, stream.read(&mut buffer))
                .await
                .is_ok_and(|read| read.is_ok_and(|read| read > 0))
            {}
        }
        self.outcome(status, &head, delivery).await
    }

    fn request(&self, delivery: &DueDelivery) -> String {
        let body = delivery.event.id.as_str();
        let signed = match self.flaw {
            Some(Flaw::SignsWithTheNewSecretAlone) => &delivery.secrets[..1],
            _ => &delivery.secrets[..],
        };
        let signatures: String =
            signed.iter().map(|secret| format!("signature: {}\r\n", checksum(secret, body))).collect();
        format!("POST / HTTP/1.1\r\n{signatures}content-length: {}\r\n\r\n{body}", body.len())
    }

    async fn read_head(&self, stream: &mut TcpStream) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let read = match self.flaw {
                Some(Flaw::LimitsEachRead) => timeout(LIMIT, stream.read_u8()).await.ok()?,
                _ => stream.read_u8().await,
            };
            head.push(read.ok()?);
        }
        String::from_utf8(head).ok()
    }

    async fn outcome(&self, status: u16, head: &str, delivery: &DueDelivery) -> SendOutcome {
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        if let (300..=399, Some(location), true) =
            (status, header("location"), self.has(Flaw::FollowsRedirects))
        {
            let url = Url::parse(&location).expect("a URL of the suite");
            return Box::pin(self.attempt(&url, delivery)).await;
        }
        let asks = matches!(status, 429 | 503) && !self.has(Flaw::IgnoresRetryAfter);
        let secs: Option<u64> = header("retry-after").filter(|_| asks).and_then(|secs| secs.parse().ok());
        let retry_after = secs.map(|secs| Duration::from_secs(secs).min(A_DAY));
        match status {
            200..=299 => SendOutcome::Accepted,
            _ if self.has(Flaw::TrustsTheStatus) => SendOutcome::Accepted,
            _ => SendOutcome::Failed { failure: DeliveryFailure::Status(status), retry_after },
        }
    }
}

#[async_trait]
impl WebhookSender for Sender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefusal> {
        let url = self.read_url(url)?;
        let resolving = timeout(LIMIT, self.addresses(&url));
        resolving.await.unwrap_or(Err(UrlRefusal::Unresolved))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        self.checked.lock().expect("no panic while it is locked").push(host);
        Ok(())
    }

    async fn send_test(&self, event: &TestEvent, now: Timestamp) -> SendOutcome {
        let mut delivery = due_delivery(event.url.clone());
        delivery.secrets = event.secrets.clone();
        if self.has(Flaw::SendsTestsUnsigned) {
            delivery.secrets.clear();
        }
        self.send(&delivery, now).await
    }

    async fn send(&self, delivery: &DueDelivery, _now: Timestamp) -> SendOutcome {
        let Ok(url) = self.read_url(&delivery.url) else {
            return failed(DeliveryFailure::ForbiddenAddress);
        };
        let deadline = Instant::now() + LIMIT;
        let attempt = async {
            let outcome = self.attempt(&url, delivery).await;
            match outcome {
                SendOutcome::Failed { .. } if self.has(Flaw::RetriesFailedAttempts) => {
                    self.attempt(&url, delivery).await
                }
                outcome => outcome,
            }
        };
        match self.flaw {
            Some(Flaw::WaitsForEver | Flaw::LimitsEachRead) => attempt.await,
            _ => timeout_at(deadline, attempt).await.unwrap_or(failed(DeliveryFailure::TimedOut)),
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    PUBLIC.iter().any(|public| public.parse() == Ok(address))
}

const fn failed(failure: DeliveryFailure) -> SendOutcome {
    SendOutcome::Failed { failure, retry_after: None }
}

fn checksum(secret: &WebhookSecret, body: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (secret.expose(), body).hash(&mut hasher);
    hasher.finish()
}
