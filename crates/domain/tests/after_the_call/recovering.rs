use std::sync::Arc;
use std::time::Duration;

use domain::ports::{
    AudioStream, CallUpdater, Clock, FetchedRecording, MockProviderRecordings, MockRecordingStore,
    ProviderRecordings, PutError, RecordingStore,
};
use domain::{
    Audio, AudioFormat, Booking, CallStatus, CallUpdate, ConversationId, ConversationRecord, DialOutcome,
    NotDialledReason, ReconcileTimes, RecordingKey, RecordingReport, RecoverRecordings,
    RecoverRecordingsPorts, UpdateContent,
};
use futures_util::stream;
use testkit::fixtures::provider_reference;
use testkit::memory::Provider;

use crate::world::{World, unavailable};

const TIMES: ReconcileTimes = ReconcileTimes {
    decided_within: Duration::from_secs(120),
    reported_within: Duration::from_mins(15),
    pause: Duration::from_secs(60),
    given_up_after: Duration::from_hours(48),
};
const MAX_BYTES: u64 = 5;
const A_MILLISECOND: Duration = Duration::from_millis(1);

fn provider() -> Provider {
    Provider::new(DialOutcome::NotDialled(NotDialledReason::Unavailable))
}

fn use_case(world: &World, provider: &Provider, recordings: Arc<dyn RecordingStore>) -> RecoverRecordings {
    recovering(world, Arc::new(provider.clone()), recordings)
}

fn recovering(
    world: &World,
    provider: Arc<dyn ProviderRecordings>,
    recordings: Arc<dyn RecordingStore>,
) -> RecoverRecordings {
    let memory = Arc::new(world.memory.clone());
    let ports = RecoverRecordingsPorts {
        unfinished: memory.clone(),
        updater: memory,
        provider,
        recordings,
        clock: world.clock.clone(),
    };
    RecoverRecordings::new(ports, TIMES, MAX_BYTES)
}

async fn recover(world: &World, provider: &Provider) -> usize {
    let use_case = use_case(world, provider, Arc::new(world.memory.clone()));
    use_case.run_once().await.expect("the store is not lost")
}

/// A completed call that has a recording at the provider.
async fn completed(world: &World) -> (Booking, ConversationId) {
    let reference = provider_reference();
    let conversation_id = reference.conversation_id.clone().expect("the reference has both ids");
    let booking = world.place(reference).await;
    let content = UpdateContent::Conversation(ConversationRecord {
        has_recording: true,
        ..ConversationRecord::new(CallStatus::Completed)
    });
    let update = CallUpdate { conversation_id: None, carrier_call_id: None, content };
    world.memory.merge(&booking.identity.call_id, &update).await.expect("the store is not lost");
    (booking, conversation_id)
}

fn audio(format: AudioFormat, bytes: &[u8]) -> Audio {
    Audio { format, bytes: bytes.to_vec() }
}

#[tokio::test]
async fn a_recording_of_the_provider_is_stored_and_attached() {
    let (world, provider) = (World::new(), provider());
    let recordings = [audio(AudioFormat::Wav, b"RIFF"), audio(AudioFormat::Mp3, b"voice")];
    let mut calls = Vec::new();
    for audio in &recordings {
        let (booking, conversation_id) = completed(&world).await;
        provider.add_recording(&conversation_id, audio.clone());
        calls.push(booking);
    }
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert_eq!(recover(&world, &provider).await, 2);
    for (booking, audio) in calls.iter().zip(recordings) {
        let key = RecordingKey::of(&booking.identity.call_id, audio.format);
        let attached = world.call(booking).recording.expect("the recording is attached");
        assert_eq!((&attached.key, attached.size_bytes), (&key, audio.bytes.len() as u64));
        assert_eq!(world.memory.tables().recordings.get(key.as_str()), Some(&audio.bytes));
    }
}

/// The largest recording that is stored has as many bytes as the limit.
#[tokio::test]
async fn a_recording_above_the_limit_is_too_large_and_not_fetched_again() {
    let (world, provider) = (World::new(), provider());
    let (largest, largest_conversation) = completed(&world).await;
    provider.add_recording(&largest_conversation, audio(AudioFormat::Mp3, b"voice"));
    let (larger, larger_conversation) = completed(&world).await;
    provider.add_recording(&larger_conversation, audio(AudioFormat::Mp3, b"voices"));
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert_eq!(recover(&world, &provider).await, 2);
    assert!(world.call(&largest).recording.is_some());
    let call = world.call(&larger);
    assert_eq!((call.recording, call.progress.recording), (None, Some(RecordingReport::TooLarge)));
    assert_eq!(world.memory.tables().recordings.len(), 1, "a part of a recording is stored");
    let mut runs = 0;
    while world.clock.now().since(largest.booked_at) < TIMES.given_up_after {
        world.clock.advance(Duration::from_hours(6)).await;
        assert_eq!(recover(&world, &provider).await, 0, "the recording is fetched again");
        runs += 1;
    }
    assert!(runs > 5, "{runs}");
}

/// The provider's connection may break in the middle of a recording.
#[tokio::test]
async fn a_recording_that_is_cut_is_fetched_again() {
    let world = World::new();
    let (booking, _) = completed(&world).await;
    let mut provider = MockProviderRecordings::new();
    let mut attempts = 0;
    provider.expect_fetch().times(2).returning(move |_, _| {
        attempts += 1;
        let second = if attempts == 1 { Err(unavailable().into()) } else { Ok(b"ce".to_vec()) };
        let audio = AudioStream::new(stream::iter([Ok(b"voi".to_vec()), second]));
        Ok(Some(FetchedRecording { format: AudioFormat::Mp3, audio }))
    });
    let use_case = recovering(&world, Arc::new(provider), Arc::new(world.memory.clone()));
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert_eq!(use_case.run_once().await, Ok(1));
    assert_eq!(world.call(&booking).progress.recording, None);
    assert!(world.memory.tables().recordings.is_empty(), "a part of a recording is stored");
    world.clock.advance(TIMES.reported_within).await;
    assert_eq!(use_case.run_once().await, Ok(1));
    assert_eq!(world.call(&booking).recording.map(|recording| recording.size_bytes), Some(5));
}

/// Otherwise the ledger could point at a recording that does not exist.
#[tokio::test]
async fn a_recording_is_stored_before_it_is_attached() {
    let (world, provider) = (World::new(), provider());
    let (booking, conversation_id) = completed(&world).await;
    provider.add_recording(&conversation_id, audio(AudioFormat::Mp3, b"voice"));
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    let mut full = MockRecordingStore::new();
    full.expect_put().times(1).returning(|_, _, _| Err(PutError::Store(unavailable())));
    assert_eq!(use_case(&world, &provider, Arc::new(full)).run_once().await, Ok(1));
    assert_eq!(world.call(&booking).recording, None);
}

#[tokio::test]
async fn a_recording_that_cannot_be_fetched_does_not_delay_the_others() {
    let (world, provider) = (World::new(), provider());
    let (missing, _) = completed(&world).await;
    let (booking, conversation_id) = completed(&world).await;
    provider.add_recording(&conversation_id, audio(AudioFormat::Mp3, b"voice"));
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert_eq!(recover(&world, &provider).await, 2);
    assert_eq!(world.call(&missing).recording, None);
    assert!(world.call(&booking).recording.is_some());

    let (world, lost) = (World::new(), self::provider());
    completed(&world).await;
    completed(&world).await;
    lost.lose_records();
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert_eq!(recover(&world, &lost).await, 2, "an error does not end the run");
}

#[tokio::test]
async fn a_call_is_asked_about_when_its_recording_is_overdue_and_until_it_is_given_up() {
    let too_old = TIMES.given_up_after + A_MILLISECOND;
    for (age, expected) in [
        (TIMES.reported_within, 0),
        (TIMES.reported_within + A_MILLISECOND, 1),
        (TIMES.given_up_after, 1),
        (too_old, 0),
    ] {
        let world = World::new();
        completed(&world).await;
        world.clock.advance(age).await;
        assert_eq!(recover(&world, &provider()).await, expected, "after {age:?}");
        assert_eq!(recover(&world, &provider()).await, 0, "the call is leased");
    }
}

/// A recording has megabytes, and one run has one batch of them in memory after the other.
#[tokio::test]
async fn one_run_fetches_a_few_recordings() {
    let world = World::new();
    for _ in 0..12 {
        completed(&world).await;
    }
    world.clock.advance(TIMES.reported_within + A_MILLISECOND).await;
    assert!((1..10).contains(&recover(&world, &provider()).await));
}
