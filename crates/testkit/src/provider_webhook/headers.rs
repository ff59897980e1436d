//! What the headers of an event decide before its body is read.

use domain::Timestamp;
use domain::ports::Unverified;

use super::{A_SECOND, credentials, now, wrong_tokens};
use crate::harness::{ProviderWebhookHarness, SigningSecret};

type Headers = Vec<(String, String)>;

const BODY: &[u8] = b"body";

fn signed_at(harness: &impl ProviderWebhookHarness, at: Timestamp) -> Headers {
    harness.signature(BODY, at, SigningSecret::First)
}

fn check(harness: &impl ProviderWebhookHarness, headers: &Headers) -> Result<(), Unverified> {
    harness.webhook().check_headers(&credentials(headers, None), now())
}

/// Without a signature and a bearer token, and without a secret that could verify them, the body is
/// not read.
pub async fn an_event_without_credentials_is_not_read(harness: &impl ProviderWebhookHarness) {
    assert_eq!(check(harness, &Vec::new()), Err(Unverified), "without headers");
    let other = vec![("x-other".to_owned(), "value".to_owned())];
    assert_eq!(check(harness, &other), Err(Unverified), "with another header");
    let credentials = credentials(&signed_at(harness, now()), harness.bearer().as_deref());
    let checked = harness.without_secrets().check_headers(&credentials, now());
    assert_eq!(checked, Err(Unverified), "without secrets");
}

/// A bearer token that is made up is no reason to read the body.
pub async fn an_event_with_another_token_is_not_read(harness: &impl ProviderWebhookHarness) {
    let token = harness.bearer().unwrap_or_else(|| "token".to_owned());
    for wrong in wrong_tokens(&token) {
        let checked = harness.webhook().check_headers(&credentials(&[], Some(&wrong)), now());
        assert_eq!(checked, Err(Unverified), "{wrong:?}");
    }
}

/// Headers of a signature that are empty, cut or something else are no reason to read the body.
pub async fn a_signature_of_another_form_is_not_read(harness: &impl ProviderWebhookHarness) {
    let headers = signed_at(harness, now());
    for (number, (_, value)) in headers.iter().enumerate() {
        for other in ["", "x", &value[..value.len() - 1]] {
            let mut changed = headers.clone();
            other.clone_into(&mut changed[number].1);
            assert_eq!(check(harness, &changed), Err(Unverified), "header {number} is {other:?}");
        }
    }
}

/// A signature that is too old, or too far in the future, is no reason to read the body.
pub async fn a_signature_outside_its_window_is_not_read(harness: &impl ProviderWebhookHarness) {
    let (past, future) = harness.window();
    for at in [now().before(past + A_SECOND), now().after(future + A_SECOND)] {
        assert_eq!(check(harness, &signed_at(harness, at)), Err(Unverified), "signed at {at:?}");
    }
}

/// The body is read of an event that is signed with any of the secrets, from the start of its window
/// to the end, and of one with the bearer token. A wrong credential beside a right one does no harm.
pub async fn a_verified_event_is_read(harness: &impl ProviderWebhookHarness) {
    let (webhook, (past, future)) = (harness.webhook(), harness.window());
    for secret in [SigningSecret::First, SigningSecret::Second] {
        for at in [now().before(past), now(), now().after(future)] {
            let headers = harness.signature(BODY, at, secret);
            for bearer in [None, Some("wrong")] {
                let credentials = credentials(&headers, bearer);
                assert_eq!(webhook.verify(&credentials, BODY, now()), Ok(()));
                let checked = webhook.check_headers(&credentials, now());
                assert_eq!(checked, Ok(()), "signed with {secret:?} at {at:?}");
            }
        }
    }
    if let Some(token) = harness.bearer() {
        let stale = signed_at(harness, now().before(past + A_SECOND));
        for headers in [Vec::new(), stale] {
            let checked = webhook.check_headers(&credentials(&headers, Some(&token)), now());
            assert_eq!(checked, Ok(()), "with the bearer token");
        }
    }
}
