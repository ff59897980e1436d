//! The suite of [`ProviderWebhook`](domain::ports::ProviderWebhook).

mod headers;
mod large;
mod reading;
mod verifying;

use std::time::Duration;

use domain::ports::{Unverified, WebhookCredentials};
use domain::{Audio, AudioFormat, Timestamp};

use crate::fixtures::{call_id, conversation_id, moment, phone_number, provider_agent_id};
use crate::harness::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};

pub use headers::{
    a_signature_of_another_form_is_not_read, a_signature_outside_its_window_is_not_read,
    a_verified_event_is_read, an_event_with_another_token_is_not_read,
    an_event_without_credentials_is_not_read,
};
pub use large::{
    a_large_event_is_verified_like_any_other, a_large_recording_is_reported,
    no_other_large_event_is_shortened,
};
pub use reading::{
    a_body_that_is_not_an_event_is_refused, a_fuller_event_has_another_key, a_question_is_read,
    a_repeated_event_has_the_same_key, a_reply_names_the_caller, an_event_identifies_its_call,
    an_event_of_an_unknown_type_has_only_a_key, an_event_reports_its_call, another_event_has_another_key,
    nothing_personal_is_shown,
};
pub use verifying::{
    a_changed_body_is_refused, a_changed_signature_is_refused, a_signature_outside_its_window_is_refused,
    a_signed_event_is_verified, an_unsigned_event_is_refused, nothing_is_verified_without_secrets,
    only_the_configured_bearer_token_is_accepted, verification_does_not_parse_the_body,
};

suite! {
    $ provider_webhook_suite of provider_webhook:
    a_signed_event_is_verified,
    verification_does_not_parse_the_body,
    a_changed_body_is_refused,
    a_changed_signature_is_refused,
    an_unsigned_event_is_refused,
    a_signature_outside_its_window_is_refused,
    only_the_configured_bearer_token_is_accepted,
    nothing_is_verified_without_secrets,
    an_event_without_credentials_is_not_read,
    an_event_with_another_token_is_not_read,
    a_signature_of_another_form_is_not_read,
    a_signature_outside_its_window_is_not_read,
    a_verified_event_is_read,
    a_repeated_event_has_the_same_key,
    another_event_has_another_key,
    a_fuller_event_has_another_key,
    an_event_identifies_its_call,
    an_event_reports_its_call,
    an_event_of_an_unknown_type_has_only_a_key,
    a_body_that_is_not_an_event_is_refused,
    a_large_event_is_verified_like_any_other,
    a_large_recording_is_reported,
    no_other_large_event_is_shortened,
    nothing_personal_is_shown,
    a_question_is_read,
    a_reply_names_the_caller,
}

const A_SECOND: Duration = Duration::from_secs(1);

/// The time of most signatures, in whole seconds.
fn now() -> Timestamp {
    Timestamp::from_unix_millis(moment().unix_millis() / 1000 * 1000)
}

fn event(kind: SampleKind) -> SampleEvent {
    SampleEvent {
        kind,
        conversation_id: conversation_id(),
        call_id: call_id(),
        from: phone_number(),
        to: phone_number(),
        provider_agent_id: provider_agent_id(),
        said: "My card number is 4242.".to_owned(),
    }
}

fn every_kind() -> [SampleEvent; 4] {
    let audio = Audio { format: AudioFormat::Mp3, bytes: b"ID3\x04\x00\xff frames".to_vec() };
    [SampleKind::Conversation, SampleKind::FailedDial, SampleKind::Recording(audio), SampleKind::Unknown]
        .map(event)
}

/// The credentials of a request with these headers.
fn credentials(headers: &[(String, String)], bearer: Option<&str>) -> WebhookCredentials {
    WebhookCredentials::new(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())), bearer)
}

/// Tokens that resemble this one.
fn wrong_tokens(token: &str) -> [String; 6] {
    ["", " ", "token2", &token[1..], &token[..token.len() - 1], &format!("{token}x")].map(str::to_owned)
}

/// Verifies a body whose headers were made for it.
fn verify_signed(
    harness: &impl ProviderWebhookHarness,
    body: &[u8],
    signed_at: Timestamp,
    secret: SigningSecret,
) -> Result<(), Unverified> {
    let headers = harness.signature(body, signed_at, secret);
    harness.webhook().verify(&credentials(&headers, None), body, now())
}
