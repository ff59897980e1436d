use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_platform_verifier::BuilderVerifierExt;
use tower_service::Service;

use crate::failure::RequestFailure;
use crate::socket::{Completion, SocketConnector};

pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("outdial/", env!("CARGO_PKG_VERSION")));

/// A new connection, TLS included.
pub(crate) trait Stream: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Stream for T {}

/// Opens connections to the scheme, host and port of `origin`.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) origin: Uri,
    pub(crate) time_limit: Duration,
    /// `None` over http.
    pub(crate) tls: Option<ClientConfig>,
    pub(crate) proxy: Option<Intercept>,
}

impl Connector {
    /// Fails if the origin is `https` and the machine has no CA certificates.
    pub(crate) fn new(origin: Uri, time_limit: Duration) -> Result<Self, rustls::Error> {
        if origin.scheme_str() == Some("http") {
            return Ok(Self { origin, time_limit, tls: None, proxy: None });
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let proxy = Matcher::from_env().intercept(&origin);
        Ok(Self { origin, time_limit, tls: Some(tls), proxy })
    }

    /// Dropping the connection resets it, unless `completion` is marked.
    pub(crate) async fn connect(&self, completion: &Completion) -> Result<Box<dyn Stream>, RequestFailure> {
        match tokio::time::timeout(self.time_limit, self.open(completion)).await {
            Ok(opened) => opened.map_err(|error| RequestFailure::not_connected(&*error)),
            Err(_) => Err(RequestFailure::NotConnected { cause: "the connect timeout passed".to_owned() }),
        }
    }

    async fn open(&self, completion: &Completion) -> Result<Box<dyn Stream>, Box<dyn Error + Send + Sync>> {
        let origin = self.origin.clone();
        let mut tcp = SocketConnector { tcp: self.tcp(), completion: completion.clone() };
        let Some(tls_to_proxy) = self.tls.clone() else {
            return Ok(Box::new(tcp.call(origin).await?));
        };
        let mut tls = tls_to_proxy.clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let Some(proxy) = &self.proxy else {
            return Ok(Box::new(HttpsConnector::from((tcp, tls)).call(origin).await?));
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), HttpsConnector::from((tcp, tls_to_proxy)))
            .with_headers(HeaderMap::from_iter([(USER_AGENT, AGENT)]));
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        Ok(Box::new(HttpsConnector::from((tunnel, tls)).call(origin).await?))
    }

    /// Connects to the first address of a name that accepts, IPv6 and IPv4 in parallel (RFC 6555).
    fn tcp(&self) -> HttpConnector {
        const PROBE_AFTER: Duration = Duration::from_secs(15);
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(self.time_limit));
        tcp.set_nodelay(true);
        // A dial can wait for a minute or more without traffic. The probes stop a NAT gateway from
        // dropping the connection, and they detect a dead peer.
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_keepalive_interval(Some(PROBE_AFTER));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(2 * PROBE_AFTER));
        tcp
    }
}
