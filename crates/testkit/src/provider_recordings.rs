//! The suite of [`ProviderRecordings`](domain::ports::ProviderRecordings).

use domain::ports::{AudioError, FetchedRecording, PortUnavailable};
use domain::{Audio, ConversationId};

use crate::expect::shows_none_of;
use crate::fixtures::{call_id, conversation_id};
use crate::harness::{ProviderRecordingsHarness, RecordingsUpstream};

suite! {
    $ provider_recordings_suite of provider_recordings:
    a_recording_is_fetched,
    a_large_recording_is_fetched_in_chunks,
    a_missing_recording_is_none,
    an_unclear_response_is_unavailable,
    an_error_quotes_no_response,
    fetching_never_dials,
    a_fetch_is_at_most_two_requests,
}

/// The largest chunk, in bytes.
const MAX_CHUNK_LEN: usize = 1 << 20;

/// Fetches a recording and reads it to its end.
async fn fetch(
    harness: &impl ProviderRecordingsHarness,
    conversation_id: &ConversationId,
) -> Result<Option<Audio>, PortUnavailable> {
    let Some(fetched) = harness.recordings().fetch(&call_id(), conversation_id).await? else {
        return Ok(None);
    };
    let FetchedRecording { format, audio } = fetched;
    match audio.read_to_end().await {
        Ok(bytes) => Ok(Some(Audio { format, bytes })),
        Err(AudioError::Unavailable(error)) => Err(error),
        Err(AudioError::TooLarge) => panic!("the gateway limits the size, and not the adapter"),
    }
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

/// A recording of any size is fetched, and no chunk holds much of it.
pub async fn a_large_recording_is_fetched_in_chunks(harness: &impl ProviderRecordingsHarness) {
    let (conversation_id, _) = harness.recorded().await;
    harness.upstream(RecordingsUpstream::Large).await;
    let fetched =
        harness.recordings().fetch(&call_id(), &conversation_id).await.expect("the provider responds");
    let FetchedRecording { mut audio, .. } = fetched.expect("the provider has a recording");
    let mut len = 0;
    while let Some(chunk) = audio.next().await {
        let chunk = chunk.expect("the provider sends the whole recording");
        assert!(chunk.len() <= MAX_CHUNK_LEN, "a chunk of {} bytes", chunk.len());
        len += chunk.len();
    }
    assert_eq!(len, RecordingsUpstream::LARGE_LEN, "bytes of the recording");
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
