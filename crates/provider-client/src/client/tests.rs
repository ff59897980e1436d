//! Requests over TLS, directly and through a proxy, with a certificate that only these tests trust.

use std::sync::{Arc, Mutex};

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use testkit::peer::{Connection, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::settings::MAX_CONNECT_TIMEOUT;

mod given_up;

const KEY: &str = "sk_0123456789abcdef";

fn client(base_url: &str) -> ProviderClient {
    let base_url = Url::parse(base_url).expect("a URL");
    ProviderClient::new(&base_url, ApiKey::Bearer(&KEY.into()), MAX_CONNECT_TIMEOUT)
        .expect("valid settings, and a machine with CA certificates")
}

/// A client that trusts the certificate of [`Provider`], with an optional proxy.
fn trusting_client(host: &str, proxy: Option<&str>, connect_timeout: Duration) -> ProviderClient {
    let mut roots = RootCertStore::empty();
    roots.add(certificate()).expect("a certificate");
    let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let origin: Uri = format!("https://{host}/").parse().expect("a URI");
    let proxy = proxy.map(|proxy| Matcher::builder().https(proxy).build());
    let proxy = proxy.and_then(|matcher| matcher.intercept(&origin));
    let connector = Connector { origin, time_limit: connect_timeout, tls: Some(tls), proxy };
    ProviderClient { connector, ..client(&format!("http://{host}/")) }
}

fn certificate() -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(include_bytes!("../../tests/keys/provider.certificate.pem"))
        .expect("a certificate")
}

/// A TLS server that responds `ok` and stores the decrypted requests.
#[derive(Clone)]
struct Provider {
    acceptor: TlsAcceptor,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn new() -> Self {
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/keys/provider.private.pem"))
            .expect("a key");
        let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate()], key);
        let mut tls = tls.expect("the key belongs to the certificate");
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { acceptor: TlsAcceptor::from(Arc::new(tls)), requests: Arc::default() }
    }

    async fn serve(self, connection: Connection) {
        let Ok(mut stream) = self.acceptor.accept(connection.stream).await else { return };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.expect("a request") > 0 {
        }
        self.requests.lock().expect("no panic").push(String::from_utf8(request).expect("text"));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.expect("an open stream");
        // The connection is left open: the client must not wait for its end.
        while stream.read_u8().await.is_ok() {}
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }

    #[track_caller]
    fn assert_one_request(&self) {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert!(requests[0].starts_with("GET /a?b=c HTTP/1.1\r\n"), "{requests:?}");
        assert!(requests[0].contains(&format!("authorization: Bearer {KEY}\r\n")), "{requests:?}");
    }
}

async fn get(client: &ProviderClient) -> Result<Response, RequestFailure> {
    let mut url = client.endpoint(["a"]);
    url.set_query(Some("b=c"));
    client.get(&url, Duration::from_secs(20), 100).await
}

#[track_caller]
fn assert_not_connected(result: Result<Response, RequestFailure>, expected_cause: &str) {
    match result {
        Err(RequestFailure::NotConnected { cause }) => assert!(cause.contains(expected_cause), "{cause}"),
        other => panic!("{other:?} is not a failed connection"),
    }
}

#[test]
fn an_endpoint_is_below_the_path_of_the_base_url() {
    for (base, expected) in [
        ("https://provider.test", "https://provider.test/v1/%2Fx"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1/%2Fx"),
        ("https://gateway.test/voice/", "https://gateway.test/voice/v1/%2Fx"),
    ] {
        assert_eq!(client(base).endpoint(["v1", "/x"]).as_str(), expected);
    }
}

#[test]
fn debug_shows_the_base_url_and_not_the_key() {
    let shown = format!("{:?}", client("https://provider.test/"));
    assert!(shown.contains("provider.test") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn over_tls_one_request_is_sent() {
    let provider = Provider::new();
    let peer = Peer::start({
        let provider = provider.clone();
        move |connection| provider.clone().serve(connection)
    })
    .await;
    let client = trusting_client(&peer.address().to_string(), None, MAX_CONNECT_TIMEOUT);
    let response = get(&client).await.expect("a response");
    assert_eq!((response.status, response.body.as_slice()), (200, b"ok".as_slice()));
    provider.assert_one_request();
    assert_eq!(peer.received().len(), 1, "one connection");
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_connected_and_nothing_is_sent() {
    let provider = Provider::new();
    let peer = Peer::start({
        let provider = provider.clone();
        move |connection| provider.clone().serve(connection)
    })
    .await;
    let client = client(&format!("https://{}/", peer.address()));
    assert_not_connected(get(&client).await, "certificate");
    assert!(provider.requests().is_empty());
    assert_eq!(peer.received().len(), 1, "one connection");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_connected_and_nothing_is_sent() {
    let provider = Provider::new();
    let proxy = proxy(provider.clone()).await;
    let client = trusting_client("other.test", Some(&proxy.base_url()), MAX_CONNECT_TIMEOUT);
    assert_not_connected(get(&client).await, "certificate");
    assert!(provider.requests().is_empty());
}

/// Responds to a `CONNECT` with 200; the rest of the connection goes to `provider`.
async fn proxy(provider: Provider) -> Peer {
    Peer::start(move |mut connection| {
        let provider = provider.clone();
        async move {
            connection.read_request().await;
            connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            provider.serve(connection).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_proxy_gets_a_connect_request_and_carries_the_tls_connection() {
    let provider = Provider::new();
    let proxy = proxy(provider.clone()).await;
    let address = format!("http://user:secret@{}", proxy.address());
    let client = trusting_client("provider.test", Some(&address), MAX_CONNECT_TIMEOUT);
    let response = get(&client).await.expect("a response");
    assert_eq!((response.status, response.body.as_slice()), (200, b"ok".as_slice()));
    provider.assert_one_request();
    let received = proxy.received();
    assert_eq!(received.len(), 1, "one connection");
    let connect = String::from_utf8(received[0].clone()).expect("text").to_lowercase();
    assert!(connect.starts_with("connect provider.test:443 http/1.1\r\n"), "{connect}");
    assert!(connect.contains("proxy-authorization: basic dxnlcjpzzwnyzxq=\r\n"), "{connect}");
    assert!(connect.contains("user-agent: outdial/") && connect.ends_with("\r\n\r\n"), "{connect}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_not_connected_and_gets_nothing_more() {
    for (response, cause) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "proxy authorization required"),
        ("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nbad", "unsuccessful"),
        ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n", "unsuccessful"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", "unsuccessful"),
        ("", "unexpected end of file"),
    ] {
        let proxy = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            connection.write(response.as_bytes()).await;
            connection.stream.shutdown().await.expect("an open stream");
            while connection.read_some().await > 0 {}
        })
        .await;
        let client = trusting_client("provider.test", Some(&proxy.base_url()), MAX_CONNECT_TIMEOUT);
        assert_not_connected(get(&client).await, cause);
        let received = proxy.received();
        assert_eq!(received.len(), 1, "one connection");
        assert!(
            received[0].starts_with(b"CONNECT provider.test:443 ") && received[0].ends_with(b"\r\n\r\n"),
            "{:?}",
            String::from_utf8_lossy(&received[0])
        );
    }
}

#[tokio::test]
async fn the_connect_timeout_includes_the_proxy_and_tls() {
    for tunnel in [None, Some("HTTP/1.1 200 OK\r\n\r\n")] {
        let proxy = Peer::start(move |mut connection| async move {
            connection.read_request().await;
            connection.write(tunnel.unwrap_or_default().as_bytes()).await;
            while connection.read_some().await > 0 {}
        })
        .await;
        let timeout = Duration::from_millis(300);
        let client = trusting_client("provider.test", Some(&proxy.base_url()), timeout);
        let started = Instant::now();
        assert_not_connected(get(&client).await, "connect timeout");
        assert!(started.elapsed() < timeout + Duration::from_secs(1));
    }
}
