//! The suite of [`ProviderRecordings`](domain::ports::ProviderRecordings).

use domain::ports::PortUnavailable;
use domain::{Audio, ConversationId};

use crate::expect::shows_none_of;
use crate::fixtures::conversation_id;
use crate::harness::{ProviderRecordingsHarness, RecordingsUpstream};

suite! {
    $ provider_recordings_suite of provider_recordings:
    a_recording_is_fetched,
    a_missing_recording_is_none,
    an_unclear_response_is_unavailable,
    a_recording_that_is_too_large_is_unavailable,
    an_error_quotes_no_response,
    fetching_never_dials,
    a_fetch_is_at_most_two_requests,
}

async fn fetch(
    harness: &impl ProviderRecordingsHarness,
    conversation_id: &ConversationId,
) -> Result<Option<Audio>, PortUnavailable> {
    harness.recordings().fetch(conversation_id).await
}

/// A recording is fetched byte for byte and with its format, as often as it is asked for.
pub async fn a_recording_is_fetched(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, audio) = harness.recorded().await;
    assert!(!audio.bytes.is_empty(), "a recording has content");
    for _ in 0..2 {
        let fetched = fetch(harness, &conversation_id).await.expect("the provider responds");
        let fetched = fetched.expect("the provider has a recording");
        assert_eq!(fetched.format, audio.format);
        assert!(fetched.bytes == audio.bytes, "{} bytes of {}", fetched.bytes.len(), audio.bytes.len());
    }
}

/// Neither a conversation without a recording nor an unknown conversation has one.
pub async fn a_missing_recording_is_none(harness: &impl ProviderRecordingsHarness) {
    harness.recorded().await;
    for id in [harness.unrecorded().await, conversation_id()] {
        assert_eq!(fetch(harness, &id).await, Ok(None), "{id}");
    }
}

/// What does not show whether there is a recording is unavailable, not absent.
pub async fn an_unclear_response_is_unavailable(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    for upstream in RecordingsUpstream::UNCLEAR {
        harness.upstream(upstream).await;
        let fetched = fetch(harness, &conversation_id).await;
        assert!(fetched.is_err(), "{upstream:?} gives {fetched:?}");
    }
}

/// A recording above 16 MiB is unavailable. None of it is returned.
pub async fn a_recording_that_is_too_large_is_unavailable(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    harness.upstream(RecordingsUpstream::TooLarge).await;
    let fetched = fetch(harness, &conversation_id).await;
    assert!(fetched.is_err(), "a recording that is too large gives {fetched:?}");
}

/// Errors are logged, so they contain nothing that the provider wrote.
pub async fn an_error_quotes_no_response(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    for upstream in [
        RecordingsUpstream::RefusesTheKey,
        RecordingsUpstream::ServerError,
        RecordingsUpstream::ForeignResponse,
    ] {
        harness.upstream(upstream).await;
        let error = fetch(harness, &conversation_id).await.expect_err("no recording was sent");
        shows_none_of(&format!("{error} {error:?}"), &[RecordingsUpstream::QUOTED]);
    }
}

/// No request for a recording is a request to dial.
pub async fn fetching_never_dials(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    let unrecorded = harness.unrecorded().await;
    let dials = harness.dials().await;
    assert!(dials > 0, "the harness does not count dials");
    for upstream in [RecordingsUpstream::Responds, RecordingsUpstream::ServerError] {
        harness.upstream(upstream).await;
        for id in [&conversation_id, &unrecorded] {
            let _recording = fetch(harness, id).await;
        }
    }
    assert_eq!(harness.dials().await, dials, "requests to dial");
}

/// One call of `fetch` sends at least one request and at most two.
pub async fn a_fetch_is_at_most_two_requests(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    for upstream in [
        RecordingsUpstream::RefusesTheKey,
        RecordingsUpstream::ServerError,
        RecordingsUpstream::ForeignResponse,
        RecordingsUpstream::CutResponse,
    ] {
        harness.upstream(upstream).await;
        let _recording = fetch(harness, &conversation_id).await;
        let requests = harness.requests().await;
        assert!((1..=2).contains(&requests), "{requests} requests to a provider with {upstream:?}");
    }
}
