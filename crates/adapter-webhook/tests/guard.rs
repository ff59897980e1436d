//! Settings, the environment, and what they change about where events are sent.

use std::process::Command;
use std::sync::Arc;

use adapter_webhook::{HttpWebhookSender, InvalidSettings, WebhookSenderSettings};
use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DeliveryFailure, DueDelivery};
use reqwest::dns::{Name, Resolve, Resolving};
use testkit::peer::Peer;

#[path = "support/deliveries.rs"]
mod deliveries;

use deliveries::{NOW, delivery, failed, open_sender, settings, url};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn guarded_sender() -> HttpWebhookSender {
    HttpWebhookSender::new(settings(false)).expect("there are CA certificates")
}

/// A resolver that never returns.
struct SilentNames;

impl Resolve for SilentNames {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_resolver_of_the_operating_system_is_used() {
    let sender = guarded_sender();
    assert_eq!(sender.check(&url("https://no-such-name.invalid/")).await, Err(UrlRefusal::Unresolved));
    assert_eq!(sender.check(&url("https://localhost/")).await, Err(UrlRefusal::ForbiddenAddress));
}

/// An attempt that makes no connection does not use its whole time limit.
#[tokio::test]
async fn connecting_has_a_time_limit_of_its_own() {
    let settings =
        WebhookSenderSettings { attempt_within: WebhookSenderSettings::MAX_ATTEMPT, ..settings(false) };
    let sender = HttpWebhookSender::with_names(settings, Arc::new(SilentNames)).expect("valid settings");
    let delivery = delivery("https://hooks.example.org/");
    let sent = tokio::time::timeout(settings.attempt_within / 2, sender.send(&delivery, NOW)).await;
    assert_eq!(sent, Ok(failed(DeliveryFailure::TimedOut)));
}

#[tokio::test]
async fn where_private_addresses_are_allowed_this_machine_is_reached() {
    let receiver = Peer::answering(OK).await;
    let port = receiver.address().port();
    for to in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
        let open = open_sender();
        assert_eq!(open.check(&url(&to)).await, Ok(()), "{to}");
        assert_eq!(open.send(&delivery(&to), NOW).await, SendOutcome::Accepted, "{to}");
        let guarded = guarded_sender();
        assert_eq!(guarded.check(&url(&to)).await, Err(UrlRefusal::NotEncrypted));
        assert_eq!(guarded.send(&delivery(&to), NOW).await, failed(DeliveryFailure::ForbiddenAddress));
    }
    assert_eq!(receiver.received().len(), 2);
}

/// Set where a test runs in a process of its own.
const IN_ANOTHER_PROCESS: &str = "OUTDIAL_TEST_IN_ANOTHER_PROCESS";

/// Runs one test of this file in a process of its own.
fn in_another_process(test: &str, environment: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().expect("the path of this test binary"));
    child
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .env(IN_ANOTHER_PROCESS, "1");
    let output = child.output().expect("this binary can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[expect(clippy::disallowed_methods, reason = "not a setting: the test sets it for its own second run")]
fn is_in_another_process() -> bool {
    std::env::var_os(IN_ANOTHER_PROCESS).is_some()
}

/// A proxy would resolve the name itself, and could reach private addresses.
#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let receiver = Peer::answering(OK).await;
    if is_in_another_process() {
        let sent = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
        assert_eq!((sent, receiver.received().len()), (SendOutcome::Accepted, 1));
        return;
    }
    let proxy = "http://127.0.0.1:1";
    let environment = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, proxy));
    in_another_process("a_proxy_of_the_environment_is_not_used", &environment);
}

/// A machine without CA certificates cannot send to public addresses: an error at start. For
/// development, `http` is enough.
#[tokio::test]
async fn without_ca_certificates_there_is_http_alone() {
    let receiver = Peer::answering(OK).await;
    if is_in_another_process() {
        let refused = HttpWebhookSender::new(settings(false));
        assert!(matches!(refused, Err(InvalidSettings::HttpClient(_))), "{refused:?}");
        let sent = open_sender().send(&delivery(&receiver.base_url()), NOW).await;
        assert_eq!(sent, SendOutcome::Accepted);
        return;
    }
    let nowhere = "/nonexistent";
    let environment = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, nowhere));
    in_another_process("without_ca_certificates_there_is_http_alone", &environment);
}

#[test]
fn times_out_of_bounds_are_refused_at_start() {
    let attempt_within = std::time::Duration::ZERO;
    let refused =
        HttpWebhookSender::new(WebhookSenderSettings { attempt_within, ..WebhookSenderSettings::default() });
    assert!(matches!(refused, Err(InvalidSettings::Time)));
}

#[test]
fn debug_shows_neither_url_nor_secret() {
    let delivery: DueDelivery = delivery("https://hooks.example.org/t0ken");
    let shown = format!("{:?} {:?} {:?}", open_sender(), delivery.url, delivery.secrets);
    assert!(!shown.contains("t0ken") && !shown.contains("example") && !shown.contains("1, 1, 1"), "{shown}");
}
