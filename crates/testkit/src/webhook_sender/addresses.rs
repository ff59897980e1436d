use domain::DeliveryFailure;
use domain::ports::{SendOutcome, UrlRefusal};

use super::{MARGIN, NOW, check_and_send, failed, url};
use crate::fixtures::due_delivery;
use crate::harness::{AllowedReceivers, ScriptedNames, WebhookSenderHarness};
use crate::peer::Peer;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const FORBIDDEN: SendOutcome = failed(DeliveryFailure::ForbiddenAddress);

/// A URL without `https` is refused, and its host name is not resolved.
pub async fn an_unencrypted_url_is_refused(harness: &impl WebhookSenderHarness) {
    refused(
        harness,
        UrlRefusal::NotEncrypted,
        &["http://example.org/", "HTTP://1.1.1.1/", "http://127.0.0.1/"],
    )
    .await;
}

/// A URL without a valid host, or with a user name or password, is refused, and its host name is
/// not resolved. That holds where every address is allowed, too.
pub async fn an_unusable_url_is_refused(harness: &impl WebhookSenderHarness) {
    let texts = [
        "https://user@example.org/",
        "https://user:password@example.org/",
        "https://:password@example.org/",
        "https://?",
        "https://example.org:99999/",
        "https://exa<mple.org/",
        "https://1.2.3.4.5/",
        "https://[::1/",
    ];
    refused(harness, UrlRefusal::Unusable, &texts).await;
    let open = harness.sender(AllowedReceivers::Any, &ScriptedNames::resolving_to(&[&["127.0.0.1"]]));
    for text in texts {
        assert_eq!(open.check(&url(text)).await, Err(UrlRefusal::Unusable), "{text}");
    }
}

async fn refused(harness: &impl WebhookSenderHarness, refusal: UrlRefusal, texts: &[&str]) {
    let names = ScriptedNames::resolving_to(&[&["1.1.1.1"]]);
    let sender = harness.sender(AllowedReceivers::Public, &names);
    for text in texts {
        let (checked, sent) = check_and_send(&*sender, text).await;
        assert_eq!(checked, Err(refusal), "{text}");
        assert_eq!(sent, FORBIDDEN, "{text}");
    }
    assert_eq!(names.asked(), 0, "host names that were resolved");
}

/// Every notation of an address that is not public is refused: short, octal, hexadecimal, encoded,
/// and IPv4 inside IPv6.
pub async fn a_private_address_is_refused_in_every_notation(harness: &impl WebhookSenderHarness) {
    let sender = harness.sender(AllowedReceivers::Public, &ScriptedNames::resolving_to(&[&["127.0.0.1"]]));
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
        let (checked, sent) = check_and_send(&*sender, &format!("https://{host}:1/hook")).await;
        assert_eq!(checked, Err(UrlRefusal::ForbiddenAddress), "{host}");
        assert_eq!(sent, FORBIDDEN, "{host}");
    }
    let public = harness.sender(AllowedReceivers::Public, &ScriptedNames::silent());
    assert_eq!(public.check(&url("https://1.1.1.1:8443/")).await, Ok(()));
}

/// One address that is not public among the addresses of a name is enough: the owner of the name
/// chooses which of them is used.
pub async fn a_name_with_a_private_address_is_refused(harness: &impl WebhookSenderHarness) {
    for addresses in [
        ["127.0.0.1"].as_slice(),
        &["::1"],
        &["169.254.169.254"],
        &["::ffff:10.0.0.1"],
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
    ] {
        let sender = harness.sender(AllowedReceivers::Public, &ScriptedNames::resolving_to(&[addresses]));
        let (checked, sent) = check_and_send(&*sender, "https://hooks.example.org:1/").await;
        assert_eq!(checked, Err(UrlRefusal::ForbiddenAddress), "{addresses:?}");
        assert_eq!(sent, FORBIDDEN, "{addresses:?}");
    }
    let names = ScriptedNames::resolving_to(&[&["1.1.1.1", "2606:4700:4700::1111"]]);
    let sender = harness.sender(AllowedReceivers::Public, &names);
    assert_eq!(sender.check(&url("https://hooks.example.org/")).await, Ok(()));
}

/// A name that resolved to a public address when the URL was checked, and resolves to this machine
/// when an event is sent, gets no connection.
pub async fn a_name_that_changes_after_its_check_is_refused(harness: &impl WebhookSenderHarness) {
    let inside = Peer::answering(OK).await;
    let names = ScriptedNames::resolving_to(&[&["1.1.1.1"], &["127.0.0.1"]]);
    let sender = harness.sender(AllowedReceivers::Public, &names);
    let to = format!("https://hooks.example.org:{}/", inside.address().port());
    assert_eq!(sender.check(&url(&to)).await, Ok(()));
    assert_eq!(sender.send(&due_delivery(url(&to)), NOW).await, FORBIDDEN);
    assert_eq!(names.asked(), 2, "once for the check and once for the connection");
    assert!(inside.received().is_empty(), "a connection was made");
}

/// The addresses that were checked are the addresses of the connection: a second resolution could
/// return others.
pub async fn a_name_is_resolved_once_for_each_connection(harness: &impl WebhookSenderHarness) {
    let receiver = Peer::answering(OK).await;
    let names = ScriptedNames::resolving_to(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let sender = harness.sender(AllowedReceivers::Any, &names);
    let to = format!("http://hooks.example.org:{}/", receiver.address().port());
    assert_eq!(sender.send(&due_delivery(url(&to)), NOW).await, SendOutcome::Accepted);
    assert_eq!((names.asked(), receiver.received().len()), (1, 1), "resolutions and connections");
}

/// A name without addresses is unresolved, and unreachable when an event is sent. A resolver that
/// does not respond is treated like that, within the time limit.
pub async fn a_name_without_addresses_is_unresolved(harness: &impl WebhookSenderHarness) {
    let to = "https://hooks.example.org/";
    let limit = harness.attempt_limit() * 2 + MARGIN;
    for allowed in [AllowedReceivers::Public, AllowedReceivers::Any] {
        for (names, failure) in [
            (ScriptedNames::resolving_to(&[&[]]), DeliveryFailure::Unreachable),
            (ScriptedNames::silent(), DeliveryFailure::TimedOut),
        ] {
            let sender = harness.sender(allowed, &names);
            let outcome = tokio::time::timeout(limit, check_and_send(&*sender, to)).await;
            let (checked, sent) = outcome.expect("a resolution has a time limit");
            assert_eq!(checked, Err(UrlRefusal::Unresolved), "{allowed:?}");
            assert_eq!(sent, failed(failure), "{allowed:?}");
        }
    }
}
