//! Old data is removed kind by kind, in batches. Audio is removed before its name.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::ports::{
    Clock, MockRecordingStore, MockRetention, OldRows, RecordingStore, RemovedRows, RetentionBatch,
    RetentionCursor,
};
use domain::{
    AudioFormat, CallId, RecordingKey, RemoveOldData, RemoveOldDataPorts, RemovedBatch, RetentionTimes,
    Timestamp,
};
use testkit::clock::ManualClock;
use testkit::fixtures::call_id;

use crate::world::unavailable;

const DAY: Duration = Duration::from_hours(24);

/// Each kind with an age of its own.
const TIMES: RetentionTimes = RetentionTimes {
    provider_events: Some(Duration::from_hours(24)),
    deliveries: Some(Duration::from_hours(48)),
    transcripts: Some(Duration::from_hours(72)),
    recordings: Some(Duration::from_hours(96)),
    decisions: Some(Duration::from_hours(120)),
    calls: Some(Duration::from_hours(144)),
};

fn use_case(
    retention: MockRetention,
    recordings: Option<MockRecordingStore>,
    times: RetentionTimes,
    clock: &Arc<ManualClock>,
) -> RemoveOldData {
    let recordings = recordings.map(|store| Arc::new(store) as Arc<dyn RecordingStore>);
    RemoveOldData::new(
        RemoveOldDataPorts { retention: Arc::new(retention), recordings, clock: clock.clone() },
        times,
    )
}

fn recordings(count: usize) -> Vec<(CallId, RecordingKey)> {
    let ids = (0..count).map(|_| call_id());
    ids.map(|id| (id.clone(), RecordingKey::of(&id, AudioFormat::Mp3))).collect()
}

#[tokio::test]
async fn each_kind_is_removed_by_its_age_and_calls_are_last() {
    let clock = Arc::new(ManualClock::new());
    let (mut retention, seen) = (MockRetention::new(), Arc::new(Mutex::new(Vec::new())));
    let (of_rows, of_recordings) = (seen.clone(), seen.clone());
    retention.expect_remove().returning(move |batch| {
        of_rows.lock().expect("no test panics").push((batch.rows.name(), batch.before));
        Ok(RemovedRows { rows: 0, next: None })
    });
    retention.expect_old_recordings().returning(move |before, _| {
        of_recordings.lock().expect("no test panics").push(("recordings", before));
        Ok(Vec::new())
    });
    let use_case = use_case(retention, Some(MockRecordingStore::new()), TIMES, &clock);
    let (now, mut run) = (clock.now(), use_case.begin());
    // What becomes old during a run is left to the next one.
    clock.advance(DAY).await;
    while use_case.next_batch(&mut run).await.expect("store is up").is_some() {}
    let days: [(&str, u32); 10] = [
        ("provider_events", 1),
        ("deliveries", 2),
        ("call_events", 2),
        ("transcripts", 3),
        ("decisions", 5),
        ("refusal_counts", 5),
        ("attempts", 5),
        ("listed_numbers", 5),
        ("recordings", 4),
        ("calls", 6),
    ];
    let expected: Vec<(&str, Timestamp)> = days.map(|(kind, days)| (kind, now.before(DAY * days))).to_vec();
    assert_eq!(*seen.lock().expect("no test panics"), expected);
}

#[tokio::test]
async fn a_run_without_times_removes_nothing() {
    let clock = Arc::new(ManualClock::new());
    let use_case = use_case(MockRetention::new(), None, RetentionTimes::default(), &clock);
    assert!(!RetentionTimes::default().remove_something() && TIMES.remove_something());
    assert_eq!(use_case.next_batch(&mut use_case.begin()).await, Ok(None));
}

#[tokio::test]
async fn a_batch_begins_where_the_one_before_ended_and_is_repeated_after_a_failure() {
    let clock = Arc::new(ManualClock::new());
    let (mut retention, seen) = (MockRetention::new(), Arc::new(Mutex::new(Vec::new())));
    let cursors = seen.clone();
    let mut results = [
        Ok(RemovedRows { rows: 250, next: Some(RetentionCursor("a".to_owned())) }),
        Err(unavailable()),
        Ok(RemovedRows { rows: 3, next: None }),
    ]
    .into_iter();
    retention.expect_remove().returning(move |RetentionBatch { rows, after, .. }| {
        assert_eq!(*rows, OldRows::ProviderEvents);
        cursors.lock().expect("no test panics").push(after.clone().map(|cursor| cursor.0));
        results.next().expect("three batches")
    });
    let times = RetentionTimes { provider_events: Some(DAY), ..RetentionTimes::default() };
    let use_case = use_case(retention, None, times, &clock);
    let mut run = use_case.begin();
    let kind = "provider_events";
    assert_eq!(use_case.next_batch(&mut run).await, Ok(Some(RemovedBatch { kind, rows: 250 })));
    assert!(use_case.next_batch(&mut run).await.is_err());
    assert_eq!(run.kind(), Some(kind));
    assert_eq!(use_case.next_batch(&mut run).await, Ok(Some(RemovedBatch { kind, rows: 3 })));
    assert_eq!(use_case.next_batch(&mut run).await, Ok(None));
    let at = |cursor: &str| Some(cursor.to_owned());
    assert_eq!(*seen.lock().expect("no test panics"), [None, at("a"), at("a")]);
}

/// The names of audio that was removed before the failure are forgotten. The others are tried again.
#[tokio::test]
async fn names_are_forgotten_after_their_audio_is_removed() {
    let clock = Arc::new(ManualClock::new());
    let old = recordings(3);
    let (mut retention, mut store) = (MockRetention::new(), MockRecordingStore::new());
    let (listed, forgotten) = (old.clone(), old[..1].to_vec());
    retention.expect_old_recordings().returning(move |_, _| Ok(listed.clone()));
    let failing = old[1].1.clone();
    let mut sequence = mockall::Sequence::new();
    let first = old[0].1.clone();
    store
        .expect_remove()
        .withf(move |key| *key == first)
        .times(1)
        .in_sequence(&mut sequence)
        .return_const(Ok(()));
    store
        .expect_remove()
        .withf(move |key| *key == failing)
        .times(1)
        .in_sequence(&mut sequence)
        .returning(|_| Err(unavailable()));
    retention
        .expect_forget_recordings()
        .withf(move |removed| removed == forgotten)
        .times(1)
        .in_sequence(&mut sequence)
        .return_const(Ok(()));
    let times = RetentionTimes { recordings: Some(DAY), ..RetentionTimes::default() };
    let use_case = use_case(retention, Some(store), times, &clock);
    assert!(use_case.next_batch(&mut use_case.begin()).await.is_err());
}

/// They are as old as their calls then, and without a store they stay.
#[tokio::test]
async fn recordings_are_removed_before_their_calls() {
    let clock = Arc::new(ManualClock::new());
    let times = RetentionTimes { calls: Some(DAY), ..RetentionTimes::default() };
    for (store, first) in [(Some(MockRecordingStore::new()), "recordings"), (None, "calls")] {
        let use_case = use_case(MockRetention::new(), store, times, &clock);
        assert_eq!(use_case.begin().kind(), Some(first));
    }
}
