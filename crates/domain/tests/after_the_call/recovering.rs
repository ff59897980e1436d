use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    MockCallUpdater, MockClock, MockProviderRecordings, MockRecordingStore, MockUnfinishedCalls,
    PortUnavailable,
};
use domain::{
    Audio, AudioFormat, CallId, ConversationId, ReconcileTimes, RecoverRecordings, RecoverRecordingsPorts,
    Timestamp,
};

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

const TIMES: ReconcileTimes = ReconcileTimes {
    decided_within: Duration::from_secs(120),
    reported_within: Duration::from_mins(15),
    pause: Duration::from_secs(60),
    given_up_after: Duration::from_hours(48),
};

fn away() -> PortUnavailable {
    PortUnavailable::new("provider", "away")
}

fn call_id(number: u8) -> CallId {
    CallId::mint(1, [number; 8])
}

/// Two calls are overdue; the provider says this of the first, and brings the second. How many were asked for, and what was
/// written.
async fn recovered(
    first: Result<Option<Audio>, PortUnavailable>,
) -> (Result<usize, PortUnavailable>, Vec<String>) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    let conversation = |name: &str| ConversationId::parse(name).expect("an id");
    let mut unfinished = MockUnfinishedCalls::new();
    unfinished
        .expect_lease_unrecorded()
        .withf(|lease| {
            lease.now == NOW
                && lease.booked_before == NOW.before(TIMES.reported_within)
                && lease.given_up_before == NOW.before(TIMES.given_up_after)
                && lease.lease_for == TIMES.pause
                && (1..10).contains(&lease.limit)
        })
        .returning(move |_| {
            Ok(vec![(call_id(1), conversation("first")), (call_id(2), conversation("second"))])
        });
    let noted = steps.clone();
    let mut updater = MockCallUpdater::new();
    updater.expect_attach_recording().returning(move |call, recording| {
        noted.lock().expect("no panic").push(format!("attach {call} {}", recording.size_bytes));
        Ok(())
    });
    let mut provider = MockProviderRecordings::new();
    provider.expect_fetch().returning(move |id| match id.as_str() {
        "first" => first.clone(),
        _ => Ok(Some(Audio { format: AudioFormat::Mp3, bytes: b"voice".to_vec() })),
    });
    let mut store = MockRecordingStore::new();
    let noted = steps.clone();
    store.expect_put().returning(move |key, _, _| {
        noted.lock().expect("no panic").push(format!("put {key}"));
        Ok(())
    });
    let ports = RecoverRecordingsPorts {
        unfinished: Arc::new(unfinished),
        updater: Arc::new(updater),
        provider: Arc::new(provider),
        recordings: Arc::new(store),
        clock: Arc::new(clock),
    };
    let asked = RecoverRecordings::new(ports, TIMES).run_once().await;
    let steps = steps.lock().expect("no panic").clone();
    (asked, steps)
}

#[tokio::test]
async fn what_the_provider_kept_is_stored_before_the_books_point_at_it() {
    let audio = Audio { format: AudioFormat::Wav, bytes: b"RIFF".to_vec() };
    let (first, second) = (call_id(1), call_id(2));
    let steps = [
        format!("put {first}.wav"),
        format!("attach {first} 4"),
        format!("put {second}.mp3"),
        format!("attach {second} 5"),
    ];
    assert_eq!(recovered(Ok(Some(audio))).await, (Ok(2), steps.to_vec()));
}

#[tokio::test]
async fn a_recording_that_cannot_be_had_does_not_hold_up_the_others() {
    let second = call_id(2);
    let steps = vec![format!("put {second}.mp3"), format!("attach {second} 5")];
    assert_eq!(recovered(Ok(None)).await, (Ok(2), steps.clone()));
    assert_eq!(recovered(Err(away())).await, (Ok(2), steps));
}
