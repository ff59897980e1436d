//! Where nothing is sent.

use std::process::Command;
use std::sync::Arc;

use adapter_webhook::{HttpWebhookSender, InvalidSettings, WebhookSenderSettings};
use domain::ports::{SendOutcome, UrlRefusal, WebhookSender};
use domain::{DeliveryFailure, DueDelivery};
use testkit::peer::Peer;

#[path = "support/deliveries.rs"]
mod deliveries;

use deliveries::{NOW, Names, SilentNames, delivery, failed, open_sender, settings, url};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn guarded_sender() -> HttpWebhookSender {
    HttpWebhookSender::new(settings(false)).expect("there are CA certificates")
}

/// Checks a URL, and sends there all the same.
async fn checked_and_sent(sender: &HttpWebhookSender, to: &str) -> (Result<(), UrlRefusal>, SendOutcome) {
    (sender.check(&url(to)).await, sender.send(&delivery(to), NOW).await)
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_however_they_are_spelt() {
    let sender = guarded_sender();
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "0",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "100.64.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST",
    ] {
        let (checked, sent) = checked_and_sent(&sender, &format!("https://{host}:1/hook")).await;
        assert_eq!(checked, Err(UrlRefusal::ForbiddenAddress), "{host}");
        assert_eq!(sent, failed(DeliveryFailure::ForbiddenAddress), "{host}");
    }
}

#[tokio::test]
async fn urls_that_nothing_is_sent_to() {
    // What counts is what they say: no name is asked for.
    let names = Names::leading_to(&[&["1.1.1.1"]]);
    for (text, refusal) in [
        ("http://example.org/", UrlRefusal::NotEncrypted),
        ("HTTP://1.1.1.1/", UrlRefusal::NotEncrypted),
        ("https://user@example.org/", UrlRefusal::Unusable),
        ("https://user:password@example.org/", UrlRefusal::Unusable),
        ("https://:password@example.org/", UrlRefusal::Unusable),
        ("https://?", UrlRefusal::Unusable),
        ("https://example.org:99999/", UrlRefusal::Unusable),
        ("https://exa<mple.org/", UrlRefusal::Unusable),
        ("https://1.2.3.4.5/", UrlRefusal::Unusable),
        ("https://[::1/", UrlRefusal::Unusable),
    ] {
        let (checked, sent) = checked_and_sent(&names.sender(false), text).await;
        assert_eq!(checked, Err(refusal), "{text}");
        assert_eq!(sent, failed(DeliveryFailure::ForbiddenAddress), "{text}");
        if refusal == UrlRefusal::Unusable {
            assert_eq!(open_sender().check(&url(text)).await, Err(refusal), "{text}");
        }
    }
    assert_eq!(names.asked(), 0);
}

#[tokio::test]
async fn a_public_name_may_lead_to_public_addresses_alone() {
    for addresses in [
        ["127.0.0.1"].as_slice(),
        &["::1"],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
    ] {
        let sender = Names::leading_to(&[addresses]).sender(false);
        let (checked, sent) = checked_and_sent(&sender, "https://hooks.example.org:1/").await;
        assert_eq!(checked, Err(UrlRefusal::ForbiddenAddress), "{addresses:?}");
        assert_eq!(sent, failed(DeliveryFailure::ForbiddenAddress), "{addresses:?}");
    }
    let public = Names::leading_to(&[&["1.1.1.1", "2606:4700:4700::1111"]]);
    assert_eq!(public.sender(false).check(&url("https://hooks.example.org/")).await, Ok(()));
    assert_eq!(public.sender(false).check(&url("https://1.1.1.1:8443/")).await, Ok(()));
    assert_eq!(public.asked(), 1);
}

/// The name is public when the URL is registered, and leads to this machine when an event is sent.
#[tokio::test]
async fn a_name_that_moves_after_its_check_reaches_nothing() {
    let inside = Peer::answering(OK).await;
    let names = Names::leading_to(&[&["1.1.1.1"], &["127.0.0.1"]]);
    let sender = names.sender(false);
    let to = format!("https://hooks.example.org:{}/", inside.address().port());
    assert_eq!(sender.check(&url(&to)).await, Ok(()));
    assert_eq!(sender.send(&delivery(&to), NOW).await, failed(DeliveryFailure::ForbiddenAddress));
    assert_eq!(names.asked(), 2, "once for the check and once for the connection");
    assert!(inside.received().is_empty(), "a connection was made");
}

/// What was judged is what is connected to: a name is asked for once for each connection.
#[tokio::test]
async fn a_name_is_asked_for_once() {
    let receiver = Peer::answering(OK).await;
    let names = Names::leading_to(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let to = format!("http://hooks.example.org:{}/", receiver.address().port());
    assert_eq!(names.sender(true).send(&delivery(&to), NOW).await, SendOutcome::Accepted);
    assert_eq!((names.asked(), receiver.received().len()), (1, 1));
}

#[tokio::test]
async fn names_that_lead_nowhere_are_unresolved_and_silent_ones_too() {
    let nowhere = Names::leading_to(&[&[]]);
    for allow_private in [false, true] {
        let (checked, sent) =
            checked_and_sent(&nowhere.sender(allow_private), "https://hooks.example.org/").await;
        assert_eq!(checked, Err(UrlRefusal::Unresolved));
        assert_eq!(sent, failed(DeliveryFailure::Unreachable));
        let silent = HttpWebhookSender::with_names(settings(allow_private), Arc::new(SilentNames));
        let silent = silent.expect("the settings are valid");
        let (checked, sent) = checked_and_sent(&silent, "https://hooks.example.org/").await;
        assert_eq!(checked, Err(UrlRefusal::Unresolved));
        assert_eq!(sent, failed(DeliveryFailure::TimedOut));
    }
    let unknown = guarded_sender().check(&url("https://no-such-name.invalid/")).await;
    assert_eq!(unknown, Err(UrlRefusal::Unresolved));
}

/// Where a connection is never made, an attempt does not use its whole time.
#[tokio::test]
async fn to_connect_has_a_time_of_its_own() {
    let patient =
        WebhookSenderSettings { attempt_within: WebhookSenderSettings::MAX_ATTEMPT, ..settings(false) };
    let sender =
        HttpWebhookSender::with_names(patient, Arc::new(SilentNames)).expect("the settings are valid");
    let delivery = delivery("https://hooks.example.org/");
    let sent = tokio::time::timeout(patient.attempt_within / 2, sender.send(&delivery, NOW)).await;
    assert_eq!(sent, Ok(failed(DeliveryFailure::TimedOut)));
}

#[tokio::test]
async fn where_private_addresses_are_allowed_this_machine_is_reached() {
    let receiver = Peer::answering(OK).await;
    let port = receiver.address().port();
    for to in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{port}/")] {
        let (checked, sent) = checked_and_sent(&open_sender(), &to).await;
        assert_eq!((checked, sent), (Ok(()), SendOutcome::Accepted), "{to}");
        let (checked, sent) = checked_and_sent(&guarded_sender(), &to).await;
        assert_eq!(checked, Err(UrlRefusal::NotEncrypted));
        assert_eq!(sent, failed(DeliveryFailure::ForbiddenAddress));
    }
    assert_eq!(receiver.received().len(), 2);
}

/// Set where a test runs in a process of its own.
const IN_ANOTHER_PROCESS: &str = "OUTDIAL_TEST_IN_ANOTHER_PROCESS";

/// Runs one test of this file in a process of its own.
fn in_another_process(test: &str, environment: &[(&str, &str)]) {
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .env(IN_ANOTHER_PROCESS, "1");
    let output = child.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[expect(clippy::disallowed_methods, reason = "no setting: the test's word to itself")]
fn is_in_another_process() -> bool {
    std::env::var_os(IN_ANOTHER_PROCESS).is_some()
}

/// A proxy would resolve names itself, and reach what it likes.
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

/// A machine without CA certificates cannot send to the internet, and says so at start; a developer's need not.
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
