use std::time::Duration;

use domain::ports::{MAX_SHORTENED_LEN, Unverified, WebhookCredentials};
use domain::{Audio, AudioFormat, RecordingReport, Timestamp, UpdateContent};

use super::{credentials, event, now};
use crate::harness::{ProviderWebhookHarness, SampleEvent, SampleKind, SigningSecret};

/// Sizes of the parts in which a body arrives.
const PART_LENS: [usize; 3] = [1000, 65_536, usize::MAX];

/// Receives a body in parts. `None` if the adapter receives no large events.
fn receive(
    harness: &impl ProviderWebhookHarness,
    credentials: &WebhookCredentials,
    body: &[u8],
    part_len: usize,
    now: Timestamp,
) -> Option<Result<Option<Vec<u8>>, Unverified>> {
    let large = harness.webhook().receive_large(credentials);
    assert_eq!(large.is_some(), harness.sends_large_events(), "the adapter receives large events");
    let mut large = large?;
    body.chunks(part_len).for_each(|part| large.receive(part));
    Some(large.finish(now))
}

fn signed(
    harness: &impl ProviderWebhookHarness,
    body: &[u8],
    at: Timestamp,
    secret: SigningSecret,
) -> WebhookCredentials {
    credentials(&harness.signature(body, at, secret), None)
}

/// A recording that makes its event larger than the shorter body may be.
fn with_recording() -> SampleEvent {
    let audio = Audio { format: AudioFormat::Mp3, bytes: [b"ID3".as_slice(), &[0xff; 600_000]].concat() };
    event(SampleKind::Recording(audio))
}

/// A large event is verified with each secret and with the bearer token, in parts of any size. It is
/// refused if a byte at its beginning, in its recording or at its end was changed, without a
/// signature, with a foreign one, and outside the window.
pub async fn a_large_event_is_verified_like_any_other(harness: &impl ProviderWebhookHarness) {
    use SigningSecret::{First, Foreign, Second};

    let body = harness.event(&with_recording());
    let bearer = harness.bearer().map(|bearer| credentials(&[], Some(&bearer)));
    let accepted = [First, Second].map(|secret| signed(harness, &body, now(), secret));
    for part_len in PART_LENS {
        for credentials in accepted.iter().chain(&bearer) {
            let received = receive(harness, credentials, &body, part_len, now());
            assert!(received.is_none_or(|received| received.is_ok()), "in parts of {part_len}");
        }
        let foreign = signed(harness, &body, now(), Foreign);
        for credentials in [foreign, credentials(&[], None), credentials(&[], Some("another"))] {
            let received = receive(harness, &credentials, &body, part_len, now());
            assert!(received.is_none_or(|received| received == Err(Unverified)), "in parts of {part_len}");
        }
        for index in [0, body.len() / 2, body.len() - 1] {
            let mut changed = body.clone();
            changed[index] ^= 1;
            let received = receive(harness, &accepted[0], &changed, part_len, now());
            assert!(received.is_none_or(|received| received == Err(Unverified)), "byte {index} was changed");
        }
    }
    let (past, future) = harness.window();
    for at in [now().before(past + Duration::from_secs(2)), now().after(future + Duration::from_secs(2))] {
        let received = receive(harness, &signed(harness, &body, at, First), &body, usize::MAX, now());
        assert!(received.is_none_or(|received| received == Err(Unverified)), "signed at {at:?}");
    }
}

/// The shorter body is the same event. It reports that the provider has the recording.
pub async fn a_large_recording_is_reported(harness: &impl ProviderWebhookHarness) {
    let body = harness.event(&with_recording());
    let whole = harness.webhook().read(&body, now()).expect("the body is an event");
    assert!(whole.recording.is_some(), "the event has a recording");
    let credentials = signed(harness, &body, now(), SigningSecret::First);
    let mut keys = Vec::new();
    for part_len in PART_LENS {
        let Some(received) = receive(harness, &credentials, &body, part_len, now()) else { continue };
        let shorter = received.expect("it is signed").expect("the event carries a recording");
        assert!(shorter.len() <= MAX_SHORTENED_LEN, "{} bytes", shorter.len());
        let read = harness.webhook().read(&shorter, now()).expect("the shorter body is an event");
        assert_eq!((&read.kind, &read.lookup), (&whole.kind, &whole.lookup));
        keys.push(read.key);
        let content = read.update.map(|update| update.content);
        let expected = UpdateContent::Recording(RecordingReport::AtProvider);
        assert_eq!((content, read.recording), (Some(expected), None));
    }
    keys.dedup();
    assert!(keys.len() <= 1, "keys of one event: {keys:?}");
}

/// A conversation is not shortened: nothing else could fetch what is left out.
pub async fn no_other_large_event_is_shortened(harness: &impl ProviderWebhookHarness) {
    for kind in [SampleKind::Conversation, SampleKind::Unknown] {
        let event = SampleEvent { said: "What \"was\" said. ".repeat(40_000), ..event(kind) };
        let body = harness.event(&event);
        let credentials = signed(harness, &body, now(), SigningSecret::First);
        for part_len in [7, 65_536] {
            let received = receive(harness, &credentials, &body, part_len, now());
            assert!(received.is_none_or(|received| received == Ok(None)), "{:?} is shortened", event.kind);
        }
    }
}
