//! Which events are accepted.

use super::*;
use crate::signature::MAX_HEADER_BYTES;

const BODY: &[u8] = br#"{"type":"post_call_transcription"}"#;
const SIGNED_AT: i64 = 1_739_537_297;
/// Secrets, and signatures made with them by another implementation.
const OLD_SECRET: (&str, &str) =
    ("wsec_0123", "5982133e103e91bc1214911c4cd9494d750cac52ca462a1ab0a82f7a90a42a69");
const NEW_SECRET: (&str, &str) =
    ("wsec_4567", "67e40c8b0c443c6084613c148d4167e98db3be8d71e2c3182bb217824ca1f619");

fn webhook(secrets: &[&str], bearer: Option<&str>) -> ElevenLabsWebhook {
    let secrets = secrets.iter().map(|secret| (*secret).into()).collect();
    ElevenLabsWebhook::new(&ElevenLabsWebhookSettings { secrets, bearer: bearer.map(Into::into) })
        .expect("valid settings")
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_unix_millis((SIGNED_AT + secs) * 1000)
}

fn showing(signature: Option<&str>, bearer: Option<&str>) -> WebhookCredentials {
    let signature = signature.map(|signature| ("ElevenLabs-Signature", signature.as_bytes()));
    WebhookCredentials::new(signature, bearer)
}

fn signed(webhook: &ElevenLabsWebhook, header: &str, body: &[u8], now: Timestamp) -> bool {
    webhook.verify(&showing(Some(header), None), body, now).is_ok()
}

fn header(tag: &str) -> String {
    format!("t={SIGNED_AT},v0={tag}")
}

#[test]
fn a_signature_of_any_of_our_secrets_is_accepted_and_no_other() {
    let both = webhook(&[OLD_SECRET.0, NEW_SECRET.0], None);
    for (_, tag) in [OLD_SECRET, NEW_SECRET] {
        assert!(signed(&both, &header(tag), BODY, at(0)));
        assert!(signed(&both, &header(&tag.to_uppercase()), BODY, at(0)));
        assert!(signed(&both, &format!("v0={},t={SIGNED_AT}, v0={tag}", "0".repeat(64)), BODY, at(0)));
        assert!(!signed(&webhook(&["wsec_other"], None), &header(tag), BODY, at(0)));
    }
    assert!(!signed(&webhook(&[NEW_SECRET.0], None), &header(OLD_SECRET.1), BODY, at(0)));
    assert!(!signed(&both, &header(OLD_SECRET.1), &[BODY, b"\n"].concat(), at(0)), "another body");
    let later = format!("t={},v0={}", SIGNED_AT + 1, OLD_SECRET.1);
    assert!(!signed(&both, &later, BODY, at(0)), "the time is signed too");
}

#[test]
fn a_signature_is_accepted_for_half_an_hour_and_five_minutes_ahead() {
    let webhook = webhook(&[OLD_SECRET.0], None);
    for (now, expected) in [(0, true), (1800, true), (1801, false), (-300, true), (-301, false)] {
        assert_eq!(signed(&webhook, &header(OLD_SECRET.1), BODY, at(now)), expected, "{now} s");
    }
}

#[test]
fn a_malformed_header_is_refused() {
    let webhook = webhook(&[OLD_SECRET.0], None);
    let tag = OLD_SECRET.1;
    for header in [
        String::new(),
        "t=".to_owned(),
        format!("v0={tag}"),
        format!("t={SIGNED_AT}"),
        format!("t={SIGNED_AT},v0="),
        format!("t={SIGNED_AT},v1={tag}"),
        format!("t={SIGNED_AT},v0={}", &tag[1..]),
        format!("t={SIGNED_AT},v0={}é", &tag[2..]),
        format!("t=+{SIGNED_AT},v0={tag}"),
        format!("t={SIGNED_AT},t={SIGNED_AT},v0={tag}"),
        format!("t=99999999999999999999,v0={tag}"),
        format!("{}t={SIGNED_AT},v0={tag}", ",".repeat(MAX_HEADER_BYTES)),
    ] {
        assert!(!signed(&webhook, &header, BODY, at(0)), "{header}");
    }
}

#[test]
fn the_tool_secret_is_accepted_as_a_bearer_token() {
    let webhook = webhook(&[OLD_SECRET.0], Some("tool_secret"));
    let signature = header(OLD_SECRET.1);
    let is_accepted = |signature, bearer| webhook.verify(&showing(signature, bearer), BODY, at(0)).is_ok();
    assert!(is_accepted(None, Some("tool_secret")));
    assert!(is_accepted(Some("t=1,v0=00"), Some("tool_secret")));
    assert!(is_accepted(Some(signature.as_str()), Some("wrong")));
    for wrong in ["", "tool_secre", "tool_secret ", "tool_secret1", OLD_SECRET.0] {
        assert!(!is_accepted(None, Some(wrong)), "{wrong:?}");
    }
    assert!(!is_accepted(None, None));
}

#[test]
fn without_a_secret_no_event_is_accepted() {
    let webhook = webhook(&[], None);
    assert!(!signed(&webhook, &header(OLD_SECRET.1), BODY, at(0)));
    assert_eq!(webhook.verify(&showing(None, Some("")), BODY, at(0)), Err(Unverified));
}

#[test]
fn a_question_is_verified_by_the_tool_secret_and_not_by_a_signature() {
    let webhook = webhook(&[OLD_SECRET.0], Some("tool_secret"));
    assert_eq!(webhook.verify_question(&showing(None, Some("tool_secret"))), Ok(()));
    let signature = format!("t={SIGNED_AT},v0={}", OLD_SECRET.1);
    for (signature, bearer) in [(None, None), (Some(signature.as_str()), None), (None, Some("wrong"))] {
        assert_eq!(webhook.verify_question(&showing(signature, bearer)), Err(Unverified));
    }
}

#[test]
fn a_body_is_read_only_if_the_headers_may_verify_it() {
    let (tag, upper) = ("0".repeat(64), "A".repeat(64));
    let may = |webhook: &ElevenLabsWebhook, signature: &str, now| {
        webhook.check_headers(&showing(Some(signature), None), at(now)).is_ok()
    };
    let signing = webhook(&[OLD_SECRET.0], None);
    for signature in [header(&tag), header(&upper), format!("v1=x, v0={tag} , t={SIGNED_AT},v0=")] {
        assert!(may(&signing, &signature, 0), "{signature}");
        assert!(!may(&webhook(&[], Some("tool_secret")), &signature, 0), "no secret can verify {signature}");
    }
    assert!(may(&signing, &header(&tag), 30 * 60) && may(&signing, &header(&tag), -5 * 60));
    assert!(!may(&signing, &header(&tag), 30 * 60 + 1) && !may(&signing, &header(&tag), -5 * 60 - 1));
    let malformed =
        ["x", "t=1", "v0=", &format!("v0={tag}"), &header(""), &header(&tag[1..]), &header(&"g".repeat(64))];
    for signature in malformed {
        assert!(!may(&signing, signature, 0), "{signature}");
    }
    let bearing = webhook(&[], Some("tool_secret"));
    for (bearer, expected) in
        [("tool_secret", Ok(())), ("tool_secre", Err(Unverified)), ("x", Err(Unverified))]
    {
        assert_eq!(bearing.check_headers(&showing(None, Some(bearer)), at(0)), expected);
    }
}

#[test]
fn secrets_that_anyone_can_guess_are_refused_and_none_is_shown() {
    for bad in ["", " ", "wsec_1\n", "schlüssel"] {
        let secrets = ElevenLabsWebhookSettings { secrets: vec![bad.into()], bearer: None };
        assert!(
            matches!(ElevenLabsWebhook::new(&secrets), Err(InvalidSettings::Secret("webhook secret"))),
            "{bad:?}"
        );
        let bearer = ElevenLabsWebhookSettings { secrets: Vec::new(), bearer: Some(bad.into()) };
        assert!(
            matches!(ElevenLabsWebhook::new(&bearer), Err(InvalidSettings::Secret("tool secret"))),
            "{bad:?}"
        );
    }
    let settings =
        ElevenLabsWebhookSettings { secrets: vec!["wsec_0123".into()], bearer: Some("tool_secret".into()) };
    let shown = format!("{settings:?} {:?}", ElevenLabsWebhook::new(&settings));
    assert!(!shown.contains("wsec_0123") && !shown.contains("tool_secret"), "{shown}");
}
