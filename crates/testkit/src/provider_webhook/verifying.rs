use domain::ports::Unverified;

use super::{A_SECOND, credentials, event, every_kind, now, verify_signed, wrong_tokens};
use crate::harness::{ProviderWebhookHarness, SampleKind, SigningSecret};

/// An event of every kind is verified with each of the configured secrets: the provider may use
/// either while a secret is replaced.
pub async fn a_signed_event_is_verified(harness: &impl ProviderWebhookHarness) {
    for event in every_kind() {
        for secret in [SigningSecret::First, SigningSecret::Second] {
            let verified = verify_signed(harness, &harness.event(&event), now(), secret);
            assert_eq!(verified, Ok(()), "{:?} with {secret:?}", event.kind);
        }
    }
}

/// A signed body is verified whatever it contains, so its bytes cannot have been parsed first.
pub async fn verification_does_not_parse_the_body(harness: &impl ProviderWebhookHarness) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [b"".as_slice(), b"{", b"[[[[", &every_byte] {
        assert_eq!(verify_signed(harness, body, now(), SigningSecret::First), Ok(()), "{body:?}");
    }
}

/// A body with a changed, missing or additional byte is refused.
pub async fn a_changed_body_is_refused(harness: &impl ProviderWebhookHarness) {
    let body = harness.event(&event(SampleKind::Conversation));
    let credentials = credentials(&harness.signature(&body, now(), SigningSecret::First), None);
    let webhook = harness.webhook();
    let refuses = |changed: &[u8]| webhook.verify(&credentials, changed, now()) == Err(Unverified);
    for index in 0..body.len() {
        let mut changed = body.clone();
        changed[index] ^= 1;
        assert!(refuses(&changed), "byte {index} was changed");
    }
    assert!(refuses(&body[1..]) && refuses(&body[..body.len() - 1]), "a byte is missing");
    assert!(refuses(&[&body, b"\n".as_slice()].concat()), "a byte was added");
}

/// Headers with a changed character are refused, and so are headers of another body.
pub async fn a_changed_signature_is_refused(harness: &impl ProviderWebhookHarness) {
    let body = harness.event(&event(SampleKind::Conversation));
    let headers = harness.signature(&body, now(), SigningSecret::First);
    let webhook = harness.webhook();
    for (number, (_, value)) in headers.iter().enumerate() {
        for (index, char) in value.char_indices() {
            let replacement = if char == '0' { '1' } else { '0' };
            let mut changed = headers.clone();
            changed[number].1.replace_range(index..=index, replacement.encode_utf8(&mut [0; 4]));
            let verified = webhook.verify(&credentials(&changed, None), &body, now());
            assert_eq!(verified, Err(Unverified), "character {index} of header {number} was changed");
        }
    }
    let other = harness.signature(b"another body", now(), SigningSecret::First);
    assert_eq!(webhook.verify(&credentials(&other, None), &body, now()), Err(Unverified));
}

/// Without a signature, and with one of a secret that is not configured, an event is refused.
pub async fn an_unsigned_event_is_refused(harness: &impl ProviderWebhookHarness) {
    let body = harness.event(&event(SampleKind::Conversation));
    assert_eq!(harness.webhook().verify(&credentials(&[], None), &body, now()), Err(Unverified));
    assert_eq!(verify_signed(harness, &body, now(), SigningSecret::Foreign), Err(Unverified));
    let empty: Vec<(String, String)> = harness
        .signature(&body, now(), SigningSecret::First)
        .into_iter()
        .map(|(name, _)| (name, String::new()))
        .collect();
    assert_eq!(harness.webhook().verify(&credentials(&empty, None), &body, now()), Err(Unverified));
}

/// A signature is valid from the start of its window to the end, and not a second before or after:
/// a recorded request cannot be replayed later.
pub async fn a_signature_outside_its_window_is_refused(harness: &impl ProviderWebhookHarness) {
    let (past, future) = harness.window();
    let body = harness.event(&event(SampleKind::Conversation));
    for (signed_at, expected) in [
        (now().before(past), Ok(())),
        (now().before(past + A_SECOND), Err(Unverified)),
        (now().after(future), Ok(())),
        (now().after(future + A_SECOND), Err(Unverified)),
    ] {
        let verified = verify_signed(harness, &body, signed_at, SigningSecret::First);
        assert_eq!(verified, expected, "signed at {signed_at:?}, verified at {:?}", now());
    }
}

/// Where a bearer token is configured it verifies events and questions, and no other token does.
pub async fn only_the_configured_bearer_token_is_accepted(harness: &impl ProviderWebhookHarness) {
    let body = harness.event(&event(SampleKind::Conversation));
    let webhook = harness.webhook();
    let verify = |token: &str| {
        let credentials = credentials(&[], Some(token));
        [webhook.verify(&credentials, &body, now()), webhook.verify_question(&credentials)]
    };
    let token = harness.bearer();
    if let Some(token) = &token {
        assert_eq!(verify(token), [Ok(()); 2]);
    }
    let token = token.unwrap_or_else(|| "token".to_owned());
    for wrong in wrong_tokens(&token) {
        assert_eq!(verify(&wrong), [Err(Unverified); 2], "{wrong:?}");
    }
    assert_eq!(webhook.verify_question(&credentials(&[], None)), Err(Unverified));
}

/// Without any secret, neither a signature nor a token verifies anything.
pub async fn nothing_is_verified_without_secrets(harness: &impl ProviderWebhookHarness) {
    let webhook = harness.without_secrets();
    let body = harness.event(&event(SampleKind::Conversation));
    for secret in [SigningSecret::First, SigningSecret::Second, SigningSecret::Foreign] {
        let headers = harness.signature(&body, now(), secret);
        assert_eq!(webhook.verify(&credentials(&headers, None), &body, now()), Err(Unverified));
    }
    for token in [harness.bearer(), Some(String::new())].iter().flatten() {
        let credentials = credentials(&[], Some(token));
        assert_eq!(webhook.verify(&credentials, &body, now()), Err(Unverified));
        assert_eq!(webhook.verify_question(&credentials), Err(Unverified));
    }
}
