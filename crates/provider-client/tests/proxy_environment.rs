//! Which proxy of the environment the client uses. A process cannot change its environment safely,
//! so each test runs another test of this file in a process of its own.

use provider_client::RequestFailure;
use testkit::peer::Peer;

#[path = "support/client.rs"]
#[expect(dead_code, reason = "not everything is used here")]
mod support;

use support::{LONG, MAX_BODY, default_client};

const PROXY_VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

async fn assert_passes_with(test: &str, environment: &[(&str, &str)]) {
    let this = std::env::current_exe().expect("the path of this test binary");
    let mut run = tokio::process::Command::new(this);
    run.args([test, "--exact"]);
    for variable in PROXY_VARIABLES.iter().chain(&["no_proxy", "NO_PROXY", "REQUEST_METHOD"]) {
        run.env_remove(variable);
    }
    let output = run.envs(environment.iter().copied()).output().await.expect("this binary can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

async fn refusing_proxy() -> Peer {
    Peer::start(|mut connection| async move {
        connection.read_request().await;
        connection.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        while connection.read_some().await > 0 {}
    })
    .await
}

#[tokio::test]
async fn a_host_without_an_address_is_not_connected_over_https() {
    let client = default_client("https://provider.invalid/voice");
    let failure = client.get(&client.endpoint(["call"]), LONG, MAX_BODY).await.expect_err("no such host");
    assert!(matches!(failure, RequestFailure::NotConnected { .. }), "{failure:?}");
}

#[tokio::test]
async fn a_request_over_http_gets_its_response() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let client = default_client(&peer.base_url());
    assert_eq!(client.get(&client.endpoint(["call"]), LONG, MAX_BODY).await.expect("a response").status, 200);
    assert_eq!(peer.received().len(), 1);
}

#[tokio::test]
async fn over_http_no_proxy_is_used_and_no_certificate_needed() {
    let proxy = refusing_proxy().await;
    let base_url = proxy.base_url();
    let mut environment = PROXY_VARIABLES.map(|variable| (variable, base_url.as_str())).to_vec();
    environment.extend([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
    assert_passes_with("a_request_over_http_gets_its_response", &environment).await;
    assert!(proxy.received().is_empty());
}

#[tokio::test]
async fn over_https_a_proxy_that_refuses_gets_a_connect_request_and_nothing_more() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = refusing_proxy().await;
        assert_passes_with(
            "a_host_without_an_address_is_not_connected_over_https",
            &[(variable, &proxy.base_url()), ("NO_PROXY", "127.0.0.1,other.invalid")],
        )
        .await;
        let received = proxy.received();
        assert_eq!(received.len(), 1, "{variable}");
        let received = String::from_utf8(received[0].clone()).expect("text");
        assert!(received.starts_with("CONNECT provider.invalid:443 HTTP/1.1\r\n"), "{variable}: {received}");
        assert!(received.ends_with("\r\n\r\n") && !received.contains("sk_"), "{variable}: {received}");
    }
}

#[tokio::test]
async fn over_https_the_environment_can_exclude_a_host_from_the_proxy() {
    let proxy = refusing_proxy().await;
    let base_url = proxy.base_url();
    for environment in [
        [("HTTPS_PROXY", base_url.as_str()), ("NO_PROXY", "invalid")],
        [("HTTPS_PROXY", &base_url), ("no_proxy", "other.test, .provider.invalid")],
        [("HTTPS_PROXY", &base_url), ("NO_PROXY", "*")],
        [("HTTP_PROXY", &base_url), ("http_proxy", &base_url)],
    ] {
        assert_passes_with("a_host_without_an_address_is_not_connected_over_https", &environment).await;
        assert!(proxy.received().is_empty(), "{environment:?}");
    }
}
